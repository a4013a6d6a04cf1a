# SPDX-License-Identifier: BSD-2-Clause
"""Many small mails in a file (mails/*.txt), and what each must yield: "%% name", then a line "%= recipient action reply status
class suppress" for each outcome, then the mail.  --update rewrites what they yield."""
import json
import pathlib
import re

import pytest

from harness.paths import kodama

PATHS = sorted((pathlib.Path(__file__).parent / "mails").glob("*.txt"))
KEYS = ("recipient", "action", "reply", "status", "class", "suppress")


def read(path):
    """{name: (lines of outcomes, mail)} and what stands before the first."""
    head, *entries = re.split(r"(?m)^%% ", path.read_text(encoding="utf-8"))
    mails = {}
    for entry in entries:
        name, *lines = entry.split("\n")
        outcomes = [line[3:] for line in lines if line.startswith("%= ")]
        mails[name] = outcomes, "\n".join(lines[len(outcomes):])
    return head, mails


def classify(mails, folder):
    given = {name: [] for name in mails}
    for name, (_, mail) in mails.items():
        (folder / f"{name}.eml").write_text(mail, encoding="utf-8")
    done = kodama("classify", "--format=json", folder)
    for line in done.stdout.splitlines():
        outcome = json.loads(line)
        given[pathlib.Path(outcome["file"]).stem].append(" ".join(str(outcome.get(key, "-")) for key in KEYS))
    return given


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_mails(path, scratch, update):
    head, mails = read(path)
    given = classify(mails, scratch)
    if update:
        entries = (f"%% {name}\n" + "".join(f"%= {line}\n" for line in given[name]) + mail for name, (_, mail) in mails.items())
        path.write_text(head + "".join(entries), encoding="utf-8")
        return
    wrong = [f"{name}: {wanted} wanted, {given[name]} given" for name, (wanted, _) in mails.items() if given[name] != wanted]
    assert not wrong, "\n".join(wrong)


def test_what_is_no_failure_has_none():
    quiet = {}
    for path in PATHS:
        mails = read(path)[1]
        quiet.update((name, mail[0]) for name, mail in mails.items() if path.stem == "no-failures" or name.startswith("c-"))
    assert len(quiet) > 120
    for name, outcomes in quiet.items():
        assert not [line for line in outcomes if line.split(" ")[1] == "failed" or line.endswith(" now")], name
