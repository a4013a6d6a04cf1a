# SPDX-License-Identifier: BSD-2-Clause
"""on-suppressed, on a real Postfix with the milter alone: exactly the suppressed recipients are affected, and their sender knows."""
import hashlib
import re
import smtplib

import pytest

from conftest import reachable
from harness import mails
from harness.kodamad import Kodamad
from harness.postfix import Postfix
from harness.wait import until

REFUSED = r"5\.1\.1 <{}>: suppressed since \d{{4}}-\d\d-\d\d: [a-z-]+ \(kodama-suppressed\)"


@pytest.fixture(scope="module")
def postfix(tmp_path_factory, remote):
    settings = "smtpd_recipient_restrictions =\nmaximal_queue_lifetime = 1d\nbounce_queue_lifetime = 1d\n"
    with Postfix(reachable(tmp_path_factory.mktemp("s")), remote.port, settings=settings) as mta:
        yield mta


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, postfix):
    with Kodamad(reachable(tmp_path_factory.mktemp("k")), postfix.sockets) as kodamad:
        kodamad.start()
        yield kodamad


@pytest.fixture
def react(daemon):
    def configure(reaction, more="", top=""):
        daemon.configure(f"{top}\nmilter {{ on-suppressed = {reaction} {more} }}\n")
        daemon.reload()
    yield configure
    daemon.configure()
    daemon.reload()


@pytest.fixture
def people(daemon, address):
    """Two dead, two living."""
    dead, living = [address("ok"), address("ok")], [address("ok"), address("ok")]
    for recipient in dead:
        daemon.add(recipient)
    return dead, living


def get_mail(remote, subject, recipients):
    """The mail with that subject, once exactly these have it."""
    mark = f"Subject: {subject}\r\n".encode()
    until(lambda: remote.get_recipients(mark) == sorted(recipients), lambda: f"{subject} at {recipients}, got {remote.get_recipients(mark)}")
    return remote.find(mark)[0][2].decode()


def get_notes(mail):
    """What X-Kodama-Suppressed says."""
    return [re.sub(r"\s+", " ", value) for value in re.findall(r"^X-Kodama-Suppressed: ((?:.*\r\n[ \t])*.*)\r\n", mail, re.M)]


def is_note(note, recipient, action):
    return re.fullmatch(rf"mx\.example\.jp; rcpt=<{re.escape(recipient)}>; class=[a-z-]+; since=\d{{4}}-\d\d-\d\d; action={action}", note) is not None


@pytest.mark.parametrize("reaction, code", [("reject", 550), ("tempfail", 450)])
def test_refused_alone(react, postfix, remote, people, reaction, code):
    dead, living = people
    react(reaction)
    subject = f"{reaction} {dead[0]}"
    refused = postfix.send([dead[0], living[0], dead[1], living[1]], mails.plain(subject))
    assert set(refused) == set(dead) and {answer[0] for answer in refused.values()} == {code}
    assert get_notes(get_mail(remote, subject, living)) == []


@pytest.mark.parametrize("way", ["smtp", "sendmail"])
@pytest.mark.parametrize("tells", ["yes", "no"])
def test_removed_at_the_end(react, postfix, remote, people, way, tells):
    dead, living = people
    react("remove", f"removed-header = {tells}")
    subject = f"remove {way} {dead[0]}"
    send = {"smtp": postfix.send, "sendmail": postfix.sendmail}[way]
    assert not send([dead[0], living[0], dead[1], living[1]], mails.plain(subject))
    notes = get_notes(get_mail(remote, subject, living))
    assert len(notes) == (2 if tells == "yes" else 0)
    if tells == "yes":
        assert all(any(is_note(note, recipient, "removed") for note in notes) for recipient in dead)
    postfix.wait_empty()


def test_nobody_is_left_by_smtp(react, postfix, remote, people):
    dead, _ = people
    react("remove")
    for recipients in (dead[:1], dead):
        subject = f"nobody {len(recipients)} {dead[0]}"
        with pytest.raises(smtplib.SMTPDataError) as refusal, postfix.client() as client:
            client.sendmail("sender@example.jp", recipients, mails.plain(subject))
        assert refusal.value.smtp_code == 550 and b"(kodama-suppressed)" in refusal.value.smtp_error
        if len(recipients) == 1:
            assert re.fullmatch(REFUSED.format(re.escape(dead[0])), refusal.value.smtp_error.decode())
        assert remote.find(f"Subject: {subject}\r\n".encode()) == []
    postfix.wait_empty()


@pytest.mark.parametrize("reaction", ["reject", "tempfail", "remove"])
def test_nobody_is_left_by_sendmail(react, daemon, postfix, remote, people, reaction):
    """Its sender gets a bounce that says why, for each of them; nothing waits in the queue, nothing is lost without a word."""
    dead, _ = people
    react(reaction)
    for recipients in (dead[:1], dead):
        subject = f"cron {reaction} {len(recipients)} {dead[0]}"
        postfix.sendmail(recipients, mails.plain(subject))
        bounce = postfix.wait_spooled(f"Subject: {subject}\n", "Final-Recipient:")
        assert all(f"Final-Recipient: rfc822; {recipient}" in bounce for recipient in recipients)
        assert "(kodama-suppressed)" in bounce and "Action: failed" in bounce
        postfix.wait_empty()
        assert remote.find(f"Subject: {subject}\r\n".encode()) == []
    assert set(dead) <= set(daemon.get_suppressed())


@pytest.mark.parametrize("way", ["smtp", "sendmail"])
def test_marked_mail_goes_to_all(react, postfix, remote, people, way):
    dead, living = people
    react("mark")
    subject = f"mark {way} {dead[0]}"
    send = {"smtp": postfix.send, "sendmail": postfix.sendmail}[way]
    assert not send(dead + living, mails.plain(subject))
    notes = get_notes(get_mail(remote, subject, dead + living))
    assert len(notes) == 2 and all(any(is_note(note, recipient, "marked") for note in notes) for recipient in dead)


def test_a_note_that_comes_from_outside_is_taken_out(postfix, daemon, remote, people):
    _, living = people
    subject = f"forged {living[0]}"
    postfix.send(living, mails.plain(subject, headers="X-Kodama-Suppressed: mx.example.jp; rcpt=<a@example.com>\n"), source="127.0.0.66")
    assert get_notes(get_mail(remote, subject, living)) == []


def test_log_names_the_recipient_or_his_hash(react, daemon, postfix, people):
    dead, _ = people
    postfix.send(dead[0], mails.plain("x"))
    daemon.wait_log(f"recipient={dead[0]} class=")
    line = next(line for line in daemon.log.splitlines() if f"recipient={dead[0]} " in line)
    assert re.search(r"info: decision front=milter queue_id=\S+ recipient=\S+ class=[a-z-]+ action=refused rule=\S+ proof=\S+ until=forever why=\"[^\"]+\"", line), line
    react("reject", top="log { recipients = hash }")
    before = len(daemon.log)
    postfix.send(dead[1], mails.plain("x"))
    wanted = "recipient=sha256:" + hashlib.sha256(dead[1].encode()).hexdigest()[:16] + " class="
    daemon.wait_log(wanted)
    assert dead[1] not in daemon.log[before:]
