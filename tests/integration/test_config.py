"""Configuration: one table of options, and everything that shows it says the same."""

import configparser
import re
import subprocess

import pytest

from kit.s3 import ROOT
from kit.stack import BIN

PROGRAMS = ["api", "worker", "uploader"]
OPTION = re.compile(r'^    (STR|INT|SIZE|BOOL|ENUM|LIST|SECRET)\("(\w+)", "(\w+)", (.*)$', re.M)


def table():
    """(section, key) -> default, from the source."""
    with open(f"{ROOT}/common/base/config_options.c", encoding="utf-8") as f:
        text = f.read()
    return {(s, k): "" if kind == "SECRET" else re.match(r'"([^"]*)"', rest).group(1)
            for kind, s, k, rest in OPTION.findall(text)}


def run(program, *args, env=None):
    return subprocess.run([f"{BIN}/bucketline-{program}", *args], capture_output=True, text=True,
                          check=False, env={"PATH": "/usr/bin:/bin", **(env or {})}, timeout=60)


def test_the_table_is_read_here():
    assert len(table()) > 50


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_shows_every_option_with_its_default(program):
    out = run(program, "--help").stdout
    section, seen, key = None, {}, None
    for line in out.splitlines():
        if m := re.fullmatch(r"\[(\w+)\]", line):
            section = m.group(1)
        elif section and (m := re.match(r"  (\w+) +\S", line)):
            key = m.group(1)
        elif section and (m := re.match(r"  .*; default '(.*)'$", line)):
            seen[section, key] = m.group(1)
    assert seen == table()


def test_sample_file_shows_every_option_with_its_default():
    """Each as `key = default`, or commented out with it."""
    shown, section = {}, None
    with open(f"{ROOT}/deploy/conf/bucketline.conf", encoding="utf-8") as f:
        for line in f:
            if m := re.match(r"\[(\w+)\]", line):
                section = m.group(1)
            elif m := re.match(r"#?\s?([a-z_0-9]+) *=[ \t]*(.*?)\s*$", line):
                shown[section, m.group(1)] = m.group(2)
    assert {k: v for k, v in shown.items() if k in table()} == table()
    assert not set(shown) - set(table()), f"unknown: {set(shown) - set(table())}"


def test_sample_file_is_right():
    done = run("worker", "--config", f"{ROOT}/deploy/conf/bucketline.conf", "--check")
    assert done.returncode == 0, done.stderr
    configparser.ConfigParser(interpolation=None).read(f"{ROOT}/deploy/conf/bucketline.conf")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("text,words", [
    ("[job]\nlease_s = 1\n", [":2", "job.lease_s", "'1'", "2", "3600"]),
    ("[job]\n\nlease_s = many\n", [":3", "job.lease_s", "'many'"]),
    ("[job]\nlease = 3\n", [":2", "job.lease"]),
    ("[jobs]\nlease_s = 3\n", [":2", "jobs.lease_s"]),
    ("[job]\nlease_s 3\n", [":2", "lease_s 3"]),
    ("[spool]\nlimit = 5X\n", [":2", "spool.limit", "'5X'"]),
    ("[spool]\nlimit = 99999999999G\n", [":2", "spool.limit"]),
    ("[log]\nlevel = loud\n", [":2", "log.level", "'loud'", "error|warn|info|debug"]),
    ("[s3]\npath_style = yes\n", [":2", "s3.path_style", "'yes'", "true"]),
])
def test_wrong_value_stops_the_start(tmp_path, program, text, words):
    path = tmp_path / "wrong.conf"
    path.write_text(text)
    done = run(program, "--config", str(path))
    assert done.returncode == 2, f"status {done.returncode}: {done.stderr}"
    for w in [str(path), *words]:
        assert w in done.stderr, f"got {done.stderr}, want '{w}' in it"


def test_environment_and_set_win_over_the_file(tmp_path):
    path = tmp_path / "x.conf"
    path.write_text("[job]\nlease_s = 1\n")
    assert run("api", "--check", "--config", str(path)).returncode == 2
    path.write_text("[job]\nlease_s = 5\n")
    env = {"BUCKETLINE__JOB__LEASE_S": "0"}
    done = run("api", "--check", "--config", str(path), env=env)
    assert done.returncode == 2 and "BUCKETLINE__JOB__LEASE_S" in done.stderr
    done = run("api", "--check", "--config", str(path), "--set", "job.lease_s=99999")
    assert done.returncode == 2 and "--set job.lease_s" in done.stderr
    env = {"BUCKETLINE_CONF": str(path), "BUCKETLINE__JOB__ATTEMPTS": "7"}
    assert run("api", "--check", env=env).returncode == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_unknown_arguments_and_version(program):
    assert run(program, "--nonsense").returncode == 2
    assert run(program, "surplus").returncode == 2
    assert run(program, "--version").stdout.startswith(f"bucketline-{program} ")


@pytest.mark.parametrize("content", [None, "", "short", "z" * 64, "a" * 63])
def test_wrong_master_key_is_named(make_stack, content):
    stack = make_stack(start=False)
    stack.redis.start()
    path = stack.path("master.key")
    if content is not None:
        with open(path, "w", encoding="ascii") as f:
            f.write(content)
    for program in PROGRAMS[1:]:
        p = stack.program(program, 9)
        p.start(wait=False)
        assert p.wait_end() in (1, 2)
        assert path.encode() in p.output(), f"got {p.output()!r}"
        assert not content or content.encode() not in p.output()
