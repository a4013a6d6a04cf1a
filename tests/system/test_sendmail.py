# SPDX-License-Identifier: BSD-2-Clause
"""Kodama on a real Sendmail, with the lines of contrib/sendmail."""
import re

from harness import mails
from harness.wait import until

# Sendmail puts the recipient in front of what a milter says of it
REFUSAL = r"5\.1\.1 <{0}>\.\.\. <{0}>: suppressed since \d{{4}}-\d\d-\d\d: [a-z-]+ \(kodama-suppressed\)"


def is_refused(refused, recipient):
    return recipient in refused and refused[recipient][0] == 550 and re.fullmatch(
        REFUSAL.format(re.escape(recipient)), refused[recipient][1]) is not None


def unfold(value):
    return re.sub(r"\s*\n\s+", " ", value)


def test_exactly_the_suppressed_recipients_are_refused(sendmail_system, address):
    mta, daemon, remote = sendmail_system.sendmail, sendmail_system.kodamad, sendmail_system.remote
    dead, gone, good, other = (address("ok") for _ in range(4))
    daemon.add(dead)
    daemon.add(gone)
    refused = mta.send([good, dead, other, gone], mails.plain("exactly"))
    assert sorted(refused) == sorted([dead, gone]) and is_refused(refused, dead) and is_refused(refused, gone)
    until(lambda: remote.get_recipients(b"Subject: exactly\r\n") == sorted([good, other]), lambda: f"the good ones' mail\n{mta.log}")
    mta.wait_empty()


def test_bounce_that_comes_by_smtp_is_annotated_and_proves_nothing(sendmail_system, address):
    mta, dead = sendmail_system.sendmail, address("gmail")
    assert mta.send("sender@example.jp", mails.report(dead, host="mx.example.org"), sender="", source="127.0.0.66") == {}
    bounce = mta.wait_bounce(dead)
    assert f"rcpt=<{dead}>" in bounce["X-Bounce-Result"] and "proof=none" in unfold(bounce["X-Bounce-Result"])
    assert sendmail_system.kodamad.get_suppressed() == []


def test_sendmails_own_bounce_comes_back(sendmail_system, address):
    mta, dead = sendmail_system.sendmail, address("gmail")
    assert mta.send(dead, mails.plain("own")) == {}
    assert mta.wait_bounce(dead)["Auto-Submitted"] == "auto-generated (failure)"
    mta.wait_empty()
