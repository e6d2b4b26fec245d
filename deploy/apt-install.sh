#!/bin/bash
# apt-install.sh update                 reads the package lists anew
# apt-install.sh install PACKAGE...     installs, and neither starts nor enables a service
# apt-install.sh restore                finishes after a run that was killed
#
# The only part of the set-up that runs as root; setup.sh calls it (through sudo where needed),
# keeps its output and makes a progress line of apt's status lines (dlstatus:, pmstatus:) in it.
#
# Debian starts a service when its package is installed, unless /usr/sbin/policy-rc.d forbids it,
# and enables it for the next boot in any case. During the installation a policy-rc.d of ours
# forbids the start; afterwards, after Ctrl-C too, what was there before is put back and services
# that were enabled meanwhile are disabled. Should this be killed, the next run does both.
set -euo pipefail

POLICY=/usr/sbin/policy-rc.d
SAVED=/usr/sbin/policy-rc.d.before-bucketline
ENABLED=/var/lib/bucketline-setup.enabled # what was enabled before the installation
MARK='# placed by bucketline for the time of an installation'
LOCK_WAIT_S=${LOCK_WAIT_S:-600}

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l LC_ALL=C

apt() {
    apt-get -q -o "DPkg::Lock::Timeout=$LOCK_WAIT_S" -o Dpkg::Use-Pty=0 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

policy_forbid() {
    if [ -e "$POLICY" ] && ! grep -qsF "$MARK" "$POLICY"; then
        mv -f "$POLICY" "$SAVED"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY.new"
    chmod 755 "$POLICY.new"
    mv -f "$POLICY.new" "$POLICY"
}

# Everything that starts at boot: links of systemd, and names of init scripts (their links are
# renumbered at will).
enabled() {
    find /etc/systemd/system -type l 2>/dev/null || true
    find /etc/rc[2-5].d -name 'S*' -type l 2>/dev/null | sed 's|.*/S[0-9]*|init |' || true
}

enabled_note() {
    [ ! -e "$ENABLED" ] || return 0
    enabled | sort -u >"$ENABLED.new"
    mv -f "$ENABLED.new" "$ENABLED"
}

# A removed link is how systemd knows a service as disabled; later upgrades leave it so.
enabled_restore() {
    local item
    [ -e "$ENABLED" ] || return 0
    enabled | sort -u | comm -13 "$ENABLED" - | while read -r item; do
        case $item in
            init\ *) update-rc.d "${item#init }" disable >/dev/null 2>&1 || true ;;
            *) rm -f "$item" ;;
        esac
        echo "not enabled: $item"
    done
    rm -f "$ENABLED"
}

policy_restore() {
    grep -qsF "$MARK" "$POLICY" || return 0
    if [ -e "$SAVED" ]; then mv -f "$SAVED" "$POLICY"; else rm -f "$POLICY"; fi
}

# The lock of the package lists is not one that apt waits for; a new machine holds it for a while.
update() {
    local end=$((SECONDS + LOCK_WAIT_S)) out rc
    while :; do
        rc=0
        out=$(apt update 2>&1) || rc=$?
        printf '%s\n' "$out"
        grep -qE 'Could not get lock|Unable to lock' <<<"$out" || return "$rc"
        ((SECONDS < end)) || return "$rc"
        echo "another program holds apt's lock: waiting for it"
        sleep 3
    done
}

install() {
    # An installation that was broken off must be finished before apt does anything else.
    if [ -n "$(ls -A /var/lib/dpkg/updates 2>/dev/null)" ] || [ -n "$(dpkg --audit 2>/dev/null)" ]; then
        dpkg --force-confdef --force-confold --configure -a || true
    fi
    # apt closes the descriptor in the maintainer scripts, so it may not be 1 itself.
    apt -o APT::Status-Fd=3 -y --no-install-recommends --no-remove install "$@" 3>&1
}

[ "$(id -u)" = 0 ] || { echo "apt-install.sh: must be root" >&2; exit 1; }
exec 8>/run/bucketline-setup.lock # two at a time would restore each other's policy
flock 8
trap 'policy_restore; enabled_restore || true' EXIT
trap 'exit 130' INT TERM HUP

case ${1:-} in
    update) update 8>&- ;;
    install)
        shift
        enabled_note
        policy_forbid
        install "$@" 8>&-
        ;;
    restore) ;; # the trap does it
    *) echo "usage: apt-install.sh update | install PACKAGE... | restore" >&2 && exit 2 ;;
esac
