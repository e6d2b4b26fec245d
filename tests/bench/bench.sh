#!/bin/bash
# make bench: 5 million web-log rows through the whole system (API, worker, uploader, S3 gateway)
# against DuckDB's own gzip CSV copy of the same query, in the same run.
#
# From the environment: ROWS (5000000), ROUNDS (1), LOCAL_DIR (build/bench), and the ports of
# deploy/stack.sh (8180, 6490 and 7580 here, so that the demo's stack may go on beside it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

export LOCAL_DIR=${LOCAL_DIR:-build/bench} API_PORT=${API_PORT:-8180}
export REDIS_PORT=${REDIS_PORT:-6490} S3_PORT=${S3_PORT:-7580}
ROWS=${ROWS:-5000000}

trap 'deploy/stack.sh down >/dev/null 2>&1' EXIT
deploy/stack.sh up
# shellcheck disable=SC1091
. "$LOCAL_DIR/env"
if [ "$(cat "$DATA_DIR/rows" 2>/dev/null)" != "$ROWS" ]; then
    echo "bench: making $ROWS rows"
    rm -rf "$DATA_DIR/demo/ecommerce"
    build/tools/ecommerce "$DATA_DIR" "$ROWS"
    echo "$ROWS" > "$DATA_DIR/rows"
fi
/usr/bin/python3 tests/bench/bench.py "${ROUNDS:-1}"
