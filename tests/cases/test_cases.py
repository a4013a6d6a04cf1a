# SPDX-License-Identifier: BSD-2-Clause
"""Every case through the real command and, where it says how it comes in, the real daemon."""
import json
import pathlib

import pytest

from case import Case, normalise_header, show
from harness.kodamad import Kodamad
from harness.milter import CONTINUE, ACCEPT, Milter
from harness.paths import kodama

HOST = "mx.example.jp"
PATHS = sorted(pathlib.Path(__file__).parent.glob("*.case"))


def classify(case, path):
    path.write_bytes(case.message)
    done = kodama("classify", f"--input={case.head['input']}", "--format=json", path)
    return [show(json.loads(line)) for line in done.stdout.splitlines()]


def hand_over(case, daemon):
    """The mail through the milter: the X-Bounce-Result fields that it adds."""
    with Milter(daemon.milter) as session:
        if case.head["milter"] == "local":
            session.open_session(HOST)
            session.mail("" if case.head["sender"] == "<>" else case.head["sender"], queue_id="4jX3rL40xpz1cMcR")
            session.recipient(case.head["recipient"])
        else:
            session.open_session(HOST, "mail.example.org", "192.0.2.25", 41234, "mail.example.org")
            session.mail(case.head["sender"])
            session.recipient(f"<{case.head['recipient']}>")
        code, data = session.message(case.message)
        assert code in (CONTINUE, ACCEPT), (code, data)
        return [normalise_header("X-Bounce-Result", value, HOST) for value in session.get_added("X-Bounce-Result")]


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_case(path, scratch, update):
    case = Case(path)
    outcomes, headers, suppressed = classify(case, scratch / "input"), [], []
    if case.head["milter"] != "none":
        with Kodamad(scratch / "kodama") as daemon:
            daemon.start()
            headers = hand_over(case, daemon)
            suppressed = daemon.get_suppressed()
    if update:
        case.update(outcomes, headers, suppressed)
        return
    assert outcomes == case.outcomes
    assert headers == case.headers
    assert suppressed == case.suppressed
