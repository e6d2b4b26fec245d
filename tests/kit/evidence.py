"""What a session leaves behind, gathered while it runs and judged at its end.

Secrets used anywhere are registered here; no log, no HTTP answer, no dump of Redis and no command
line may contain one. Sanitizers' reports are looked for in the same logs.
"""

import base64
import os
import re

SANITIZER = re.compile(rb"ERROR: \w+Sanitizer|runtime error:|ERROR: LeakSanitizer|WARNING: ThreadS|"
                       rb"bucketline: bug:|Assertion .* failed|\*\*\* stack smashing")


class Evidence:
    def __init__(self):
        self.secrets = {}
        self.answers = []
        self.command_lines = {}
        self.problems = []

    def secret(self, value, what="secret"):
        """Registers a secret, as itself and in the disguises that would still give it away."""
        raw = value.encode() if isinstance(value, str) else value
        assert len(raw) >= 8, "too short to be looked for: it would be found by chance"
        for form in {raw, raw.replace(b"/", b"\\/"), base64.b64encode(raw), raw.hex().encode()}:
            self.secrets[form] = what
        return value

    def answer(self, where, data):
        self.answers.append((where, data))

    def command_line(self, who, line):
        self.command_lines[line] = who

    def problem(self, words):
        self.problems.append(words)

    def leaks_in(self, where, data):
        for form, what in self.secrets.items():
            if form in data:
                yield f"a {what} appears in {where}"

    def judge_file(self, path, sanitizer=True):
        """Reads one log (or dump of Redis) and notes what is wrong with it."""
        try:
            with open(path, "rb") as f:
                data = f.read()
        except FileNotFoundError:
            return
        self.problems.extend(self.leaks_in(path, data))
        if sanitizer:
            m = SANITIZER.search(data)
            if m:
                shown = data[m.start():m.start() + 3000].decode(errors="replace")
                self.problem(f"{os.path.basename(path)}: {shown}")

    def judge_traffic(self):
        for where, data in self.answers:
            self.problems.extend(self.leaks_in(f"the answer to {where}", data))
        self.answers.clear()
        for line, who in self.command_lines.items():
            self.problems.extend(self.leaks_in(f"the command line of {who}", line))
        self.command_lines.clear()

    def take_problems(self):
        self.judge_traffic()
        found, self.problems = list(dict.fromkeys(self.problems)), []
        return found


evidence = Evidence()
