#!/bin/bash
# setup.sh [--tests] [--yes]
#
# Puts in place what a build and the demo need: Debian packages, DuckDB's library and header, the
# demo's data. --tests adds what only the tests need. Nothing that is there is touched; when all
# is there it ends within a second, without apt, sudo or network.
#
#   --yes (or CI in the environment, or no terminal)   asks nothing
#   DUCKDB_DIR=DIR       use the DuckDB in DIR (lib/libduckdb.so, include/duckdb.h)
#   TARBALLS=DIR         take npm's tarballs from DIR where they are there (checked all the same)
#   SKIP_PACKAGES=1      never call apt (you have installed the packages, or their counterparts)
#   SKIP_CHECKS=1        go on with less memory or disk than needed
#
# Logs are under build/log, stamps of finished steps under build/deps/stamps. Test packages that
# cannot be had are listed in build/deps/missing; the tests that need them count as skipped.
# shellcheck disable=SC2015,SC2086 # A && B || die is meant so; lists of words are split on purpose
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ME=setup
name_errors

DEPS=$ROOT/build/deps
LOG=$ROOT/build/log
STAMPS=$DEPS/stamps
MISSING=$DEPS/missing

# One word an item; a|b is satisfied by either, and the first is what gets installed.
BUILD_PACKAGES='gcc libc6-dev make pkgconf|pkg-config libhiredis-dev
    libcurl4-openssl-dev|libcurl4-gnutls-dev libssl-dev zlib1g-dev libzip-dev libcjson-dev
    libevent-dev libisal-dev libhttp-parser-dev'
DEMO_PACKAGES='redis-server ceph-mon ceph-osd radosgw ceph-common curl ca-certificates openssl
    python3 python3-boto3'
TEST_PACKAGES='libcmocka-dev python3-pytest python3-requests p7zip-full unzip libarchive-tools clang
    libclang-rt-14-dev valgrind faketime exim4-daemon-light|exim4-daemon-heavy'

# npm name, sha512 of its tarball, and what is taken out of it: path, sha256, place under build/deps.
case $(uname -m) in
    aarch64 | arm64)
        NODE_ARCH=arm64
        LIB_SHA512=CafH2AIvXtpwDynG3KB/4uEOHRGlFoB7auCRMIwH3BKNIobsANV5LSpDJ3tfyRCFIsK6e8AT1eseWVnu2Dv3cw==
        LIB_SHA256=d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e
        ;;
    *)
        NODE_ARCH=x64
        LIB_SHA512=kCyq6BXhn6QXfwF8yVdVKriSSHP+rfVWcJ56cG8qZzlOZpxyvT5WGm6jMshxg4ditLlOsHsIN/D47RYrcjXuHQ==
        LIB_SHA256=fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405
        ;;
esac
LIB_VERSION=v1.5.5 # what the library says of itself
FETCH=(
    "library @duckdb/node-bindings-linux-$NODE_ARCH@1.5.5-r.5 $LIB_SHA512 package/libduckdb.so
     $LIB_SHA256 duckdb/lib/libduckdb.so 24"
    "header duckdb@1.4.4
     hEJJ5hyVF0VLj3dmOLpsWrQR0b3d4Ykqtygm6iUXjHJDDnSqg/USKxcb5qvNrOhFYPgktayU6dXCtgPqcmmpog==
     package/src/duckdb/src/include/duckdb.h
     cbe6a827284375c5a646b8f27dbd3a00808ce8738b5bbb49c190cb1e08540281 duckdb/include/duckdb.h 11"
    "flights vega-datasets@3.2.1
     lTSwZA6yq6qSU2YZm+6bqILiIvTPPxn4itir7jPGFmHIdPvUfQ9pCzzcrklYywMJgLUbaIeSkZQdiJd6wBxPug==
     package/data/flights-3m.parquet
     dbeb920c90f59b6ccaff823dcc3d08f25a97fa1ce128d93f40be4e931f5900b0 vega/flights-3m.parquet 18"
)
NEED_MEMORY_KB=2800000 # what the kernel leaves of 3 GB
NEED_DISK_MB=6000

TESTS=0
ASK=1
for arg in "$@"; do
    case $arg in
        --tests) TESTS=1 ;;
        --yes) ASK=0 ;;
        *) die "usage: setup.sh [--tests] [--yes]" ;;
    esac
done
if [ -n "${CI:-}" ] || ! [ -t 0 ]; then ASK=0; fi

# --- stamps ------------------------------------------------------------------------------------

stamped() { [ -e "$STAMPS/$1" ] && [ "$(<"$STAMPS/$1")" = "$2" ]; } # STEP KEY

stamp() {
    mkdir -p "$STAMPS"
    printf '%s\n' "$2" >"$STAMPS/$1.new"
    mv "$STAMPS/$1.new" "$STAMPS/$1"
}

key_of() { printf '%s' "$*" | sha256sum | cut -c1-32; }

# --- Debian packages ---------------------------------------------------------------------------

# Prints which of the items are not installed, as the name that would be installed.
not_installed() {
    local installed item name ok
    # shellcheck disable=SC2048,SC2016 # lists of words; the pattern is dpkg's
    installed=$(dpkg-query -W -f='${db:Status-Status} ${binary:Package} \n' \
        ${*//|/ } 2>/dev/null | sed -n 's/^installed \([^ :]*\).*/ \1 /p') || true
    for item in "$@"; do
        ok=0
        for name in ${item//|/ }; do [[ $installed == *" $name "* ]] && ok=1; done
        [ $ok = 1 ] || printf '%s ' "${item%%|*}"
    done
}

AS_ROOT=()
become_root() {
    [ "$(id -u)" != 0 ] || return 0
    [ ${#AS_ROOT[@]} = 0 ] || return 0
    command -v sudo >/dev/null || die "packages are missing, and there is neither root nor sudo." \
        "Have an administrator run: apt-get install --no-install-recommends $1" \
        "and then run this again."
    if ! sudo -n true 2>/dev/null; then
        [ -t 0 ] || die "sudo wants a password and there is no terminal to ask on." \
            "Run 'sudo -v' first, or install as root: apt-get install --no-install-recommends $1"
        say "sudo will ask for your password (only apt runs as root)"
        sudo -v || die "sudo was refused"
    fi
    AS_ROOT=(sudo)
    local v keep=()
    for v in http_proxy https_proxy no_proxy; do [ -z "${!v:-}" ] || keep+=("$v=${!v}"); done
    [ ${#keep[@]} = 0 ] || AS_ROOT=(sudo env "${keep[@]}")
}

# Output of apt: all but the status lines into the log; the status lines become a progress line.
# shellcheck disable=SC2016 # an awk program
apt_progress() { # LOG
    local tty=0
    [ -t 1 ] && tty=1
    awk -v log_file="$1" -v tty=$tty '
        function show(what, pct) {
            if (tty) { printf "\r  %-8s %3d %%", what, pct; fflush(); open_line = 1; return }
            if (what == last && pct < next_pct) return
            if (what != last) next_pct = 0
            printf "  %s %d %%\n", what, pct; fflush()
            last = what; next_pct = pct - pct % 25 + 25
        }
        /^dlstatus:/ { split($0, f, ":"); show("download", f[3]); next }
        /^pmstatus:/ { split($0, f, ":"); show("install", f[3]); next }
        { print >> log_file; fflush(log_file) }
        END { if (open_line) printf "\n" }'
}

apt_step() { # LOG COMMAND...
    local log=$1
    shift
    # A Ctrl-C must reach apt, and the reader of its output must outlive it.
    "${AS_ROOT[@]}" bash "$ROOT/deploy/apt-install.sh" "$@" 2>&1 | (trap '' INT && apt_progress "$log")
}

APT_FRESH=0
apt_update() {
    [ $APT_FRESH = 0 ] || return 0
    say "reading the package lists (apt-get update)"
    : >"$LOG/apt-update.log"
    apt_step "$LOG/apt-update.log" update || {
        warn "apt-get update had errors (see build/log/apt-update.log); going on with the lists there are"
    }
    APT_FRESH=1
}

# What apt itself says about the amount, without changing anything.
apt_amount() {
    LC_ALL=C apt-get --assume-no -o Debug::NoLocking=1 --no-install-recommends --no-remove \
        install "$@" 2>/dev/null | grep -E '^(Need to get|After this)' || true
}

apt_can() {
    LC_ALL=C apt-get -s -o Debug::NoLocking=1 -y --no-install-recommends --no-remove install "$@" \
        >>"$LOG/apt-simulate.log" 2>&1
}

install_required() { # PACKAGE...
    become_root "$*"
    apt_update
    apt_amount "$@" | sed 's/^/  /'
    : >"$LOG/apt-install.log"
    apt_step "$LOG/apt-install.log" install "$@" && return 0
    show_tail "$LOG/apt-install.log"
    if grep -q 'Unable to locate package' "$LOG/apt-install.log"; then
        die "this system's package sources do not have all that is needed (Debian 12 main has)." \
            "All of it: build/log/apt-install.log"
    elif grep -q 'Packages need to be removed' "$LOG/apt-install.log"; then
        die "a package that is installed stands against one that is needed, and nothing is ever" \
            "removed here. Which: build/log/apt-install.log. Remove it yourself if you can spare it."
    fi
    die "the installation failed. All of it: build/log/apt-install.log" \
        "Look at the network and at 'apt-get -f install', then run this again: it goes on from here."
}

# Installs what can be had of the tests' packages; the rest is recorded, with the reason.
install_optional() { # PACKAGE...
    local p want=() left
    become_root "$*"
    apt_update
    mkdir -p "$DEPS"
    : >"$MISSING.new"
    : >"$LOG/apt-simulate.log"
    if apt_can "$@"; then
        want=("$@")
    else
        for p in "$@"; do
            if apt_can "${want[@]}" "$p"; then
                want+=("$p")
            elif apt-cache show "$p" >/dev/null 2>&1; then
                echo "$p: would push out an installed package" >>"$MISSING.new"
            else
                echo "$p: not in this system's package sources" >>"$MISSING.new"
            fi
        done
    fi
    if [ ${#want[@]} -gt 0 ]; then
        apt_amount "${want[@]}" | sed 's/^/  /'
        : >"$LOG/apt-tests.log"
        apt_step "$LOG/apt-tests.log" install "${want[@]}" ||
            for p in "${want[@]}"; do apt_step "$LOG/apt-tests.log" install "$p" || true; done
        left=$(not_installed "${want[@]}")
        for p in $left; do echo "$p: installation failed, see build/log/apt-tests.log" >>"$MISSING.new"; done
    fi
    mv "$MISSING.new" "$MISSING"
    if [ -s "$MISSING" ]; then
        warn "not to be had; the tests that need these are skipped, and counted as skipped:"
        sed 's/^/    /' "$MISSING" >&2
    fi
}

# --- what comes from npm -----------------------------------------------------------------------

have_own_duckdb() { [ -n "${DUCKDB_DIR:-}" ] && [ "$DUCKDB_DIR" != "$DEPS/duckdb" ]; }

item_wanted() { # STEP
    case $1 in
        library | header) ! have_own_duckdb ;;
        # Data for the demo is not worth an npm; the demo does with its generated table then.
        flights) ! have_own_duckdb || command -v npm >/dev/null || [ -n "${TARBALLS:-}" ] ;;
    esac
}

# Fields of a line of FETCH, by position; a file that is right by its hash needs no stamp.
item_there() { # STEP NPM SHA512 PATH SHA256 PLACE MB
    [ -s "$DEPS/$6" ] || return 1
    stamped "$1" "$5" && return 0
    [ "$(sha256sum <"$DEPS/$6" | cut -d' ' -f1)" = "$5" ] || return 1
    stamp "$1" "$5"
}

# Name of the file that npm packs NAME@VERSION into.
tarball_name() {
    local name=${1#@}
    name=${name//\//-}
    printf '%s-%s.tgz' "${name%@*}" "${name##*@}"
}

item_fetch() { # STEP NPM SHA512 PATH SHA256 PLACE MB
    local tgz log=$LOG/npm-$1.log
    tgz=$WORK/$(tarball_name "$2")
    if [ -n "${TARBALLS:-}" ] && [ -e "$TARBALLS/${tgz##*/}" ]; then
        cp "$TARBALLS/${tgz##*/}" "$tgz"
    else
        say "fetching $2 ($7 MB)"
        (cd "$WORK" && npm_config_cache=$WORK/cache npm pack --silent --ignore-scripts "$2") \
            >"$log" 2>&1 </dev/null || {
            show_tail "$log"
            die "npm could not fetch $2. All of it: build/log/npm-$1.log" \
                "Look at the network and npm's registry setting ('npm config get registry'), then run this" \
                "again; or put ${tgz##*/} into a folder and run this with TARBALLS=that folder."
        }
    fi
    [ "$(openssl dgst -sha512 -binary "$tgz" | openssl base64 -A)" = "$3" ] ||
        die "${tgz##*/} is not the file that was published: its sha512 differs from the pinned one." \
            "Nothing of it was used. Run this again; if it stays so, look at what your npm talks to."
    (cd "$WORK" && tar xzf "$tgz" "$4") >>"$log" 2>&1 ||
        die "cannot unpack ${tgz##*/}; see build/log/npm-$1.log (is the disk full?)"
    [ "$(sha256sum <"$WORK/$4" | cut -d' ' -f1)" = "$5" ] || die "$4 of $2 is not as expected"
    mkdir -p "$(dirname "$DEPS/$6")"
    chmod 644 "$WORK/$4"
    mv -f "$WORK/$4" "$DEPS/$6"
    rm -f "$tgz"
    stamp "$1" "$5"
}

# The library must load on this machine, and be the one that was meant.
check_library() {
    local said
    # Debian's Python, where it is there: a user's own may lack ctypes.
    said=$(python3 -c 'import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
lib.duckdb_library_version.restype = ctypes.c_char_p
print(lib.duckdb_library_version().decode())' "$1/lib/libduckdb.so" 2>"$LOG/duckdb.log") || {
        show_tail "$LOG/duckdb.log" 3
        die "$1/lib/libduckdb.so cannot be loaded; see build/log/duckdb.log"
    }
    have_own_duckdb || [ "$said" = "$LIB_VERSION" ] ||
        die "$1/lib/libduckdb.so says it is $said, expected $LIB_VERSION"
}

# --- before anything is changed ----------------------------------------------------------------

memory_kb() {
    local kb limit f
    kb=$(awk '/^MemTotal:/ {print $2}' /proc/meminfo)
    for f in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
        [ -r "$f" ] && limit=$(<"$f") && [[ $limit =~ ^[0-9]{1,15}$ ]] &&
            ((limit / 1024 < kb)) && kb=$((limit / 1024))
    done
    echo "$kb"
}

check_machine() {
    [ -z "${SKIP_CHECKS:-}" ] || return 0
    local kb mb
    kb=$(memory_kb)
    ((kb >= NEED_MEMORY_KB)) ||
        die "this machine has $((kb / 1024)) MB of memory; the local stack wants 3 GB." \
            "SKIP_CHECKS=1 goes on all the same."
    mb=$(df -Pm "$ROOT" | awk 'NR == 2 {print $4}')
    ((mb >= NEED_DISK_MB)) ||
        die "only $mb MB of disk are free under $ROOT; 6 GB are needed." \
            "SKIP_CHECKS=1 goes on all the same."
    mb=$(df -Pm /usr | awk 'NR == 2 {print $4}')
    ((mb >= 1500)) || die "only $mb MB of disk are free under /usr; the packages need 1.5 GB." \
        "SKIP_CHECKS=1 goes on all the same."
}

check_owner() {
    local owner
    owner=$(stat -c %u "$ROOT")
    if [ "$(id -u)" = 0 ] && [ "${SUDO_UID:-0}" != 0 ] && [ "$owner" = "$SUDO_UID" ]; then
        die "run make without sudo: it calls sudo itself for apt, and nothing in build/ shall" \
            "belong to root."
    fi
    mkdir -p "$LOG" "$DEPS" 2>/dev/null && [ -w "$LOG" ] && [ -w "$DEPS" ] ||
        die "$ROOT/build belongs to somebody else (an earlier run as root?)." \
            "Give it back: sudo chown -R $(id -un) $ROOT/build"
}

confirm() {
    [ $ASK = 1 ] || return 0
    local answer
    read -r -p "$ME: go on? [Y/n] " answer || answer=n
    case $answer in
        '' | [yY]*) ;;
        *) die "nothing was changed" ;;
    esac
}

# --- the run -----------------------------------------------------------------------------------

check_owner

WORK=
clean_work() { [ -z "$WORK" ] || rm -rf "$WORK"; }
trap clean_work EXIT
trap 'warn "interrupted; run it again to go on"; exit 130' INT TERM

fetch=()
for item in "${FETCH[@]}"; do
    read -r -d '' -a f <<<"$item" || true
    if item_wanted "${f[0]}" && ! item_there "${f[@]}"; then fetch+=("$item"); fi
done
if have_own_duckdb; then
    [ -e "$DUCKDB_DIR/lib/libduckdb.so" ] && [ -e "$DUCKDB_DIR/include/duckdb.h" ] ||
        die "DUCKDB_DIR is '$DUCKDB_DIR', but lib/libduckdb.so and include/duckdb.h are not both in it"
fi

need=
optional=
if [ -z "${SKIP_PACKAGES:-}" ]; then
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
        die "there is no apt here: this set-up is for Debian 12 and its relatives. Elsewhere install" \
            "the counterparts of: $(echo $BUILD_PACKAGES $DEMO_PACKAGES | sed 's/|[^ ]*//g')" \
            "and run this with SKIP_PACKAGES=1."
    need=$(not_installed $BUILD_PACKAGES $DEMO_PACKAGES)
    if [ ${#fetch[@]} -gt 0 ] && [ -z "${TARBALLS:-}" ] && ! command -v npm >/dev/null; then
        need+=" npm"
    fi
    if [ $TESTS = 1 ]; then
        tests_key=$(key_of "$TEST_PACKAGES")
        for p in $(not_installed $TEST_PACKAGES); do
            stamped test-packages "$tests_key" && grep -qs "^$p:" "$MISSING" || optional+="$p "
        done
    fi
    # A run that was killed may have left its policy-rc.d behind.
    if grep -qs 'placed by bucketline' /usr/sbin/policy-rc.d ||
        [ -e /var/lib/bucketline-setup.enabled ]; then
        become_root "(nothing)"
        "${AS_ROOT[@]}" bash "$ROOT/deploy/apt-install.sh" restore
    fi
fi

if [ -n "$need$optional" ] || [ ${#fetch[@]} -gt 0 ]; then
    check_machine
    [ -z "$need" ] || say "Debian packages for the build and the demo (at most 180 MB to download, 0.8 GB" \
        "installed): $need"
    [ -z "$optional" ] || say "Debian packages for the tests (at most 90 MB to download, 0.5 GB installed):" \
        "$optional"
    for item in "${fetch[@]}"; do
        read -r -d '' -a f <<<"$item" || true
        say "from npm: ${f[1]} (${f[6]} MB) for build/deps/${f[5]}"
    done
    say "no service is started or enabled, and no installed package is removed"
    confirm
fi

if [ -n "$need" ]; then install_required $need; fi
if [ -z "${SKIP_PACKAGES:-}" ]; then
    need=$(not_installed $BUILD_PACKAGES $DEMO_PACKAGES)
    [ -z "$need" ] || die "apt ended without an error, and yet these are not installed: $need" \
        "All of it: build/log/apt-install.log"
    stamp packages "$(key_of "$BUILD_PACKAGES $DEMO_PACKAGES")"
fi
if [ ${#fetch[@]} -gt 0 ]; then
    WORK=$(mktemp -d "$DEPS/fetch.XXXXXX")
    for item in "${fetch[@]}"; do
        read -r -d '' -a f <<<"$item" || true
        item_fetch "${f[@]}"
    done
    have_own_duckdb || check_library "$DEPS/duckdb"
fi
if have_own_duckdb && ! stamped own-duckdb "$(key_of "$DUCKDB_DIR")"; then
    check_library "$DUCKDB_DIR"
    stamp own-duckdb "$(key_of "$DUCKDB_DIR")"
fi
if [ $TESTS = 1 ] && [ -z "${SKIP_PACKAGES:-}" ]; then
    if [ -n "$optional" ]; then install_optional $optional; fi
    [ -e "$MISSING" ] || : >"$MISSING"
    stamp test-packages "$tests_key"
fi
