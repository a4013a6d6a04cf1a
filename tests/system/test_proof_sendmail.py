# SPDX-License-Identifier: BSD-2-Clause
"""Tokens on a real Sendmail: set by its milter, returned in its own bounces, which come in by `kodama ingest`."""
import email
import re

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.paths import reachable
from harness.wait import until
from test_ingest import takes
from test_proof import get_pairs, get_token, make_report

INSIDE, OUTSIDE = "127.0.0.3", "127.0.0.66"


class System:
    def __init__(self, sendmail, kodamad, remote):
        self.sendmail, self.kodamad, self.remote = sendmail, kodamad, remote

    def get_mail(self, subject):
        wanted = f"Subject: {subject}\r\n".encode()
        found = until(lambda: self.remote.find(wanted), lambda: f"{subject}\n{self.sendmail.log}")
        return email.message_from_bytes(found[0][2])


@pytest.fixture(scope="module")
def running(tmp_path_factory, sendmail, remote):
    with Kodamad(reachable(tmp_path_factory.mktemp("ps")), sendmail.sockets, extra=f'outbound-networks = {{"{INSIDE}"}}\n') as daemon:
        yield System(sendmail, daemon.start(), remote)


@pytest.mark.parametrize("source, signed", [(INSIDE, True), (OUTSIDE, False)])
def test_which_mail_is_signed(running, address, source, signed):
    running.sendmail.send(address("ok"), mails.plain(f"sendmail {source}"), source=source)
    assert len(get_token(running.get_mail(f"sendmail {source}"))) == signed


def test_envelope_id(running, address):
    running.sendmail.send(address("ok"), mails.plain("sendmail envid"), sender="envid-sm@example.jp", source=INSIDE)
    assert get_token(running.get_mail("sendmail envid"))
    line = next(line for line in running.remote.commands if "<envid-sm@example.jp>" in line)
    assert "ENVID=kdm1." in line


def test_own_bounce_is_proved(running, address):
    dead = address("gmail")
    running.sendmail.send(dead, mails.plain("sendmail own", dead), source=INSIDE)
    bounce = running.sendmail.wait_bounce(dead)
    annotated = email.message_from_bytes(takes(running.kodamad, bounce.as_bytes(), "--annotate"))
    pairs = get_pairs(annotated)
    assert (pairs["proof"], pairs["proof-reason"], pairs["decision"]) == ("token", "bound-token", "suppressed")
    assert dead in running.kodamad.get_suppressed()


def test_own_bounce_of_mail_to_several(running, address):
    dead, good = address("gmail"), address("ok")
    running.sendmail.send([dead, good], mails.plain("sendmail several", dead), source=INSIDE)
    bounce = running.sendmail.wait_bounce(dead)
    pairs = get_pairs(email.message_from_bytes(takes(running.kodamad, bounce.as_bytes(), "--annotate")))
    assert (pairs["proof"], pairs["decision"]) == ("shared", "counted")


def test_bounce_without_token_proves_nothing(running, address):
    """What comes to the socket, anybody on the host may have written."""
    victim = address("victim")
    pairs = get_pairs(email.message_from_bytes(takes(running.kodamad, mails.report(victim), "--annotate")))
    assert pairs["proof"] == "none" and victim not in running.kodamad.get_suppressed()


def test_report_of_a_remote_is_proved(running, address):
    late = address("ok")
    running.sendmail.send(late, mails.plain("sendmail late", late), source=INSIDE)
    report = make_report(running.get_mail("sendmail late"), late)
    running.sendmail.send("sender@example.jp", report, sender="", source=OUTSIDE)
    pairs = get_pairs(running.sendmail.wait_bounce(late))
    assert (pairs["proof"], pairs["decision"]) == ("token", "suppressed")
    assert re.search(rf"recipient={re.escape(late)}\b.* proof=token\b", running.kodamad.log)
