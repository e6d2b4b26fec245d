# shellcheck shell=bash
# The S3 store of the local stack: Ceph's gateway on a cluster of one monitor and one disk daemon.
# Sourced by stack.sh, which has set LOCAL_DIR, LOG_DIR, RUN_DIR and S3_PORT.
#
#   gateway_up     makes the cluster at the first call, starts what is not running, waits for it
#   gateway_down   stops it; the objects stay
#
# All listen on 127.0.0.1 only: S3_PORT is the gateway's, S3_PORT+1 the monitor's, the next eight are
# left for the disk daemon. Objects lie in a sparse file (bluestore), at most S3_SIZE_MB.
#
# GW/made is written when the cluster is complete. Without it whatever is there is a torso of a run
# that was broken off, and is made anew.

GW=$LOCAL_DIR/gateway
export CEPH_CONF=$GW/ceph.conf CEPH_ARGS=''

gateway_die() { # MESSAGE LOG
    warn "the S3 gateway: $1"
    show_tail "$LOG_DIR/$2.log" 8
    die "Its logs are $LOG_DIR/{mon,osd,rgw,gateway-setup}.log." \
        "'make down' and 'make up' start it anew; removing $GW throws its objects away."
}

# A socket's path has at most 107 bytes, so those of the admin sockets go to a short place.
gateway_socket_dir() {
    local dir=$GW/run
    if [ ${#dir} -le 70 ]; then
        mkdir -p "$dir"
    elif [ ! -d "$dir" ]; then
        dir=$(mktemp -d /tmp/bl-gw.XXXXXX)
        ln -sfn "$dir" "$GW/run"
    else
        dir=$(readlink -f "$dir")
    fi
    printf '%s\n' "$dir"
}

gateway_conf() {
    local run
    run=$(gateway_socket_dir)
    cat >"$CEPH_CONF" <<CONF
# Written by deploy/gateway.sh at each start.
[global]
fsid = $(<"$GW/fsid")
mon host = v1:127.0.0.1:$((S3_PORT + 1))
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv4 = true
ms bind ipv6 = false
ms bind msgr2 = false
# One machine, loopback only: the daemons trust each other. The gateway checks its S3 users.
auth cluster required = none
auth service required = none
auth client required = none
keyring = /dev/null
run dir = $run
admin socket = $run/\$name.asok
pid file =
log file = $LOG_DIR/\$type.log
log to stderr = false
mon cluster log to file = false
crash dir = $LOG_DIR
# One disk: one copy of everything, few placement groups.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0

[mon]
mon data = $GW/mon
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 0

[osd]
osd data = $GW/osd
osd objectstore = bluestore
bluestore block create = true
bluestore block size = $((S3_SIZE_MB * 1048576))
bluestore fsck on mount = false
osd memory target = 939524096
osd op num shards = 2
osd op num threads per shard = 2
osd class update on start = false
osd crush update on start = false
ms bind port min = $((S3_PORT + 2))
ms bind port max = $((S3_PORT + 9))

[client]
rgw frontends = beast endpoint=127.0.0.1:$S3_PORT
rgw data = $GW/rgw
rgw dns name = s3.localhost
rgw thread pool size = 64
rgw num rados handles = 1
rgw enable usage log = false
rgw gc obj min wait = 60
CONF
}

# Bluestore reads and writes past the page cache; some file systems (older tmpfs) cannot.
gateway_check_disk() {
    mkdir -p "$GW"
    dd if=/dev/zero of="$GW/probe" bs=4096 count=1 oflag=direct status=none 2>/dev/null || {
        rm -f "$GW/probe"
        die "the file system of $GW has no direct I/O ($(stat -f -c %T "$GW")); choose another LOCAL_DIR," \
            "or give a store of your own: S3_ENDPOINT, S3_BUCKET, S3_REGION and the AWS keys."
    }
    rm -f "$GW/probe"
}

gateway_monmap() { # FILE
    monmaptool --create --clobber --fsid "$(<"$GW/fsid")" \
        --addv a "[v1:127.0.0.1:$((S3_PORT + 1))]" "$1"
}

gateway_make_mon() {
    local log=$LOG_DIR/gateway-setup.log
    say "making a store for the S3 gateway (first time only, 15 s)"
    rm -rf "$GW"
    mkdir -p "$GW"/{mon,osd,rgw}
    cat /proc/sys/kernel/random/uuid >"$GW/fsid"
    gateway_conf
    gateway_monmap "$GW/monmap" >>"$log" 2>&1 &&
        ceph-mon --mkfs -i a --monmap "$GW/monmap" >>"$log" 2>&1 ||
        gateway_die "cannot make its monitor" gateway-setup
    echo "$S3_PORT" >"$GW/port"
}

# The monitor's address is part of its own data, so another S3_PORT has to be written there.
gateway_move() {
    local log=$LOG_DIR/gateway-setup.log
    [ "$(cat "$GW/port" 2>/dev/null)" != "$S3_PORT" ] || return 0
    need_port S3_PORT "$S3_PORT"
    need_port S3_PORT $((S3_PORT + 1))
    gateway_down
    gateway_conf
    gateway_monmap "$GW/monmap" >>"$log" 2>&1 &&
        ceph-mon -i a --inject-monmap "$GW/monmap" >>"$log" 2>&1 ||
        gateway_die "cannot move to port $S3_PORT" gateway-setup
    echo "$S3_PORT" >"$GW/port"
}

gateway_mon_answers() { ceph --connect-timeout 3 mon stat; }
gateway_osd_up() { ceph --connect-timeout 3 osd stat | grep -q ' 1 up'; }
gateway_answers() { curl -sf -o /dev/null --max-time 5 "http://127.0.0.1:$S3_PORT/"; }

# Waits as wait_until does, but no longer than the process lives.
gateway_wait() { # NAME SECONDS COMMAND...
    local name=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        pid_of "$name" >/dev/null || gateway_die "$name has ended" "$name"
        ((SECONDS < end)) || gateway_die "$name does not answer" "$name"
        sleep 0.1
    done
}

gateway_start() { # NAME SECONDS PROBE PORT-OFFSET|- COMMAND...
    local name=$1 limit=$2 probe=$3 offset=$4
    shift 4
    if ! pid_of "$name" >/dev/null; then
        [ "$offset" = - ] || need_port S3_PORT $((S3_PORT + offset))
        spawn "$name" "$@"
    fi
    gateway_wait "$name" "$limit" "$probe"
}

# Another cluster on the same port must never be written to.
gateway_check_cluster() {
    [ "$(ceph --connect-timeout 5 fsid 2>/dev/null)" = "$(<"$GW/fsid")" ] ||
        die "another Ceph cluster answers on port $((S3_PORT + 1)); choose another S3_PORT"
}

gateway_make_osd() {
    local id log=$LOG_DIR/gateway-setup.log
    id=$(</proc/sys/kernel/random/uuid)
    {
        ceph osd create "$id" 0 &&
            ceph osd crush add osd.0 1.0 host=local root=default &&
            ceph-osd -i 0 --mkfs --osd-uuid "$id"
    } >>"$log" 2>&1 || gateway_die "cannot make its disk" gateway-setup
}

# The keys come out of the program, so that they are on no command line.
gateway_make_user() {
    local log=$LOG_DIR/gateway-setup.log
    (umask 077 && radosgw-admin -n client.admin user create --uid=bucketline \
        --display-name='bucketline local stack' --gen-access-key --gen-secret \
        >"$GW/user.json" 2>>"$log") || gateway_die "cannot make its user" gateway-setup
}

gateway_keys() {
    AWS_ACCESS_KEY_ID=$(gateway_key access_key) AWS_SECRET_ACCESS_KEY=$(gateway_key secret_key)
    [ -n "$AWS_ACCESS_KEY_ID" ] && [ -n "$AWS_SECRET_ACCESS_KEY" ] ||
        die "cannot read the gateway's keys from $GW/user.json"
}

gateway_key() {
    "$PYTHON" -c 'import json, sys
print(json.load(open(sys.argv[1]))["keys"][0][sys.argv[2]])' "$GW/user.json" "$1"
}

gateway_up() {
    local fresh=0
    if [ ! -e "$GW/made" ]; then
        gateway_down
        gateway_check_disk
        fresh=1
        gateway_make_mon
    else
        gateway_move
        gateway_conf
    fi
    gateway_start mon 30 gateway_mon_answers 1 ceph-mon -f -c "$CEPH_CONF" -i a
    gateway_check_cluster
    [ $fresh = 0 ] || gateway_make_osd
    gateway_start osd 60 gateway_osd_up - ceph-osd -f -c "$CEPH_CONF" -i 0
    gateway_start rgw 120 gateway_answers 0 radosgw -f -c "$CEPH_CONF" -n client.rgw
    if [ $fresh = 1 ]; then
        gateway_make_user
        date -u +%FT%TZ >"$GW/made"
    fi
}

gateway_down() {
    local name run
    for name in rgw osd mon; do end_named "$name" 15; done
    # Only a folder for sockets that was made in /tmp.
    if [ -L "$GW/run" ]; then
        run=$(readlink "$GW/run")
        rm -f "$GW/run" && [[ $run == /tmp/bl-gw.* ]] && rm -rf "$run"
    fi
    return 0
}
