#!/bin/sh
# Installs cfstore, or removes it: `sh install.sh --help`.
#
# Nothing is placed before its SHA-256 is the one that SHA256SUMS names. All of it is in functions that the last line
# calls: a script that was cut off on its way does nothing.

set -eu

usage() {
    cat <<'HELP'
Installs cfstore from the archives of a release, or removes it.

  sh install.sh               install it, in place of an older one
  sh install.sh --uninstall   remove it; what it stored stays

Variables:
  CFSTORE_BASE_URL     the folder of the release: SHA256SUMS and the archives are in it. Needed to install;
                       http(s), or file where curl is installed
  CFSTORE_VERSION      the version, such as 0.1.0; without it, the one that the folder has
  CFSTORE_INSTALL_DIR  where the program goes; without it, ~/.local/bin
HELP
}

main() {
    case "${1-}" in
        '') [ $# -eq 0 ] || fail "an empty argument" "sh install.sh --help" ;;
        --help | -h) usage; return ;;
        --uninstall) ;;
        *) fail "the argument $1 is not known" "sh install.sh --help" ;;
    esac
    [ $# -le 1 ] || fail "one argument is the most" "sh install.sh --help"
    dir=$(install_dir)
    case "${1-}" in
        --uninstall) uninstall "$dir" ;;
        *) install_to "$dir" ;;
    esac
}

# What went wrong, and what to do.
fail() {
    printf 'error: %s\n' "$1" >&2
    printf '  %s\n' "$2" >&2
    exit 1
}

install_dir() {
    if [ -n "${CFSTORE_INSTALL_DIR-}" ]; then
        printf '%s\n' "$CFSTORE_INSTALL_DIR"
    elif [ -n "${HOME-}" ]; then
        printf '%s\n' "$HOME/.local/bin"
    else
        fail "HOME is not set" "name the folder for the program: CFSTORE_INSTALL_DIR=/usr/local/bin"
    fi
}

uninstall() {
    [ -e "$1/cfstore" ] || fail "$1 has no cfstore" \
        "if it was installed elsewhere, name that folder: CFSTORE_INSTALL_DIR"
    rm -- "$1/cfstore"
    printf 'removed %s/cfstore; folders that it stored in stay\n' "$1"
}

install_to() {
    base=${CFSTORE_BASE_URL-}
    base=${base%/}
    # Errors show the address without user and password.
    shown=$base
    case "${base#*://}" in
        *@*) shown=${base%%://*}://${base##*@} ;;
    esac
    [ -n "$base" ] || fail "CFSTORE_BASE_URL is not set" \
        "it is the address of a release: the folder that SHA256SUMS and the archives are in"
    target=$(target)
    sha256=$(sha256_program)
    fetcher=$(fetcher "$base")
    command -v tar >/dev/null || fail "tar is not installed" "install it, and run this again"
    command -v gzip >/dev/null || fail "gzip is not installed" "install it, and run this again"

    temporary=$(mktemp -d)
    staged=
    trap 'rm -rf -- "$temporary" ${staged:+"$staged"}' EXIT
    trap 'exit 1' HUP INT TERM

    fetch SHA256SUMS
    version=$(version_in "$temporary/SHA256SUMS")
    name=cfstore-$version-$target
    expected=$(checksum_of "$name.tar.gz")
    fetch "$name.tar.gz"
    actual=$($sha256 <"$temporary/$name.tar.gz")
    actual=${actual##*= } # openssl puts a name before it, the others one behind
    actual=${actual%% *}
    [ "$actual" = "$expected" ] || fail "$name.tar.gz is not the file that SHA256SUMS names: its SHA-256 is $actual, not $expected" \
        "it was damaged on its way or replaced; nothing was installed"

    tar -xzf "$temporary/$name.tar.gz" -C "$temporary" "$name/cfstore" ||
        fail "$name.tar.gz has no cfstore" "nothing was installed"
    [ ! -d "$1/cfstore" ] || fail "$1/cfstore is a folder" "name another: CFSTORE_INSTALL_DIR"
    mkdir -p -- "$1" || fail "the folder $1 cannot be made" "name another: CFSTORE_INSTALL_DIR"
    # Beside its place, so that it takes it at once, while an older one runs too.
    staged=$1/.cfstore.$$
    cp -- "$temporary/$name/cfstore" "$staged" || fail "$1 cannot be written" "name another folder: CFSTORE_INSTALL_DIR"
    chmod 755 -- "$staged"
    says=$("$staged" --version) || fail "cfstore $version does not run on this machine" "nothing was installed"
    mv -f -- "$staged" "$1/cfstore"
    printf 'installed %s as %s/cfstore\n' "$says" "$1"
    say_path "$1"
}

# The triple that the archives are named after.
target() {
    system=$(uname -s)
    machine=$(uname -m)
    case "$system/$machine" in
        Linux/x86_64 | Linux/amd64) printf 'x86_64-unknown-linux-musl\n' ;;
        Linux/aarch64 | Linux/arm64) printf 'aarch64-unknown-linux-musl\n' ;;
        *) fail "no archive is made for $system on $machine" \
            "there are archives for Linux on x86_64 and aarch64; elsewhere, build it: docs/installing.md" ;;
    esac
}

sha256_program() {
    if command -v sha256sum >/dev/null; then
        printf 'sha256sum\n'
    elif command -v shasum >/dev/null; then
        printf 'shasum -a 256\n'
    elif command -v openssl >/dev/null; then
        printf 'openssl dgst -sha256\n'
    else
        fail "no program computes SHA-256" "install sha256sum (coreutils), shasum or openssl"
    fi
}

fetcher() {
    case "$1" in
        http://* | https://*) ;;
        file://*) command -v curl >/dev/null || fail "a file:// address needs curl" "install it, and run this again" ;;
        *) fail "CFSTORE_BASE_URL is not an address: $shown" "it begins with https://, http:// or file://" ;;
    esac
    if command -v curl >/dev/null; then
        printf 'curl\n'
    elif command -v wget >/dev/null; then
        case "$1" in
            # Some wgets check no certificate, and others follow https to http.
            https://*) fail "an https:// address needs curl" "install it, and run this again" ;;
        esac
        printf 'wget\n'
    else
        fail "neither curl nor wget is installed" "install one of them"
    fi
}

# Gets a file of the release into the temporary folder.
fetch() {
    case "$fetcher" in
        # From https, nothing leads back to http.
        curl) curl -fsSL --proto '=https,http,file' --proto-redir '=https' --retry 2 \
            --connect-timeout 20 --speed-limit 1024 --speed-time 30 -o "$temporary/$1" "$base/$1" ;;
        wget) wget -q -t 2 -O "$temporary/$1" "$base/$1" ;;
    esac || fail "$shown/$1 cannot be fetched" "CFSTORE_BASE_URL names the folder of a release that has it"
}

# The version that was asked for, else the one that has an archive for this machine.
version_in() {
    found=
    while read -r _ file; do
        file=${file#\*}
        case "$file" in
            cfstore-*-"$target".tar.gz)
                [ -z "$found" ] || [ -n "${CFSTORE_VERSION-}" ] ||
                    fail "$shown has several versions for $target" "name one: CFSTORE_VERSION"
                found=${file#cfstore-}
                found=${found%-"$target".tar.gz}
                ;;
        esac
    done <"$1"
    found=${CFSTORE_VERSION:-$found}
    [ -n "$found" ] || fail "SHA256SUMS of $shown names no archive for $target" \
        "CFSTORE_BASE_URL names the folder of another release"
    case "$found" in
        *[!0-9A-Za-z.+-]*) fail "$found is not a version" "it looks like 0.1.0" ;;
    esac
    printf '%s\n' "$found"
}

# What SHA256SUMS says of a file: exactly once, and 64 hex digits.
checksum_of() {
    sum=
    while read -r hash file; do
        if [ "${file#\*}" = "$1" ]; then
            [ -z "$sum" ] || fail "SHA256SUMS of $shown names $1 twice" "nothing was installed"
            sum=$hash
        fi
    done <"$temporary/SHA256SUMS"
    [ -n "$sum" ] || fail "SHA256SUMS of $shown does not name $1" "nothing was installed"
    case "$sum" in
        *[!0-9a-f]*) sum= ;;
    esac
    [ ${#sum} -eq 64 ] || fail "SHA256SUMS of $shown is damaged at $1" "nothing was installed"
    printf '%s\n' "$sum"
}

say_path() {
    case ":${PATH-}:" in
        *":$1:"*) printf 'Begin with: cfstore demo\n' ;;
        *)
            # shellcheck disable=SC2016 # the shell of the reader expands it
            printf '%s is not on the PATH. For this shell and, in ~/.profile, for those to come:\n  export PATH="%s:$PATH"\nThen begin with: cfstore demo\n' "$1" "$1"
            ;;
    esac
}

main "$@"
