#!/bin/bash
# run.sh [PART...]: all tests, after a build; the parts are below. The last line of the output is
#
#     N passed, M failed, K skipped
#
# summed over everything (skipped: what this machine cannot have), and the exit status follows M.
# Nothing is left behind: all lies under one temporary folder, every process is ended by its id.
#
#   layers       #include arrows and confined headers                 tests/unit/layers.py
#   clang        builds with the other compiler, no warning           build/clang
#   signer       our Signature V4 against botocore's                  tests/conformance
#   unit         build/tests/test_*, then build/asan/tests/test_*
#   fuzz         a seeded sample of build/asan/fuzz/*                 FUZZ_ITERATIONS (20000) FUZZ_SEED (1)
#   integration  tests/integration against build/bin
#   asan         those marked asan, against build/asan/bin
#   fault        kill -9 at random points                             FAULT_SECONDS (100) FAULT_ROUNDS FAULT_SEED
#   soak         everything for a while                               SOAK_SECONDS (60) SOAK_SEED
#
# The long runs, which are not part of the above:
#
#   test-fault   fault, 300 rounds unless FAULT_ROUNDS says otherwise, from a seed of the day
#   test-soak    soak, 3600 s unless SOAK_SECONDS says otherwise
#   test-fuzz    build/fuzz/fuzz/* (libFuzzer), FUZZ_SECONDS (300) each; what is found is kept in
#                build/fuzz-found/, what was learnt in build/fuzz-corpus/
#
# K picks tests by name (pytest -k). S3_ENDPOINT and AWS keys in the environment: that store is used
# instead of a gateway of our own.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

PYTHON=${PYTHON:-/usr/bin/python3}
PARTS=${*:-layers clang signer unit fuzz integration asan fault soak}
PASSED=0 FAILED=0 SKIPPED=0
SECONDS=0

# Short: Unix sockets lie below it. Everything that asks for a temporary folder gets this one.
TMP=$(mktemp -d "${TMPDIR:-/tmp}/bl-test.XXXXXX") || exit 1
export TMPDIR=$TMP BL_TEST_TMP=$TMP PYTHONDONTWRITEBYTECODE=1
unset BIN BUCKETLINE_CONF BUCKETLINE_URL BUCKETLINE_API_KEY BUCKETLINE_API_SECRET BUCKETLINE_TOKEN

say() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

count() { # PASSED FAILED SKIPPED
    PASSED=$((PASSED + $1)) FAILED=$((FAILED + $2)) SKIPPED=$((SKIPPED + $3))
}

number_before() { # WORDS TEXT: the number in front of the words, or 0
    local n
    n=$(grep -oE "[0-9]+ $1" <<<"$2" | tail -n 1)
    echo "${n%% *}" | grep -E '^[0-9]+$' || echo 0
}

# --- the gateway, one for all parts ------------------------------------------------------------

GATEWAY=0
gateway_up() {
    [ -z "${S3_ENDPOINT:-}" ] || return 0
    say "starting the S3 gateway"
    local ports
    # shellcheck disable=SC2046
    ports=$(PYTHONPATH=tests "$PYTHON" -c 'from kit.procs import free_port
print(free_port(10), free_port(), free_port())') || return 1
    # shellcheck disable=SC2086
    set -- $ports
    export LOCAL_DIR=$TMP/s3 S3_PORT=$1 REDIS_PORT=$2 API_PORT=$3
    GATEWAY=1
    deploy/stack.sh up --only s3 >"$TMP/gateway.log" 2>&1 </dev/null || {
        cat "$TMP/gateway.log"
        return 1
    }
    # shellcheck disable=SC1091
    . "$LOCAL_DIR/env"
    export S3_VHOST_ENDPOINT=http://s3.localhost:$S3_PORT
}

need_gateway() {
    [ $GATEWAY = 1 ] || gateway_up || {
        say "the S3 gateway does not start"
        count 0 1 0
        exit 1
    }
}

finish() {
    local status=$? pid cmd left=0
    trap - EXIT INT TERM
    if [ $GATEWAY = 1 ]; then
        env -u S3_ENDPOINT deploy/stack.sh down >>"$TMP/gateway.log" 2>&1 </dev/null || {
            cat "$TMP/gateway.log"
            count 0 1 0
        }
    fi
    # What a killed test left: known by our folder on its command line.
    for pid in /proc/[0-9]*; do
        { cmd=$(tr '\0' ' ' <"$pid/cmdline"); } 2>/dev/null || continue
        [[ $cmd == *"$TMP"* ]] || continue
        say "left running, and ended now: ${pid##*/} $cmd"
        kill -9 "${pid##*/}" 2>/dev/null
        left=1
    done
    count 0 $left 0
    if [ -n "${KEEP:-}" ]; then say "kept: $TMP"; else rm -rf "$TMP"; fi
    [ $status = 0 ] || [ "$FAILED" != 0 ] || FAILED=1
    echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ "$FAILED" = 0 ] || exit 1
    exit 0
}
trap finish EXIT
trap 'say "interrupted"; count 0 1 0; exit 130' INT TERM

# --- parts -------------------------------------------------------------------------------------

part_layers() {
    local out
    out=$("$PYTHON" tests/unit/layers.py 2>&1)
    echo "$out"
    count "$(number_before passed "$out")" "$(number_before failed "$out")" 0
    [[ $out == *" passed, "* ]] || count 0 1 0
}

part_clang() {
    command -v clang >/dev/null || {
        say "skipped: there is no clang"
        count 0 0 1
        return
    }
    if make --no-print-directory -j"$(nproc)" CC=clang VARIANT=clang WERROR=1 all unit tools >"$TMP/clang.log" 2>&1; then
        echo "    no warning"
        count 1 0 0
    else
        grep -E 'warning|error' "$TMP/clang.log" | head -n 20 | sed 's/^/    /'
        count 0 1 0
    fi
}

part_signer() {
    "$PYTHON" tests/conformance/sigv4_botocore.py --count 10000 >"$TMP/signer.log" 2>&1
    case $? in
        0) count 1 0 0 ;;
        77) count 0 0 1 ;;
        *) count 0 1 0 ;;
    esac
    tail -n 3 "$TMP/signer.log" | sed 's/^/    /'
}

# One cmocka binary; its own summary is counted. A crash, or a report of a sanitizer, is a failure.
unit_binary() { # BINARY
    local out rc p f s
    out=$(timeout -k 10 300 "$1" 2>&1 </dev/null)
    rc=$?
    p=$(grep -aoE '\[  PASSED  \] [0-9]+ test' <<<"$out" | grep -oE '[0-9]+' | awk '{n += $1} END {print n + 0}')
    f=$(grep -aoE '\[  FAILED  \] [^:]*[0-9]+ test\(s\), listed' <<<"$out" | grep -oE '[0-9]+ test' |
        awk '{n += $1} END {print n + 0}')
    s=$(grep -aoE '\[  SKIPPED \] [^:]*[0-9]+ test\(s\), listed' <<<"$out" | grep -oE '[0-9]+ test' |
        awk '{n += $1} END {print n + 0}')
    if [ $rc != 0 ] && [ "$f" = 0 ]; then f=1; fi
    if [ "$f" != 0 ]; then
        grep -aE 'FAILED|ERROR|error:|got |Sanitizer|SUMMARY' <<<"$out" | head -n 40 | sed 's/^/    /'
    fi
    [ "$((p + f + s))" != 0 ] || f=1
    printf '    %-40s %s passed, %s failed, %s skipped%s\n' "$1" "$p" "$f" "$s" \
        "$([ $rc = 0 ] || echo " (exit status $rc)")"
    count "$p" "$f" "$s"
}

part_unit() {
    local dir b found
    export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
    for dir in build/tests build/asan/tests; do
        found=0
        for b in "$dir"/test_*; do
            [ -f "$b" ] && [ -x "$b" ] || continue
            found=1
            unit_binary "$b"
        done
        [ $found = 1 ] || {
            echo "    there are no tests in $dir"
            count 0 1 0
        }
    done
    unset ASAN_OPTIONS UBSAN_OPTIONS
}

part_fuzz() {
    local b rc
    for b in build/asan/fuzz/*; do
        [ -f "$b" ] && [ -x "$b" ] || continue
        timeout -k 10 300 "$b" "${FUZZ_ITERATIONS:-20000}" "${FUZZ_SEED:-1}" >"$TMP/fuzz.log" 2>&1 </dev/null
        rc=$?
        if [ $rc = 0 ]; then
            echo "    $b ok"
            count 1 0 0
        else
            echo "    $b FAILED (exit status $rc), FUZZ_SEED=${FUZZ_SEED:-1}"
            tail -n 20 "$TMP/fuzz.log" | sed 's/^/        /'
            count 0 1 0
        fi
    done
}

part_test-fuzz() {
    local b name log
    for b in build/fuzz/fuzz/*; do
        [ -f "$b" ] && [ -x "$b" ] || continue
        name=${b##*/}
        log=$TMP/$name.log
        mkdir -p "build/fuzz-corpus/$name" build/fuzz-found
        say "$name, ${FUZZ_SECONDS:-300} s"
        if "$b" -max_total_time="${FUZZ_SECONDS:-300}" -seed="${FUZZ_SEED:-$(date +%j)}" -max_len=8192 \
            -timeout=10 -print_final_stats=1 -artifact_prefix="build/fuzz-found/$name-" \
            "build/fuzz-corpus/$name" >"$log" 2>&1 </dev/null; then
            grep -E 'number_of_executed_units|new_units_added' "$log" | sed 's/^/    /'
            count 1 0 0
        else
            tail -n 30 "$log" | sed 's/^/    /'
            count 0 1 0
        fi
    done
}

part_test-fault() {
    export FAULT_ROUNDS=${FAULT_ROUNDS:-300} FAULT_SEED=${FAULT_SEED:-$(($(date +%j) * 1000))}
    part_fault
}

part_test-soak() {
    export SOAK_SECONDS=${SOAK_SECONDS:-3600} SOAK_SEED=${SOAK_SEED:-$(date +%j)}
    part_soak
}

# The tests in Python need packages that may not be had; then a part counts as skipped.
have_python() {
    "$PYTHON" -c 'import boto3, pytest, requests' 2>"$TMP/python.log" && return 0
    say "skipped: $(tail -n 1 "$TMP/python.log") (see build/deps/missing)"
    count 0 0 1
    return 1
}

# Interrupted rather than ended when it takes too long, so that its fixtures clean up.
run_pytest() { # SECONDS ARGUMENT...
    local limit=$1 rc last
    shift
    timeout -s INT -k 120 "$limit" "$PYTHON" -m pytest -rfEs ${K:+-k "$K"} "$@" 2>&1 </dev/null |
        tee "$TMP/pytest.log"
    rc=${PIPESTATUS[0]}
    [ "$rc" != 124 ] || say "stopped: it took longer than $limit s"
    last=$(grep -E '(passed|failed|error|skipped|deselected|no tests ran).* in [0-9.]+s' "$TMP/pytest.log" | tail -n 1)
    count "$(number_before passed "$last")" \
        $(($(number_before failed "$last") + $(number_before 'errors?' "$last"))) \
        "$(number_before skipped "$last")"
    # 1: some failed, and are counted. 5: -k picked none.
    if [ "$rc" != 0 ] && ! { [ "$rc" = 1 ] && [[ $last =~ failed|error ]]; } &&
        ! { [ "$rc" = 5 ] && [ -n "${K:-}" ]; }; then
        say "pytest ended with status $rc"
        count 0 1 0
    fi
}

part_integration() { run_pytest 1200 tests/integration; }

part_asan() {
    # The engine's library is not built with sanitizers and has its own allocator habits.
    BIN=build/asan/bin run_pytest 1200 -m asan tests/integration
}

part_fault() { run_pytest $((${FAULT_ROUNDS:-0} * 60 + 900)) -s tests/fault; }

part_soak() {
    local out
    timeout -s INT -k 120 $((${SOAK_SECONDS:-60} + 600)) "$PYTHON" tests/soak/soak.py 2>&1 </dev/null |
        tee "$TMP/soak.log"
    out=$(tail -n 1 "$TMP/soak.log")
    if [[ $out == "1 passed, 0 failed" ]]; then count 1 0 0; else count 0 1 0; fi
}

for part in $PARTS; do
    case $part in
        layers | clang | signer | fuzz | test-fuzz) ;;
        unit) need_gateway ;;
        integration | asan | fault | soak | test-fault | test-soak)
            have_python || continue
            need_gateway
            ;;
        *)
            say "unknown part '$part'; there are: layers clang signer unit fuzz integration asan fault soak"
            count 0 1 0
            exit 1
            ;;
    esac
    say "$part"
    "part_$part"
done
say "done"
