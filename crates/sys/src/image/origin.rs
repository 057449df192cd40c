//! A question of the C library that costs more than its answer is worth.

/// In the place of glibc's function of that name: where the program lies, or -1 if that
/// isn't known. Its start-up code asks in every static program, in case that loads libraries
/// from beside itself, and to find out `/proc/self/exe` takes the kernel as long as forty
/// page faults. We never load any.
#[unsafe(no_mangle)]
#[cfg(target_feature = "crt-static")]
extern "C" fn _dl_get_origin() -> *const std::ffi::c_char {
    std::ptr::without_provenance(usize::MAX)
}
