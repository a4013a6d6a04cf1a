# SPDX-License-Identifier: BSD-2-Clause
"""Reads and writes case files (README.md has the format)."""
import re

HEAD_KEYS = {"input", "milter", "sender", "recipient"}
# not compared: it varies, it is the order, it is prose
LEFT_OUT = {"file", "index", "advice"}


class Case:
    def __init__(self, path):
        self.path = path
        self.comments, self.head = [], {"input": "mail", "milter": "none", "sender": "<>", "recipient": "sender@example.jp"}
        self.outcomes, self.headers, self.suppressed = [], [], []
        text, found, self.message = path.read_bytes().partition(b"\n[input]\n")
        assert found, f"{path}: there is no [input]"
        self.given = {}
        section = "head"
        for number, line in enumerate(text.decode().splitlines(), 1):
            where = f"{path}:{number}"
            if line.startswith("#") and section == "head":
                self.comments.append(line)
            elif line.startswith("["):
                section = line.strip("[]")
                assert section in ("outcome", "header", "suppressed"), f"{where}: what is [{section}]?"
                if section == "outcome":
                    self.outcomes.append({})
            elif line:
                self._take_line(section, line, where)

    def _take_line(self, section, line, where):
        if section == "header":
            self.headers.append(line)
        elif section == "suppressed":
            self.suppressed.append(line)
        else:
            key, equals, value = line.partition(" = ")
            assert equals, f"{where}: no 'key = value'"
            if section == "outcome":
                self.outcomes[-1][key] = value
            else:
                assert key in HEAD_KEYS, f"{where}: what is {key}?"
                self.head[key] = self.given[key] = value

    def update(self, outcomes, headers, suppressed):
        lines = [*self.comments, *(f"{key} = {value}" for key, value in self.given.items()), ""]
        for outcome in outcomes:
            lines += ["[outcome]", *(f"{key} = {value}" for key, value in outcome.items()), ""]
        if headers:
            lines += ["[header]", *headers, ""]
        if suppressed:
            lines += ["[suppressed]", *suppressed, ""]
        self.path.write_bytes("\n".join(lines).encode() + b"\n[input]\n" + self.message)


def show(outcome):
    """An outcome of `kodama classify --format=json` as a case writes it."""
    assert outcome.get("advice"), f"no advice: {outcome}"
    return {key: escape(str(value)) for key, value in outcome.items() if key not in LEFT_OUT}


def escape(text):
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def normalise_header(name, value, host):
    """One line, our name as HOST, times as TIME."""
    value = re.sub(r"\s*\n\s+", " ", value)
    assert value.startswith(host + ";"), value
    value = "HOST" + value[len(host):]
    return f"{name}: " + re.sub(r"until=\d{4}-\d\d-\d\dT[0-9:]+Z", "until=TIME", value)
