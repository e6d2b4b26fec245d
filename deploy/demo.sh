#!/bin/bash
# demo.sh: starts the local stack, loads real data, exports it into a bucket, and counts what came
# out against what went in. Ends with 0 only if everything agrees. Can be run again at any time,
# also after it was broken off. Called by `make demo`, which has set up and built before.
#
# DEMO_ROWS (2000000): rows of the generated table. TOOLS_DIR (build/tools): the built generator.
set -euo pipefail
# shellcheck source=deploy/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
ME=demo
name_errors

export LOCAL_DIR=${LOCAL_DIR:-$ROOT/build/local}
BIN_DIR=${BIN_DIR:-$ROOT/build/bin}
TOOLS_DIR=${TOOLS_DIR:-$ROOT/build/tools}
PYTHON=${PYTHON:-/usr/bin/python3}
DEMO_ROWS=${DEMO_ROWS:-2000000}
FLIGHTS=$ROOT/build/deps/vega/flights-3m.parquet
[[ $LOCAL_DIR == /* ]] || LOCAL_DIR=$PWD/$LOCAL_DIR

# `to` is exclusive, and the last flight left at 2001-07-01 00:00:00.
FLIGHTS_FROM=978307200 FLIGHTS_TO=993945601
SHOP_FROM=1546083949 SHOP_TO=1546947949

trap 'echo; warn "broken off. The stack goes on in the background (make down stops it); make demo starts over."
    exit 130' INT TERM

step() { printf '\n== %s\n' "$*"; }
rows_of() { "$PYTHON" "$ROOT/deploy/demo/parquet_rows.py" "$1" 2>/dev/null || echo 0; }

load_flights() {
    local folder=$DATA_DIR/demo/flights/data
    local file=$folder/flights-3m.parquet
    if ! cmp -s "$FLIGHTS" "$file"; then
        mkdir -p "$folder"
        # By rename, so that no reader sees half a file.
        ln -f "$FLIGHTS" "$DATA_DIR/.flights.new" 2>/dev/null || cp "$FLIGHTS" "$DATA_DIR/.flights.new"
        mv -f "$DATA_DIR/.flights.new" "$file"
    fi
    say "demo.flights.data: $(rows_of "$folder") flights"
}

load_shop() {
    local folder=$DATA_DIR/demo/ecommerce/data
    if [ "$(rows_of "$folder")" != "$DEMO_ROWS" ]; then
        say "demo.ecommerce.data: generating $DEMO_ROWS rows of a web shop's log"
        "$TOOLS_DIR/ecommerce" "$DATA_DIR" "$DEMO_ROWS" >"$LOCAL_DIR/log/ecommerce.log" 2>&1 || {
            show_tail "$LOCAL_DIR/log/ecommerce.log"
            die "the generator failed; see $LOCAL_DIR/log/ecommerce.log (is the disk full?)"
        }
    fi
    say "demo.ecommerce.data: $(rows_of "$folder") lines of log"
}

# Posts the query, watches the job, checks the bucket.
export_table() { # TABLE FROM TO
    local body=$LOCAL_DIR/demo/$1.json folder=$DATA_DIR/${1//.//} job
    step "Export of $1 as gzip files into bucket '$S3_BUCKET' at $S3_ENDPOINT"
    (umask 077 && mkdir -p "$LOCAL_DIR/demo" &&
        "$PYTHON" "$ROOT/deploy/demo/request.py" "from $1" "$2" "$3" >"$body")
    say "POST $BUCKETLINE_URL/query"
    job=$("$BIN_DIR/bucketline" submit --body "$body" | tail -n 1) || die "the query was refused"
    say "job $job"
    "$BIN_DIR/bucketline" watch "$job" ||
        die "the job did not complete. See: . $LOCAL_DIR/env; build/bin/bucketline status $job" \
            "and the logs $LOCAL_DIR/log/{api,worker,uploader}.log"
    step "What is in the bucket, downloaded, decompressed and counted"
    "$PYTHON" "$ROOT/deploy/demo/verify.py" "$job" "$folder" ||
        die "what is in the bucket is not what the table holds (job $job)"
    LAST_JOB=$job
}

by_hand() {
    local here=$LOCAL_DIR
    [[ $here == "$PWD"/* ]] && here=${here#"$PWD"/}
    cat <<TEXT

== By hand, the same

  . $here/env
  PATH=$BIN_DIR:\$PATH
  cat > query.json <<END
  {"query": "from demo.flights.data", "from": $FLIGHTS_FROM, "to": $FLIGHTS_TO,
   "destination": {"type": "s3", "params": {
     "aws.bucket": "\$S3_BUCKET", "aws.region": "\$S3_REGION",
     "aws.accesskey": "\$AWS_ACCESS_KEY_ID", "aws.secretkey": "\$AWS_SECRET_ACCESS_KEY",
     "format": "gzip"}}}
  END
  # sign prints the three headers: x-logtrust-apikey, x-logtrust-timestamp, x-logtrust-sign
  bucketline sign --body query.json |
    curl -sS -H @- -H 'Content-Type: application/json' --data-binary @query.json "\$BUCKETLINE_URL/query"
  bucketline sign | curl -sS -H @- "\$BUCKETLINE_URL/job/$LAST_JOB"
  bucketline sign | curl -sS -H @- "\$BUCKETLINE_URL/jobs"

  or shorter: bucketline submit --body query.json; bucketline watch ID; bucketline list

The stack runs on in the background: make status, make down.
TEXT
}

[[ $DEMO_ROWS =~ ^[1-9][0-9]{0,8}$ ]] || die "DEMO_ROWS is '$DEMO_ROWS': a number from 1 to 999999999"

step "The local stack"
"$ROOT/deploy/stack.sh" up
# shellcheck disable=SC1091 # written by stack.sh just now
. "$LOCAL_DIR/env"

step "Data"
if [ -e "$FLIGHTS" ]; then load_flights; fi
load_shop

LAST_JOB=
export_table demo.ecommerce.data $SHOP_FROM $SHOP_TO
if [ -e "$FLIGHTS" ]; then
    export_table demo.flights.data $FLIGHTS_FROM $FLIGHTS_TO
else
    warn "the table of flights is left out: npm was not there to fetch it (DUCKDB_DIR is set)"
fi
by_hand
step "All counts agree"
