# shellcheck shell=bash
# What the scripts of this folder share. Sourced, never run; the caller has set -euo pipefail.
# The caller may set ME to its name, which heads every message.

# shellcheck disable=SC2034
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ME=${ME:-$(basename "$0")}

# A proxy of the user's is for the world, never for the parts of a local stack.
export no_proxy="127.0.0.1,localhost,.localhost${no_proxy:+,$no_proxy}"
export NO_PROXY=$no_proxy

say() { printf '%s: %s\n' "$ME" "$*"; }
warn() { printf '%s: %s\n' "$ME" "$*" >&2; }
die() {
    local line
    for line in "$@"; do warn "$line"; done
    exit 1
}

# No script ends in silence: a command that fails where nobody looks at it is named. Call it once,
# where errexit is on.
name_errors() {
    set -E
    trap 'warn "stopped by an error at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
}

# Last lines of a log, for a message about what went wrong.
show_tail() {
    [ -s "$1" ] || return 0
    warn "the last lines of $1:"
    tail -n "${2:-12}" "$1" | sed 's/^/    /' >&2
}

need_number() { # NAME VALUE MIN MAX
    if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || (($2 < $3 || $2 > $4)); then
        die "$1 is '$2': it must be a number from $3 to $4"
    fi
}

# Calls a command ten times a second until it succeeds or the seconds are over.
wait_until() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# True when something accepts connections there. In a subshell, so that the socket is closed.
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# --- processes ---------------------------------------------------------------------------------
#
# A process is known by its id, its start time (in ticks since boot) and the boot: an id alone may
# have been given to somebody else's process since. RUN_DIR/NAME.pid holds the three. One whose
# record was lost is still found by its command line, which names a file under LOCAL_DIR. (Not by
# /proc/PID/exe or environ: our programs close those to everybody but root.)

boot_id() { cat /proc/sys/kernel/random/boot_id; }

# Start time of a process; fails where there is none. The name in the second field may hold blanks.
proc_start() {
    local stat rest
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    rest=${stat##*) }
    # shellcheck disable=SC2086
    set -- $rest
    [ "$1" != Z ] || return 1
    printf '%s\n' "${20}"
}

# Prints the id recorded under a name, if that very process is still alive.
pid_of() { # NAME
    local pid start boot
    [ -r "$RUN_DIR/$1.pid" ] || return 1
    read -r pid start boot <"$RUN_DIR/$1.pid" || return 1
    [ "$boot" = "$(boot_id)" ] && [ "$(proc_start "$pid")" = "$start" ] || return 1
    printf '%s\n' "$pid"
}

# Starts a program of the stack: a session of its own (Ctrl-C in the terminal does not reach it),
# no descriptor of ours but its log, and the record written before the program begins to run.
spawn() { # NAME COMMAND...
    local name=$1
    shift
    rm -f "$RUN_DIR/$name.pid"
    # shellcheck disable=SC2016 # expanded by the shell that is started
    setsid bash -c '
        record=$1; shift
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            [ "$fd" -le 2 ] || eval "exec $fd>&-" # no redirection here: it would hold one open
        done
        stat=$(</proc/$$/stat); read -r -a field <<<"${stat##*) }"
        echo "$$ ${field[19]} $(</proc/sys/kernel/random/boot_id)" >"$record.new"
        mv "$record.new" "$record"
        unset record stat field fd MAKEFLAGS MAKELEVEL MFLAGS
        exec "$@"' bash "$RUN_DIR/$name.pid" "$@" </dev/null >>"$LOG_DIR/$name.log" 2>&1 &
    wait_until 5 test -e "$RUN_DIR/$name.pid" || die "cannot start $1; see $LOG_DIR/$name.log"
}

gone() { ! proc_start "$1" >/dev/null; }

# Asks a process to end, waits, then ends it. Says nothing about one that is gone already.
end_pid() { # PID SECONDS
    local start
    start=$(proc_start "$1") || return 0
    kill -TERM "$1" 2>/dev/null || true
    if ! wait_until "$2" gone "$1" && [ "$(proc_start "$1")" = "$start" ]; then
        kill -KILL "$1" 2>/dev/null || true
        wait_until 5 gone "$1" || true
    fi
}

end_named() { # NAME SECONDS
    local pid
    if pid=$(pid_of "$1"); then end_pid "$pid" "$2"; fi
    rm -f "$RUN_DIR/$1.pid"
}

# Processes of any stack at or below a folder, found by their command lines.
stack_pids() { # FOLDER
    local dir pid args
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        { mapfile -d '' -t args <"$dir/cmdline"; } 2>/dev/null || continue
        case ${args[0]+${args[0]##*/}} in
            redis-server | ceph-mon | ceph-osd | radosgw | bucketline-*) ;;
            *) continue ;;
        esac
        if [[ "${args[*]} " == *" $1/"* ]] && kill -0 "$pid" 2>/dev/null; then echo "$pid"; fi
    done
    return 0
}
