# What setup-dist and setup-tests have in common; they read it with `.`, in the root of the
# repository, and set `me` to their name first.

say() { echo "$me: $*" >&2; }

# Installs these packages of Debian's; without root it says what to install.
install_packages() {
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "please install: $*"
        say "(as root, on Debian and Ubuntu: apt-get install $*)"
        exit 1
    fi
    say "installing $*"
    export DEBIAN_FRONTEND=noninteractive
    # Lists may be old or not there at all.
    apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 || {
        apt-get update -qq >&2
        apt-get install -qq -y --no-install-recommends "$@" >&2
    }
}

# Makes the Python environment $1 with what the file $2 lists. The others are files that it
# includes. Done in a moment if it was made by this Python and from these lists.
make_environment() {
    environment=$1
    list=$2
    shift 2
    wanted=$(python3 -c 'import sys; print(sys.version)' && cat "$list" "$@")
    [ "$(cat "$environment/installed" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing $list into $environment"
    python3 -m venv --clear "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --requirement "$list" >&2
    # Last, so that an installation that was cut short is done again.
    echo "$wanted" >"$environment/installed"
}
