#!/usr/bin/python3
"""layers.py: holds the sources to their layers. Last line: `N passed, M failed`.

Arrows of #include point down only: programs see their own folder and common/, the shelves of
common/ see themselves and common/base. Headers of libraries are confined to the files named here.
Every header compiles alone. Run from anywhere.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHELVES = ["common/base", "common/linq", "common/store", "common/s3", "common/spool"]
PROGRAMS = ["api/client", "api", "worker", "uploader"]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# Header of a library -> where it may be included: (pattern of files, how many files at most).
CONFINED = {
    r"hiredis/.*": (r"common/store/.*|api/(store_async|redis_link|job_watch)\.c", None),
    r"curl/.*": (r"common/s3/[^/]*\.c|api/client/http\.c|uploader/notify_(mail|webhook)\.c|"
                 r"worker/engine/engine_clickhouse[^/]*\.c", None),
    r"event2/.*": (r"common/base/(service|metrics)\.c|common/s3/s3_transport_curl\.c|"
                   r"api/(client/)?[^/]*\.[ch]|uploader/[^/]*\.[ch]|worker/[^/]*\.[ch]", None),
    r"duckdb\.h": (r"worker/engine/engine_duckdb[^/]*\.c", 1),
    r"zip\.h": (r"worker/chunk/[^/]*\.c", 1),
    r"(isa-l/)?igzip_lib\.h|isa-l\.h": (r"worker/chunk/[^/]*\.c", 1),
    r"zlib\.h": (r"worker/chunk/[^/]*\.c", 1),
    r"http_parser\.h": (r"api/[^/]*\.c", 1),
    r"openssl/.*": (r"common/base/(digest|seal)\.c", None),
    r"(cjson/)?cJSON\.h": (r"common/base/json\.c", 1),
}
ONE_CURL_FILE = r"common/s3/.*"
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|gmtime|localtime|"
                    r"ctime)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bnot implemented\b|\bunimplemented\b")
CODE_ONLY = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def sources():
    for top in ("common", "api", "worker", "uploader"):
        for d, _, names in os.walk(os.path.join(ROOT, top)):
            for n in sorted(names):
                if n.endswith((".c", ".h")):
                    path = os.path.join(d, n)
                    with open(path, encoding="utf-8") as f:
                        yield os.path.relpath(path, ROOT), f.read()


def home(path):
    """The shelf or program that a file belongs to."""
    return next((h for h in SHELVES + PROGRAMS if path.startswith(h + "/")), None)


def arrow_is_wrong(path, target):
    """Words about an #include "..." that points up or sideways, or None."""
    here, there = home(path), home(target)
    if there is None:
        return f'{path} includes "{target}", which is in no layer'
    if not os.path.exists(os.path.join(ROOT, target)):
        return f'{path} includes "{target}", which does not exist'
    if here == there or there == "common/base":
        return None
    if here in PROGRAMS and there in SHELVES:
        return None
    return f"{path} includes \"{target}\": {here} must not see {there}"


def check_arrows(files):
    for path, text in files:
        for kind, target in INCLUDE.findall(text):
            if kind == '"':
                words = arrow_is_wrong(path, target)
                if words:
                    yield words


def check_confined(files):
    users = {}
    for path, text in files:
        for kind, target in INCLUDE.findall(text):
            for header, (allowed, _) in CONFINED.items():
                if kind == "<" and re.fullmatch(header, target):
                    users.setdefault(header, set()).add(path)
                    if not re.fullmatch(allowed, path):
                        yield f"{path} includes <{target}>, which belongs to {allowed} alone"
    for header, paths in users.items():
        most = CONFINED[header][1]
        if most is not None and len(paths) > most:
            yield f"{header} is included by {sorted(paths)}, want {most} file at most"
    curl = [p for p in users.get(r"curl/.*", ()) if re.fullmatch(ONE_CURL_FILE, p)]
    if len(curl) > 1:
        yield f"curl is included by {sorted(curl)}, want one file of common/s3"


def check_words(files):
    for path, text in files:
        for m in UNFINISHED.finditer(text):
            yield f"{path} says '{m.group(0)}'"
        code = CODE_ONLY.sub("", text)
        for m in BANNED.finditer(code):
            yield f"{path} uses {m.group(1)}"


def check_headers(files):
    duckdb = os.environ.get("DUCKDB_DIR") or f"{ROOT}/build/deps/duckdb"
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-I.", "-isystem",
             f"{duckdb}/include", "-fsyntax-only", "-x", "c", "-"]

    def alone(path):
        # Twice: the guard holds as well.
        text = f'#include "{path}"\n#include "{path}"\n'
        done = subprocess.run([os.environ.get("CC", "gcc"), *flags], input=text, cwd=ROOT,
                              capture_output=True, text=True, check=False)
        return f"{path} does not compile alone: {done.stderr[:400]}" if done.returncode else None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(alone, [p for p, _ in files if p.endswith(".h")]))


def main():
    files = list(sources())
    failed = 0
    checks = [("arrows of #include point down", check_arrows),
              ("headers of libraries are confined", check_confined),
              ("no banned function, nothing unfinished", check_words),
              ("every header compiles alone", check_headers)]
    for name, check in checks:
        problems = list(check(files))
        failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok'}: {name}")
        for p in problems:
            print(f"    {p}")
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
