# How programs are built for the architecture $arch, amd64 or arm64. scripts/dist and
# scripts/test-arm64 read it with `.`, in the root of the repository. It sets `target` and `machine`,
# cargo's variables for it, and PATH where a compiler other than the installed one is needed.

case $arch in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*)
    echo "unknown architecture '$arch'; expected amd64 or arm64" >&2
    exit 1
    ;;
esac
target=$machine-unknown-linux-gnu

# Not RUSTFLAGS: they would reach build scripts and procedural macros, which can't
# be static; and where they are set, what we set below would not count.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
# Replace the paths of the build machine, because they differ between machines.
flags="-C target-feature=+crt-static"
flags="$flags --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$PWD=/src"
if [ "$arch" = arm64 ]; then
    flags="$flags -C relocation-model=pie"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER="$PWD/scripts/aarch64-static-pie-gcc"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$flags"
    # scripts/setup-arm64 made it if the installed toolchain has no library for arm64.
    if [ ! -d "$(rustc --print target-libdir --target "$target")" ]; then
        [ -x target/arm64/bin/cargo ] || {
            echo "no Rust for $target: run scripts/setup-arm64 first" >&2
            exit 1
        }
        cargo fetch --quiet --locked
        PATH=$PWD/target/arm64/bin:$PATH
        # That compiler has no `cc`, and no other compiler can use its results.
        export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=gcc
        export CARGO_TARGET_DIR="$PWD/target/arm64/build"
        # The C library that is linked, for the SBOM.
        export LIBC_ARCHIVE="$PWD/target/arm64/rust/usr/aarch64-linux-gnu/lib/libc.a"
    fi
else
    # A start runs functions that lie next to each other, which causes fewer page faults. The path is
    # relative to the root: cargo counts flags as part of the sources, and its own path would differ.
    flags="$flags -C link-arg=-Wl,-T,scripts/start-order.ld"
    # Store the addresses that a start adjusts in a table of 3 KB instead of 240 KB. The static libc
    # reads that table since glibc 2.36.
    case $(getconf GNU_LIBC_VERSION 2>/dev/null) in
    "glibc 2."[0-9] | "glibc 2."[12][0-9] | "glibc 2.3"[0-5]) ;;
    "glibc 2."*) flags="$flags -C link-arg=-Wl,-z,pack-relative-relocs" ;;
    esac
    export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="$flags"
fi
