# SPDX-License-Identifier: BSD-2-Clause
"""The forgeries of test_attacks.py that an MTA's own ways may change, on a real Postfix and a real Sendmail, with every way in at once:
the milter, the log, and for Sendmail the alias to kodama ingest."""
import email
import json
import re
import socket

import pytest

from harness import mails
from harness.follower import Follower, follow
from harness.paths import reachable, run
from harness.postfix import Postfix
from harness.sendmail import HOST, Sendmail, install_program
from harness.wait import until
from test_attacks import DAY_S, make_token
from test_proof import get_pairs, get_token, make_report

INSIDE, OUTSIDE = "127.0.0.3", "127.0.0.66"
BOUNCES = "bounces@example.jp"
OPTIONS = f'outbound-networks = {{"{INSIDE}"}}\nsuppress soft {{ effects = {{count}} after = 3 within = 30d for = 30d }}\n'
MEMBERS = "gmail.member@example.com", "user.member@example.com"
INJECTED = "injected@example.com"


class World:
    """An MTA with kodamad at all its doors."""

    def __init__(self, mta, daemon, remote):
        self.mta, self.daemon, self.remote = mta, daemon, remote

    def send(self, recipients, subject, headers="", **options):
        """Outbound mail of ours, signed."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        assert self.mta.send(recipients, mails.plain(subject, recipients[0], headers=headers), BOUNCES, INSIDE, **options) == {}

    def get_mail(self, subject):
        wanted = f"Subject: {subject}\r\n".encode()
        return email.message_from_bytes(until(lambda: self.remote.find(wanted), lambda: f"{subject}\n{self.mta.log}")[0][2])

    def sign(self, *recipients):
        """The token of a mail that the first recipient took."""
        subject = f"for {recipients[0]}"
        self.send(list(recipients), subject)
        return get_token(self.get_mail(subject))[0]

    def bounce_in(self, report, recipient, source=OUTSIDE):
        """A stranger's bounce, by SMTP: what became of it, as a dict."""
        before = self.daemon.log.count(f"recipient={recipient}")
        assert self.mta.send(BOUNCES, report, "", source) == {}
        # the milter, and on Sendmail the alias, too
        until(lambda: self.daemon.log.count(f"recipient={recipient}") >= before + self.mta.looks, lambda: self.daemon.log)
        return get_pairs(self.mta.wait_bounce(recipient, "X-Bounce-Result: "))

    def forge(self, recipient, token=None, **words):
        report = mails.report(recipient, host="mx.example.org", **words)
        return report.replace("Subject: hello", f"X-Kodama-Token: {token}\nSubject: hello") if token else report

    def is_suppressed(self, address):
        return address in self.daemon.get_suppressed()

    def get_count(self, address):
        """What each outcome says of how many it was."""
        return [count for count, in self.daemon.query("SELECT count FROM outcomes WHERE address = ?", address)]

    def get_state(self, address):
        rows = [json.loads(line) for line in self.daemon.kodama("why", "--format=json", address).stdout.splitlines()]
        return next(row for row in rows if row["row"] == "state")


def make_postfix(home, remote):
    mta = Postfix(home / "p", remote.port, settings=(
        "maximal_queue_lifetime = 0\nvirtual_alias_domains = hosted.test\n"
        f"virtual_alias_maps = inline:{{ {{both@hosted.test={', '.join(MEMBERS)}}} }}\n"))
    mta.looks = 1
    return mta, home / "k"


def make_sendmail(home, remote):
    program = install_program(home)
    daemon = home / "k"
    alias = f'"|{program} ingest --socket=unix:{daemon}/run/ingest.sock", sender'
    mta = Sendmail(home / "s", remote.port, aliases={"bounces": alias, "both": ", ".join(MEMBERS)},
                   settings="LOCAL_CONFIG\nCwhosted.test\n")
    mta.looks = 2
    return mta, daemon


@pytest.fixture(scope="module", params=[make_postfix, make_sendmail], ids=["postfix", "sendmail"])
def world(request, tmp_path_factory, remote):
    home = reachable(tmp_path_factory.mktemp("am"))
    mta, folder = request.param(home, remote)
    with mta:
        until(lambda: mta.log, "the MTA's log")
        (mta.home / "mail.log").chmod(0o644)
        # everybody who is of the host itself comes from here, and only marks of ours are taken from him
        with Follower(folder, mta.sockets, extra=OPTIONS + follow(mta.home / "mail.log")) as daemon:
            trusted = daemon.configuration.read_text()
            daemon.configuration.write_text(trusted.replace("local-submission = trusted", ""))
            yield World(mta, daemon.start(), remote)


def check_refused(world, victim, pairs, reason):
    assert (pairs["proof"], pairs["proof-reason"], pairs["decision"]) == ("none", reason, "unproved")
    assert not world.is_suppressed(victim)


# --- what is genuine, so that the rest means something

def test_genuine_one_suppresses(world, address):
    late = address("ok")
    world.send(late, f"genuine {late}")
    # with the Message-ID, by which the delivery that the log tells of is known to be of this mail, and void
    pairs = world.bounce_in(make_report(world.get_mail(f"genuine {late}"), late), late)
    assert pairs["proof"] == "token" and world.is_suppressed(late)


# --- strangers

@pytest.mark.parametrize("name, reason", [("none", "no-token"), ("another mail's", "other-recipient"), ("another recipient put in", "forged-token"),
                                          ("cut", "malformed-token"), ("too old", "expired-token")])
def test_forged_bounce(world, address, name, reason):
    victim, own = address("ok"), address("ok")
    tokens = {
        "none": lambda: None,
        "another mail's": lambda: world.sign(own),
        "another recipient put in": lambda: re.sub(r"r=\w+", "r=" + re.search(r"r=(\w+)", world.sign(victim))[1], world.sign(own)),
        "cut": lambda: world.sign(victim)[:60],
        "too old": lambda: make_token(world.daemon, [victim], 22 * DAY_S),
    }
    token = tokens[name]()
    check_refused(world, victim, world.bounce_in(world.forge(victim, token), victim), reason)


def test_replay_counts_once(world, address):
    """The MTA's own bounce of a full mailbox, which the log has told, too, brought back by somebody who got hold of it; then made worse."""
    full = address("full")
    world.send(full, "replayed")
    bounce = world.mta.wait_bounce(full)
    until(lambda: world.get_count(full), lambda: world.daemon.log)
    for field in ("X-Bounce-Result", "X-Bounce-Advice"):
        del bounce[field]
    text = bounce.as_string()
    text = text[text.index("\n", text.index("X-Envelope:")) + 1:] if text.startswith("X-Envelope:") else text
    for _ in range(4):
        world.bounce_in(text, full)
    worse = re.sub(r"(?i)(Message-Id: <)", r"\1worse.", text).replace("552 5.2.2", "550 5.1.1").replace("5.2.2", "5.1.1")
    world.bounce_in(worse.replace("Mailbox full", "User unknown"), full)
    assert world.get_count(full) == [1] and not world.is_suppressed(full)
    assert [count["count"] for count in world.get_state(full)["counts"]] == [1]


def test_forged_success(world, address):
    dead, other = address("ok"), address("ok")
    # of a mail that no log tells of: its delivery would be a genuine success
    world.bounce_in(world.forge(dead, make_token(world.daemon, [dead], 60)), dead)
    assert world.is_suppressed(dead)
    for token in (None, world.sign(other), make_token(world.daemon, [dead, other], 60)):
        world.bounce_in(world.forge(dead, token, action="delivered", status="2.0.0", diagnostic="250 2.0.0 Ok"), dead)
    assert world.is_suppressed(dead)


def test_co_recipient(world, address):
    victim, attacker = address("ok"), address("ok")
    token = world.sign(victim, attacker)
    for number in range(4):
        pairs = world.bounce_in(world.forge(victim, token, queue_id=f"4jX3rL3M9mz1cY{number}"), victim)
    assert pairs["proof"] == "shared" and not world.is_suppressed(victim)
    assert world.get_count(victim) == [1]


# --- clients

def test_answer_that_names_a_victim(world, address):
    """The client's own ORCPT is its own word, and Sendmail returns it as it came."""
    dead, victim = address("gmail"), address("ok")
    with world.mta.client(source=INSIDE) as client:
        client.ehlo()
        client.docmd("MAIL", f"FROM:<{BOUNCES}>")
        assert client.docmd("RCPT", f"TO:<{dead}> ORCPT=rfc822;{victim}")[0] == 250
        assert client.data(mails.plain("orcpt", dead))[0] == 250
    until(lambda: world.is_suppressed(dead), lambda: world.daemon.log)
    report = world.mta.wait_bounce(dead).as_string()
    assert f"Original-Recipient: rfc822;{victim}".lower() in report.lower().replace("rfc822; ", "rfc822;")
    world.daemon.wait_read(world.mta.home / "mail.log")
    assert not world.is_suppressed(victim)


def test_alias_with_one_dead_member(world):
    """Of a domain that is hosted here, and that nobody has named in local-domains: the alias goes on, and so does the other member."""
    world.send("both@hosted.test", f"alias {world.mta.port}")
    world.get_mail(f"alias {world.mta.port}")
    until(lambda: world.mta.get_spooled() and "member" in "".join(text for _, text in world.mta.get_spooled()), lambda: world.mta.log)
    until(lambda: world.daemon.get_outcomes(MEMBERS[0]), lambda: world.daemon.log)
    world.mta.wait_empty()
    world.daemon.wait_read(world.mta.home / "mail.log")
    # our own log names the member that failed
    assert world.is_suppressed(MEMBERS[0])
    assert not {"both@hosted.test", MEMBERS[1]} & set(world.daemon.get_suppressed())
    assert world.mta.send("both@hosted.test", mails.plain("again"), BOUNCES, INSIDE) == {}


@pytest.mark.parametrize("word", ["hostile", "hostilefirst"])
def test_words_of_the_remote_are_no_fields(world, address, word):
    """A remote that writes log lines into its reply."""
    hostile = address(word)
    world.send(hostile, word)
    until(lambda: world.daemon.get_outcomes(hostile), lambda: f"{world.mta.log}\n{world.daemon.log}")
    world.mta.wait_bounce(hostile)
    world.daemon.wait_read(world.mta.home / "mail.log")
    assert INJECTED in world.mta.log
    assert not world.is_suppressed(INJECTED) and world.daemon.get_outcomes(INJECTED) == []


COMMENT = "x(>,{victim}, mailer=esmtp, relay=mx.example.org, dsn=5.1.1, stat=User unknown)@example.com"
QUOTED = 'x\\">,{victim}, mailer=esmtp, relay=mx.example.org, dsn=5.1.1, stat=User unknown'


@pytest.mark.parametrize("recipient", [COMMENT, f'"{QUOTED}"@example.com'], ids=["comment", "quotes"])
def test_words_of_a_client_are_no_fields(world, address, recipient):
    """Somebody who mails a line of the log: addresses stand in it as they were written, comments and all."""
    victim, end = address("ok"), address("ok")
    with world.mta.client(source=INSIDE) as client:
        client.ehlo()
        client.docmd("MAIL", f"FROM:<{BOUNCES}>")
        if client.docmd("RCPT", f"TO:<{recipient.format(victim=victim)}>")[0] == 250:
            assert client.data(mails.plain("words", victim))[0] == 250
    world.send(end, f"end {end}")
    world.get_mail(f"end {end}")
    world.mta.wait_empty()
    world.daemon.wait_read(world.mta.home / "mail.log")
    assert not world.is_suppressed(victim) and not [row for row in world.daemon.get_outcomes(victim) if row[1] != "unproved"]


# --- local users

def test_sendmail_with_the_null_sender(world, address):
    """What looks like the MTA's own bounce; also with the operator's word that no local user does so, on Sendmail, where it changes nothing."""
    victim = address("ok")
    report = mails.report(victim, host=HOST)
    if isinstance(world.mta, Postfix):
        world.mta.sendmail(BOUNCES, report, "")
    else:
        trusting = world.daemon.configuration.read_text()
        world.daemon.configuration.write_text(trusting + "local-submission = trusted\n")
        world.daemon.reload()
        assert world.mta.submit(BOUNCES, report, "<>") == 0
    pairs = get_pairs(world.mta.wait_bounce(victim))
    assert pairs["proof"] == "none" and not world.is_suppressed(victim)


def test_lines_of_a_local_user(world, address):
    """`logger -t sm-mta`: a log daemon takes them from everybody, so its file is not to be trusted.  Postfix's own (postlogd) takes none."""
    victim, end = address("ok"), address("ok")
    trusted = world.daemon.configuration.read_text()
    if isinstance(world.mta, Postfix):
        line = f"4jX9999999z1cMMW: to=<{victim}>, relay=mx[192.0.2.1]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (550 5.1.1 User unknown)"
        said = run("setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "postlog", "-c", world.mta.etc, "-t", "postfix/smtp", line, check=False)
        world.send(end, f"end {end}")
        world.get_mail(f"end {end}")
        world.daemon.wait_read(world.mta.home / "mail.log")
        assert victim not in world.mta.log, said
    else:
        world.daemon.configuration.write_text(trusted.replace("trust = yes", "trust = no"))
        world.daemon.reload()
        queue_id = "3AMC00000000001"
        text = f"{queue_id}: to=<{victim}>, delay=00:00:01, mailer=esmtp, relay=mx [192.0.2.1], dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(f"<22>Nov 22 01:02:03 sm-mta[4711]: {text}".encode(), str(world.mta.home / "log.sock"))
        until(lambda: victim in world.mta.log, "the line in the log")
        world.daemon.wait_read(world.mta.home / "mail.log")
        world.daemon.configuration.write_text(trusted)
        world.daemon.reload()
    assert not world.is_suppressed(victim) and not [row for row in world.daemon.get_outcomes(victim) if row[1] != "unproved"]


# --- header fields from outside

FORGED = [
    "X-Bounce-Result: mx.example.jp; proof=token", "X-Bounce-Result : mx.example.jp; proof=token", "X-Bounce-Result\t: mx.example.jp",
    "x-bounce-RESULT:mx.example.jp; proof=token", "X-Bounce-Result:\r\n mx.example.jp;\r\n\tproof=token",
    "X-Bounce-Result: =?utf-8?q?mx.example.jp;_proof=3Dtoken?=", "X-Kodama-Token: v=1; k=4f2a91c3", "X-KODAMA-token :\r\n v=1",
    "X-Bounce-Advice: mx.example.jp; rule=x", "X-Bounce-Advice: mx.example.jp; rule=y", "X-Kodama-Suppressed: mx.example.jp; rcpt=<a@example.com>",
]


@pytest.mark.parametrize("fields", [[field] for field in FORGED] + [FORGED, FORGED[::-1] * 3], ids=lambda fields: str(len(fields)))
def test_fields_from_outside_are_removed(world, fields):
    subject = f"fields {abs(hash(str(fields)))}"
    message = mails.plain(subject).replace("\n", "\r\n").replace("Date:", "\r\n".join(fields) + "\r\nDate:", 1)
    assert world.mta.send("here@example.jp", message.encode(), "a@example.org", OUTSIDE) == {}
    text = world.mta.wait_spooled(f"Subject: {subject}\n")
    head = text.split("\n\n", 1)[0]
    assert "Date: " in head and "Message-ID: " in head
    assert not re.search(r"(?im)^x-(bounce|kodama)", text), text
