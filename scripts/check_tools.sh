#!/bin/sh
# Says which of the named tools is missing and what installs it. `--print-python` prints a Python that is new enough.
set -u

missing=0

python_command() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

if [ "${1:-}" = --print-python ]; then
    python_command
    exit
fi

# The first package manager that is there decides what the advice says.
installer() { # installer DEBIAN FEDORA BREW
    if command -v apt-get >/dev/null 2>&1; then
        echo "sudo apt-get install -y $1"
    elif command -v dnf >/dev/null 2>&1; then
        echo "sudo dnf install -y $2"
    else
        echo "brew install $3"
    fi
}

lacking() { # lacking WHAT ADVICE
    echo "missing: $1" >&2
    echo "   try:  $2" >&2
    missing=1
}

for tool in "$@"; do
    case $tool in
    python)
        if ! python=$(python_command); then
            lacking "Python 3.11 or newer" "$(installer python3 python3.12 python@3.12)"
        elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
            lacking "Python's venv and pip" "$(installer "python$version-venv python3-pip" python3-pip python@3.12)"
        fi
        ;;
    cargo)
        wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
        if ! command -v cargo >/dev/null 2>&1; then
            lacking "cargo (Rust $wanted or newer)" "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
        elif ! found=$(cargo --version 2>/dev/null); then
            lacking "a Rust toolchain for cargo" "rustup default stable"
        else
            found=$(echo "$found" | cut -d' ' -f2)
            oldest=$(printf '%s\n%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1)
            [ "$oldest" = "$wanted" ] || lacking "Rust $wanted or newer (this is $found)" "rustup update stable"
        fi
        ;;
    cc)
        command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 ||
            lacking "a C compiler" "$(installer "gcc libc6-dev" gcc gcc)"
        ;;
    node)
        for part in node npm; do
            command -v "$part" >/dev/null 2>&1 || lacking "$part" "$(installer "nodejs npm" "nodejs npm" node)"
        done
        ;;
    esac
done

exit "$missing"
