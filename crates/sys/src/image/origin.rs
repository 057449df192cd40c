//! Replaces a function of the C library that costs more than its result is worth.

/// Replaces glibc's function of this name, which returns the directory of the program, or -1 if it
/// is unknown. The start-up code of every static program calls it for loading libraries from that
/// directory. Reading `/proc/self/exe` for it takes the kernel as long as forty page faults. The
/// supervisor never loads a library.
#[unsafe(no_mangle)]
#[cfg(target_feature = "crt-static")]
extern "C" fn _dl_get_origin() -> *const std::ffi::c_char {
    std::ptr::without_provenance(usize::MAX)
}
