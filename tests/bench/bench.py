"""One export of the whole stack against DuckDB's own copy; called by bench.sh, prints a table.

CPU seconds and peak memory come from /proc of each process; a runner lives for one job, so it is
watched while it runs and its CPU time is what its supervisor has waited for.
"""
import json
import os
import subprocess
import sys
import time

FROM_S, TO_S = 1546083949, 1546947949
TABLE = "demo.ecommerce.data"
TICK = os.sysconf("SC_CLK_TCK")


def cpu_s(pid, children=False):
    """CPU seconds of a process, or of the children that it has waited for."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    at = 13 if children else 11  # utime, stime, cutime, cstime: proc(5), behind the name
    return (int(fields[at]) + int(fields[at + 1])) / TICK


def peak_mib(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0.0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return f.read().split()
    except OSError:
        return []


def client(*args):
    done = subprocess.run(["build/bin/bucketline", *args], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: bucketline {args[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def export():
    """Seconds from POST to COMPLETED, the job, and what each process used."""
    pids = {name: os.environ[f"{name}_PID"] for name in ("API", "WORKER", "UPLOADER")}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    runner_before = cpu_s(pids["WORKER"], children=True)
    runner_peak = query_s = 0.0
    start = time.monotonic()
    job = client("submit", "--query", f"from {TABLE}", "--from", str(FROM_S), "--to", str(TO_S),
                 "--param", "format=gzip", "--param", f"aws.bucket={os.environ['S3_BUCKET']}",
                 "--param", f"aws.region={os.environ['S3_REGION']}",
                 "--param-env", "aws.accesskey=AWS_ACCESS_KEY_ID",
                 "--param-env", "aws.secretkey=AWS_SECRET_ACCESS_KEY")
    while True:
        status = json.loads(client("status", job, "--json"))["object"]
        runner_peak = max([runner_peak] + [peak_mib(p) for p in children(pids["WORKER"])])
        if not query_s and status["eventGenerated"] and \
                cpu_s(pids["WORKER"], children=True) > runner_before:
            query_s = time.monotonic() - start
        if status["status"] not in ("CREATED", "RUNNING"):
            break
        time.sleep(0.05)
    seconds = time.monotonic() - start
    if status["status"] != "COMPLETED":
        sys.exit(f"bench: the job is {status['status']}: {status['error']}")
    used = {name.lower(): (cpu_s(pid) - before[name], peak_mib(pid)) for name, pid in pids.items()}
    used["runner"] = (cpu_s(pids["WORKER"], children=True) - runner_before, runner_peak)
    return seconds, query_s or seconds, status, used


def tool(*args):
    """The line of bench_export as a dict."""
    out = subprocess.run(["build/tools/bench_export", *args], check=True, capture_output=True,
                         text=True).stdout.strip().splitlines()[-1]
    return dict(w.split("=") for w in out.split(": ", 1)[1].split())


def row(name, rows, seconds, csv_bytes, size, cpu, peak):
    def cell(v, form, width):
        return (format(v, form) if v is not None else "").rjust(width)
    print(f"{name:32}{cell(rows / seconds, ',.0f', 12)}{cell(csv_bytes / 1e6 / seconds, ',.0f', 9)}"
          f"{cell(seconds, '.2f', 9)}{cell(size, ',d', 15)}{cell(cpu, '.2f', 8)}"
          f"{cell(peak, ',.0f', 9)}")


def main():
    data = os.environ["DATA_DIR"]
    span = (str(FROM_S * 1000), str(TO_S * 1000))
    print(f"{'':32}{'rows/s':>12}{'MB/s':>9}{'seconds':>9}{'bytes':>15}{'CPU s':>8}{'MiB':>9}")
    for _ in range(int(sys.argv[1])):
        seconds, query_s, status, used = export()
        rows = status["eventsSent"]
        ours = tool(data, TABLE, *span, "gzip", "fast", "2")
        csv = float(ours["csv_mb"]) * 1e6
        copy = tool("--copy", data, TABLE, *span)
        files = int(ours["bytes"])
        row("POST to COMPLETED, in the bucket", rows, seconds, csv, files,
            sum(c for c, _ in used.values()), None)
        row("POST to the end of the query", rows, query_s, csv, files, used["runner"][0],
            used["runner"][1])
        for name, (cpu, peak) in used.items():
            print(f"  {name:62}{'':15}{cpu:8.2f}{peak:9,.0f}")
        row("engine to files, alone", rows, float(ours["seconds"]), csv, files,
            float(ours["cpu_s"]), float(ours["peak_mib"]))
        row("DuckDB's own gzip CSV copy", rows, float(copy["seconds"]), csv, int(copy["bytes"]),
            float(copy["cpu_s"]), float(copy["peak_mib"]))
        print(f"\n{rows:,d} rows, {csv / 1e6:,.0f} MB of CSV. Times as fast as DuckDB's copy: "
              f"{float(copy['seconds']) / float(ours['seconds']):.1f} alone, "
              f"{float(copy['seconds']) / query_s:.1f} as a job, "
              f"{float(copy['seconds']) / seconds:.1f} with the upload; "
              f"size {files / int(copy['bytes']):.2f} of its; "
              f"runner's peak {used['runner'][1]:,.0f} MiB")


main()
