#!/bin/bash
# stack.sh up [--only PART,...] | down | status | env | clean
#
# The local stack: redis, s3 (the Ceph gateway), api, worker, uploader, in the background, all under
# LOCAL_DIR and on 127.0.0.1. `up` starts what is missing, and what runs with an older program or
# configuration again, and returns when every part answers. `down` stops by recorded process ids.
# `env` prints the shell-sourceable file that `up` writes. `clean` stops every stack under build/.
#
# From the environment:
#   LOCAL_DIR (build/local)   BIN_DIR (build/bin)   WORKERS (1)   UPLOADERS (1)
#   API_PORT (8080)  REDIS_PORT (6390)  S3_PORT (7480, and nine more from there)
#                             once chosen they stay chosen, being kept in LOCAL_DIR/ports
#   S3_ENDPOINT S3_BUCKET S3_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY, all five
#                             a store of your own instead of the gateway
#   BUCKETLINE__SECTION__KEY  options, over the generated configuration file
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ME=stack
name_errors

LOCAL_DIR=${LOCAL_DIR:-$ROOT/build/local}
BIN_DIR=${BIN_DIR:-$ROOT/build/bin}
PYTHON=${PYTHON:-/usr/bin/python3}
WORKERS=${WORKERS:-1}
UPLOADERS=${UPLOADERS:-1}
S3_SIZE_MB=${S3_SIZE_MB:-10240}
ALL_PARTS='redis s3 api worker uploader'
LOCK_WAIT_S=300
# A worker that gets no further hands its jobs back within this; what is left then is killed, which
# loses nothing either.
DOWN_LIMIT_S=20

[[ $LOCAL_DIR == /* ]] || LOCAL_DIR=$PWD/$LOCAL_DIR
[[ $BIN_DIR == /* ]] || BIN_DIR=$PWD/$BIN_DIR
LOCAL_DIR=$(realpath -ms "$LOCAL_DIR")
[[ $LOCAL_DIR =~ ^[A-Za-z0-9/._@+-]+$ ]] ||
    die "LOCAL_DIR '$LOCAL_DIR': only letters, digits and . _ - + @ / are possible in this path"
[[ $LOCAL_DIR =~ ^/.*[^/]/.*[^/]$ ]] || die "LOCAL_DIR '$LOCAL_DIR' is no folder for this"
RUN_DIR=$LOCAL_DIR/run
LOG_DIR=$LOCAL_DIR/log
CONF=$LOCAL_DIR/bucketline.conf
KEY_FILE=$LOCAL_DIR/master.key
CREDENTIAL=$LOCAL_DIR/credential

# shellcheck source=deploy/gateway.sh
. "$ROOT/deploy/gateway.sh"

# --- what is asked for -------------------------------------------------------------------------

# A file of ours that gives a name a value which the environment does not give.
recorded() { # FILE NAME
    sed -n "s/^\(export \)\?$2='\?\([^']*\)'\?$/\2/p" "$1" 2>/dev/null | tail -n 1 || true
}

read_ports() {
    local name port
    for name in API_PORT:8080 REDIS_PORT:6390 S3_PORT:7480; do
        port=${name#*:} name=${name%:*}
        [ -n "${!name:-}" ] || printf -v "$name" '%s' "$(recorded "$LOCAL_DIR/ports" "$name")"
        [ -n "${!name}" ] || printf -v "$name" '%s' "$port"
    done
    need_number API_PORT "$API_PORT" 1 65535
    need_number REDIS_PORT "$REDIS_PORT" 1 65535
    need_number S3_PORT "$S3_PORT" 1 65526
}

# Whose store: "local" or "given". A shell that has sourced our own env file has the five variables
# too; it has BUCKETLINE_STACK_S3 besides.
read_s3() {
    local name have='' lack=''
    S3_KIND=local
    if [ "${BUCKETLINE_STACK_S3:-}" != local ]; then
        for name in S3_ENDPOINT S3_BUCKET S3_REGION AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
            if [ -n "${!name:-}" ]; then have+=" $name"; else lack+=" $name"; fi
        done
        if [ -n "${S3_ENDPOINT:-}" ]; then
            [ -z "$lack" ] || die "S3_ENDPOINT is set, so a store of your own is meant; missing:$lack"
            S3_KIND=given
        fi
    fi
    if [ $S3_KIND = local ]; then
        S3_ENDPOINT=http://127.0.0.1:$S3_PORT
        S3_BUCKET=demo-bucket
        S3_REGION=us-east-1
        unset AWS_SESSION_TOKEN
    fi
    export S3_ENDPOINT S3_BUCKET S3_REGION
}

wanted() { [[ " $PARTS " == *" $1 "* ]]; }

needs_program() { # NAME
    [ -x "$BIN_DIR/$1" ] || die "$BIN_DIR/$1 is not built yet: run 'make' first"
}

need_port() { # NAME PORT
    ! port_open "$2" ||
        die "port $2 is taken by another program; choose another: $1=<number> make up"
}

# --- parts -------------------------------------------------------------------------------------

redis_cli() { redis-cli -h 127.0.0.1 -p "$REDIS_PORT" "$@"; }
redis_answers() { [ "$(redis_cli ping 2>/dev/null)" = PONG ]; }

redis_up() {
    restart_if_changed redis "$REDIS_PORT $(cksum <"$ROOT/deploy/redis.conf")"
    if ! pid_of redis >/dev/null; then
        need_port REDIS_PORT "$REDIS_PORT"
        mkdir -p "$LOCAL_DIR/redis"
        # Its title would hide the command line by which a lost process is found.
        spawn redis redis-server "$ROOT/deploy/redis.conf" --port "$REDIS_PORT" \
            --dir "$LOCAL_DIR/redis/" --daemonize no --set-proc-title no
        wait_part redis 30 redis_answers
    fi
}

s3_up() {
    if [ "$S3_KIND" = given ]; then
        gateway_down
        return 0
    fi
    gateway_up
    gateway_keys
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
}

bucket_up() {
    local what=make said
    [ "$S3_KIND" = local ] || what=check
    said=$("$PYTHON" "$ROOT/deploy/bucket.py" $what 2>&1) ||
        die "the S3 store does not serve: $said"
    [ -z "$said" ] || say "$said"
}

# Waits for a part that was just started; says what its log says if it ends instead.
wait_part() { # NAME SECONDS PROBE [ARGUMENT]
    local name=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ! pid_of "$name" >/dev/null; then
            show_tail "$LOG_DIR/$name.log"
            die "$name has ended instead of starting; see $LOG_DIR/$name.log"
        fi
        if ((SECONDS >= end)); then
            show_tail "$LOG_DIR/$name.log"
            die "$name does not answer; see $LOG_DIR/$name.log"
        fi
        sleep 0.1
    done
}

# A part that was started from something else (another port, an older build) is stopped first.
restart_if_changed() { # NAME WHAT-IT-IS-STARTED-FROM
    local file=$RUN_DIR/$1.from
    if pid_of "$1" >/dev/null && [ "$(cat "$file" 2>/dev/null)" != "$2" ]; then
        say "$1: program or configuration has changed, starting it again"
        end_named "$1" $DOWN_LIMIT_S
    fi
    printf '%s\n' "$2" >"$file"
}

program_from() { printf '%s %s' "$(stat -Lc '%i %Y' "$BIN_DIR/$1")" "$(cksum <"$CONF")"; }

api_answers() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 5 "http://127.0.0.1:$API_PORT/readyz")" = 200 ]
}

# The services write one line with the event "ready"; older lines of the log do not count.
log_says_ready() { tail -c "+$(($2 + 1))" "$LOG_DIR/$1.log" | grep -qE '\] ready( |$)'; }

program_up() { # NAME PROGRAM
    local offset
    restart_if_changed "$1" "$(program_from "$2")"
    pid_of "$1" >/dev/null && return 0
    if [ "$1" = api ]; then need_port API_PORT "$API_PORT"; fi
    offset=$(stat -c %s "$LOG_DIR/$1.log" 2>/dev/null || echo 0)
    spawn "$1" "$BIN_DIR/$2" --config "$CONF"
    if [ "$1" = api ]; then
        wait_part api 30 api_answers
    else
        wait_part "$1" 30 log_says_ready "$1" "$offset"
    fi
}

# worker, worker2, worker3 ...: the first carries the plain name.
copies() { # NAME COUNT
    local i
    echo "$1"
    for ((i = 2; i <= $2; i++)); do echo "$1$i"; done
}

recorded_copies() { # NAME
    local f
    for f in "$RUN_DIR/$1.pid" "$RUN_DIR/$1"[0-9]*.pid; do
        [ -e "$f" ] && basename "$f" .pid
    done
    return 0
}

# --- configuration and credential --------------------------------------------------------------

path_style() {
    case ${S3_PATH_STYLE:-} in
        true | false) echo "$S3_PATH_STYLE" ;;
        *) [[ $S3_ENDPOINT == *amazonaws.com* ]] && echo false || echo true ;;
    esac
}

write_conf() {
    mkdir -p "$LOCAL_DIR/data" "$LOCAL_DIR/spool"
    cat >"$CONF.new" <<CONF
# Written by deploy/stack.sh at each start; deploy/conf/bucketline.conf shows all options.
[redis]
address = 127.0.0.1:$REDIS_PORT
[api]
listen = 127.0.0.1:$API_PORT
[spool]
dir = $LOCAL_DIR/spool
[duckdb]
data_dir = $LOCAL_DIR/data
time_columns = demo.flights.data=date
[s3]
endpoint = $S3_ENDPOINT
path_style = $(path_style)
[secrets]
master_key_file = $KEY_FILE
CONF
    cmp -s "$CONF.new" "$CONF" && rm -f "$CONF.new" || mv -f "$CONF.new" "$CONF"
}

bucketline() { "$BIN_DIR/bucketline" --config "$CONF" "$@"; }

make_master_key() {
    local said
    [ ! -s "$KEY_FILE" ] || return 0
    said=$(bucketline key master "$KEY_FILE" 2>&1) || die "cannot make the master key: $said"
    chmod 600 "$KEY_FILE"
}

# The credential is kept in a file and in Redis; one that Redis has forgotten is made anew.
make_credential() {
    local listed key
    key=$(recorded "$CREDENTIAL" BUCKETLINE_API_KEY)
    if [ -n "$key" ]; then
        listed=$(bucketline key list 2>"$LOG_DIR/key.log") || {
            show_tail "$LOG_DIR/key.log"
            die "cannot list the credentials; see $LOG_DIR/key.log"
        }
        [[ $listed != *"$key"* ]] || return 0
    fi
    (umask 077 && bucketline key add --domain demo --tables '**' --json 2>"$LOG_DIR/key.log" |
        "$PYTHON" -c 'import json, sys
key = json.load(sys.stdin)
print("BUCKETLINE_API_KEY=" + key["apiKey"])
print("BUCKETLINE_API_SECRET=" + key["apiSecret"])
print("BUCKETLINE_TOKEN=" + key["token"])' >"$CREDENTIAL.new" 2>>"$LOG_DIR/key.log") || {
        show_tail "$LOG_DIR/key.log"
        die "cannot make a credential; see $LOG_DIR/key.log"
    }
    mv -f "$CREDENTIAL.new" "$CREDENTIAL"
}

export_line() { # NAME VALUE
    [ -z "$2" ] || printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"
}

write_env() {
    local name pids
    (
        umask 077
        echo "# Written by deploy/stack.sh at each start. Holds secrets."
        export_line BUCKETLINE_URL "http://127.0.0.1:$API_PORT/search"
        for name in BUCKETLINE_API_KEY BUCKETLINE_API_SECRET BUCKETLINE_TOKEN; do
            export_line $name "$(recorded "$CREDENTIAL" $name)"
        done
        export_line BUCKETLINE_CONF "$CONF"
        export_line REDIS_URL "redis://127.0.0.1:$REDIS_PORT"
        export_line DATA_DIR "$LOCAL_DIR/data"
        export_line SPOOL_DIR "$LOCAL_DIR/spool"
        export_line BUCKETLINE_STACK_S3 "$S3_KIND"
        export_line S3_ENDPOINT "$S3_ENDPOINT"
        export_line S3_REGION "$S3_REGION"
        export_line S3_BUCKET "$S3_BUCKET"
        export_line AWS_ACCESS_KEY_ID "${AWS_ACCESS_KEY_ID:-}"
        export_line AWS_SECRET_ACCESS_KEY "${AWS_SECRET_ACCESS_KEY:-}"
        export_line AWS_SESSION_TOKEN "${AWS_SESSION_TOKEN:-}"
        [ "$S3_KIND" = given ] || [ ! -e "$GW/made" ] || export_line CEPH_CONF "$GW/ceph.conf"
        for name in api worker uploader redis mon osd rgw; do
            export_line "${name^^}_PID" "$(pid_of $name || true)"
        done
        for name in worker uploader; do
            pids=$(for copy in $(recorded_copies $name); do pid_of "$copy" || true; done)
            export_line "${name^^}_PIDS" "${pids//$'\n'/ }"
        done
    ) >"$LOCAL_DIR/env.new"
    mv -f "$LOCAL_DIR/env.new" "$LOCAL_DIR/env"
}

# --- commands ----------------------------------------------------------------------------------

lock() {
    exec 9>"$LOCAL_DIR/lock"
    flock -n 9 && return 0
    say "another stack.sh is at work on $LOCAL_DIR: waiting"
    flock -w $LOCK_WAIT_S 9 || die "it does not end; nothing was done"
}

# Processes of this folder that no record speaks of: left by a folder that was removed while they
# ran, or by a start that was killed half way.
end_strays() {
    local pid file known=' '
    for file in "$RUN_DIR"/*.pid; do
        if pid=$(pid_of "$(basename "$file" .pid)"); then known+="$pid "; fi
    done
    for pid in $(stack_pids "$LOCAL_DIR"); do
        # A runner belongs to its worker and ends with it.
        [[ $known == *" $pid "* || $known == *" $(parent_of "$pid") "* ]] && continue
        say "ending process $pid, left over from an earlier start"
        end_pid "$pid" 10
    done
}

parent_of() { sed -n 's/^PPid:\s*//p' "/proc/$1/status" 2>/dev/null || true; }

up() {
    local part name
    mkdir -p "$RUN_DIR" "$LOG_DIR" 2>/dev/null && [ -w "$LOCAL_DIR" ] && [ -w "$RUN_DIR" ] ||
        die "cannot write to $LOCAL_DIR (made by another user?)"
    chmod 700 "$LOCAL_DIR"
    need_number WORKERS "$WORKERS" 0 64
    need_number UPLOADERS "$UPLOADERS" 0 64
    need_number S3_SIZE_MB "$S3_SIZE_MB" 1024 999999
    for part in api worker uploader; do ! wanted $part || needs_program bucketline-$part; done
    lock
    read_ports
    read_s3
    end_strays
    write_conf

    if wanted redis; then redis_up; fi
    if wanted s3; then s3_up && bucket_up; fi
    if wanted api || wanted worker || wanted uploader; then
        needs_program bucketline
        make_master_key
        make_credential
    fi
    if wanted api; then program_up api bucketline-api; fi
    if wanted worker && ((WORKERS > 0)); then
        for name in $(copies worker "$WORKERS"); do program_up "$name" bucketline-worker; done
    fi
    if wanted uploader && ((UPLOADERS > 0)); then
        for name in $(copies uploader "$UPLOADERS"); do program_up "$name" bucketline-uploader; done
    fi
    printf 'API_PORT=%s\nREDIS_PORT=%s\nS3_PORT=%s\n' "$API_PORT" "$REDIS_PORT" "$S3_PORT" \
        >"$LOCAL_DIR/ports"
    write_env
    say "up: ${PARTS// /, }; settings and keys in $LOCAL_DIR/env"
}

down() {
    local name pid
    [ -d "$LOCAL_DIR" ] || {
        end_strays
        return 0
    }
    lock
    # All of ours at once: each may need a while to hand back its work.
    for name in $(recorded_copies uploader) $(recorded_copies worker) api; do
        if pid=$(pid_of "$name"); then kill -TERM "$pid" 2>/dev/null || true; fi
    done
    for name in $(recorded_copies uploader) $(recorded_copies worker) api; do
        end_named "$name" $DOWN_LIMIT_S
    done
    gateway_down
    end_named redis 15
    end_strays
    say "down: nothing of $LOCAL_DIR runs any more"
}

row() { printf '%-11s %-8s %-9s %s\n' "$@"; }

status_of() { # NAME PROBE PLACE
    local pid state=down
    if pid=$(pid_of "$1"); then
        state=silent
        if $2 >/dev/null 2>&1; then state=answers; fi
    fi
    row "$1" "${pid:--}" "$state" "$3"
}

status() {
    local name
    read_ports
    row PART PID STATE WHERE
    status_of redis redis_answers "redis://127.0.0.1:$REDIS_PORT"
    if [ "$(recorded "$LOCAL_DIR/env" BUCKETLINE_STACK_S3)" = given ]; then
        row s3 - given "$(recorded "$LOCAL_DIR/env" S3_ENDPOINT)"
    else
        status_of mon "port_open $((S3_PORT + 1))" "127.0.0.1:$((S3_PORT + 1))"
        status_of osd true "$GW/osd"
        status_of rgw gateway_answers "http://127.0.0.1:$S3_PORT"
    fi
    status_of api api_answers "http://127.0.0.1:$API_PORT/search"
    for name in $(recorded_copies worker) $(recorded_copies uploader); do
        status_of "$name" true "$LOG_DIR/$name.log"
    done
    [ -n "$(recorded_copies worker)" ] || row worker - down "$LOG_DIR/worker.log"
    [ -n "$(recorded_copies uploader)" ] || row uploader - down "$LOG_DIR/uploader.log"
}

# Stacks that tests left under build/ are stopped too. The folder itself is for make to remove.
clean() {
    local pid run
    [ ! -d "$LOCAL_DIR" ] || down
    for pid in $(stack_pids "$ROOT/build"); do
        say "ending process $pid"
        end_pid "$pid" 10
    done
    for run in "$ROOT"/build/*/gateway/run; do
        [ -L "$run" ] && [[ $(readlink "$run") == /tmp/bl-gw.* ]] && rm -rf "$(readlink "$run")"
    done
    return 0
}

PARTS=$ALL_PARTS
command=${1:-}
shift || true
if [ "${1:-}" = --only ] && [ -n "${2:-}" ]; then
    PARTS=${2//,/ }
    for part in $PARTS; do
        [[ " $ALL_PARTS " == *" $part "* ]] || die "'$part' is no part; parts are: $ALL_PARTS"
    done
    shift 2
fi
[ $# = 0 ] || die "usage: stack.sh up [--only PART,...] | down | status | env | clean"
trap 'warn "interrupted; run it again to go on"; exit 130' INT TERM
case $command in
    up | down | status | clean) "$command" ;;
    env) cat "$LOCAL_DIR/env" 2>/dev/null || die "no stack was started in $LOCAL_DIR yet" ;;
    *) die "usage: stack.sh up [--only PART,...] | down | status | env | clean" ;;
esac
