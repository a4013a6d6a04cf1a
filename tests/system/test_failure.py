# SPDX-License-Identifier: BSD-2-Clause
"""When Kodama fails, mail flows: stopped, killed and hung, on a real Postfix with the documented lines."""
import signal
import time

import pytest

from harness import mails
from harness.milter import Milter
from harness.wait import until

# what is promised: a mail with one recipient, and each further one
FIRST_S, FURTHER_S = 5.0, 2.0


def stop(daemon):
    daemon.stop()


def kill(daemon):
    daemon.kill()


def hang(daemon):
    daemon.signal(signal.SIGSTOP)


FAILURES = pytest.mark.parametrize("fail", [stop, kill, hang], ids=["stopped", "killed", "hung"])


def wait_mail(system, subject, recipients):
    until(lambda: system.remote.get_recipients(f"Subject: {subject}\r\n".encode()) == sorted(recipients),
          lambda: f"{subject} at {recipients}, got {system.remote.get_recipients(subject.encode())}")


def send_timed(system, recipients, subject, **options):
    start = time.monotonic()
    assert system.postfix.send(recipients, mails.plain(subject), **options) == {}
    return time.monotonic() - start


@FAILURES
@pytest.mark.parametrize("count", [1, 4])
def test_mail_by_smtp_flows_in_time(system, address, fail, count):
    recipients = [address("ok") for _ in range(count)]
    subject = f"flows {address()}"
    fail(system.kodamad)
    took = send_timed(system, recipients, subject)
    assert took < FIRST_S + FURTHER_S * (count - 1)
    wait_mail(system, subject, recipients)


@FAILURES
def test_mail_to_a_suppressed_address_flows_too(system, address, fail):
    """Fail open: better one mail to a dead address than one mail lost."""
    recipient, subject = address("ok"), f"open {address()}"
    system.kodamad.add(recipient)
    fail(system.kodamad)
    assert send_timed(system, [recipient], subject) < FIRST_S
    wait_mail(system, subject, [recipient])


@FAILURES
def test_mail_of_sendmail_flows(system, address, fail):
    recipient, subject = address("ok"), f"cron {address()}"
    fail(system.kodamad)
    system.postfix.sendmail(recipient, f"Subject: {subject}\n\nhello\n")
    start = time.monotonic()
    until(lambda: system.remote.find(f"Subject: {subject}\n".encode().replace(b"\n", b"\r\n")), subject)
    # queue manager and pickup look once a second
    assert time.monotonic() - start < FIRST_S + 2
    system.postfix.wait_empty()


@FAILURES
def test_bounces_flow(system, address, fail):
    dead = address("gmail")
    fail(system.kodamad)
    system.postfix.send(dead, mails.plain("x"))
    bounce = system.postfix.wait_bounce(dead)
    assert bounce["X-Bounce-Result"] is None
    system.postfix.wait_empty()


@FAILURES
def test_bounces_from_outside_flow_in_time(system, address, fail):
    recipient = address("foreign")
    fail(system.kodamad)
    start = time.monotonic()
    assert system.postfix.send("sender@example.jp", mails.report(recipient), sender="", source="127.0.0.66") == {}
    assert time.monotonic() - start < FIRST_S
    system.postfix.wait_bounce(recipient)


@pytest.mark.parametrize("step", ["connect", "mail", "recipient", "data"])
def test_hung_in_the_middle_of_a_session(system, address, step):
    recipient, subject = address("ok"), f"middle {address()}"
    with system.postfix.client() as client:
        def reach(name, *commands):
            if step == name:
                hang(system.kodamad)
        client.ehlo()
        reach("connect")
        start = time.monotonic()
        client.mail("sender@example.jp")
        reach("mail")
        assert client.rcpt(recipient)[0] == 250
        reach("recipient")
        client.putcmd("data")
        assert client.getreply()[0] == 354
        reach("data")
        client.send(mails.plain(subject).replace("\n", "\r\n").encode() + b".\r\n")
        assert client.getreply()[0] == 250
        assert time.monotonic() - start < FIRST_S
    wait_mail(system, subject, [recipient])


def test_service_resumes_by_itself(system, address):
    dead = address("ok")
    system.kodamad.add(dead)
    hang(system.kodamad)
    assert system.postfix.send(dead, mails.plain("while hung")) == {}
    system.kodamad.signal(signal.SIGCONT)
    until(lambda: dead in system.postfix.send(dead, mails.plain("again")), "the refusal")
    system.kodamad.stop()
    assert system.postfix.send(dead, mails.plain("while stopped")) == {}
    system.kodamad.start()
    until(lambda: dead in system.postfix.send(dead, mails.plain("again")), "the refusal")


def test_killed_straight_after_postfix_made_a_bounce(system, address):
    dead = address("gmail")
    system.postfix.send(dead, mails.plain("x"))
    system.postfix.wait_bounce(dead)
    system.kodamad.kill()
    system.kodamad.start()
    assert system.kodamad.get_suppressed() == [dead]
    assert system.postfix.send(dead, mails.plain("y"))[dead][0] == 550


def test_killed_in_the_middle_of_a_bounce(system, address):
    """The bounce that was not acknowledged is gone, by the documented default action, and the daemon starts again all the same."""
    with Milter(system.kodamad.milter) as session:
        session.open_session()
        session.mail("")
        session.recipient("sender@example.jp")
        session.command(b"T")
        system.kodamad.kill()
    system.kodamad.start()
    assert system.kodamad.get_suppressed() == []
