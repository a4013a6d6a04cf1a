# SPDX-License-Identifier: BSD-2-Clause
"""Tokens on a real Postfix: which mail gets one, what rewrites it on the way, and what it proves when it comes back."""
import email
import json
import re
import smtplib
from dataclasses import dataclass

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.paths import reachable, run
from harness.postfix import Postfix
from harness.remote import Remote
from harness.wait import until

OUTSIDE, INSIDE = "192.0.2.7", "198.51.100.5"
TOKEN = re.compile(r"v=1; k=[0-9a-f]{8}; t=\d+\.\d{6}; s=\S+; n=\d+; r=[0-9a-f, ]*; m=[0-9a-f]{32}")

# rewrite@ is another sender in the queue than in MAIL; bcc@ is read by somebody else, too
SETTINGS = """
maximal_queue_lifetime = 0
mynetworks = 127.0.0.0/8, 192.0.2.0/24, 198.51.100.0/24
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_authorized_verp_clients = 0.0.0.0/0
sender_canonical_maps = inline:{ {rewrite@example.jp=rewritten@example.jp} }
sender_bcc_maps = inline:{ {bcc@example.jp=archive@example.net} }
virtual_alias_domains = alias.example.jp
virtual_alias_maps = inline:{ {both@alias.example.jp=user.a@example.com, gmail.member@example.com} }
"""

DAEMON = 'outbound-networks = {"198.51.100.0/24"}\n'


@dataclass
class System:
    postfix: Postfix
    kodamad: Kodamad
    remote: Remote

    def client(self, address=INSIDE, login=None, port=None):
        client = smtplib.SMTP("127.0.0.1", port or self.postfix.port, "client.example.jp", timeout=60)
        client.ehlo()
        code, said = client.docmd("XCLIENT", f"NAME=[UNAVAILABLE] ADDR={address} PORT=41234" + (f" LOGIN={login}" if login else ""))
        assert code == 220, said
        client.ehlo()
        return client

    def send(self, recipients, message, sender="sender@example.jp", options=(), **where):
        with self.client(**where) as client:
            return client.sendmail(sender, recipients, message, mail_options=options)

    def get_mail(self, subject):
        """What the remote side got with that subject: (envelope sender, recipients, the mail)."""
        wanted = f"Subject: {subject}\r\n".encode()
        found = until(lambda: self.remote.find(wanted), lambda: f"{subject}\n{self.postfix.log}")
        return found[0][0], found[0][1], email.message_from_bytes(found[0][2])

    def why(self, address):
        return [json.loads(line) for line in self.kodamad.kodama("why", "--format=json", address).stdout.splitlines()]


def unfold(value):
    return re.sub(r"\s*\n\s+", " ", value)


def get_token(mail):
    tokens = [unfold(value) for value in mail.get_all("X-Kodama-Token", [])]
    assert all(TOKEN.fullmatch(token) for token in tokens), tokens
    return tokens


def get_pairs(bounce):
    """The first X-Bounce-Result as a dict."""
    pairs = unfold(bounce["X-Bounce-Result"]).split(";")[1:]
    return dict(pair.strip().split("=", 1) for pair in pairs)


@pytest.fixture(scope="module")
def mta(tmp_path_factory, remote):
    with Postfix(reachable(tmp_path_factory.mktemp("pr")), remote.port, settings=SETTINGS) as mta:
        yield mta


@pytest.fixture(scope="module")
def running(tmp_path_factory, mta, remote):
    with Kodamad(reachable(tmp_path_factory.mktemp("pk")), mta.sockets, extra=DAEMON) as daemon:
        # proof by the session is off: what proves here is a token
        daemon.configuration.write_text(daemon.configuration.read_text().replace("local-submission = trusted", ""))
        daemon.start()
        yield System(mta, daemon, remote)


# --- which mail gets one

@pytest.mark.parametrize("name, sender, where, signed", [
    ("network", "sender@example.jp", {}, True),
    ("login", "sender@example.jp", {"address": OUTSIDE, "login": "alice"}, True),
    ("outsider", "someone@example.org", {"address": OUTSIDE}, False),
    ("outsider-with-our-name", "sender@example.jp", {"address": OUTSIDE}, False),
    ("null-sender", "", {}, False),
    ("double-bounce", "double-bounce@mx.example.jp", {}, False),
])
def test_which_mail_is_signed(running, address, name, sender, where, signed):
    running.send([address()], mails.plain(f"which {name}"), sender, **where)
    _, _, mail = running.get_mail(f"which {name}")
    assert len(get_token(mail)) == signed


def test_mail_of_sendmail_is_signed_in_its_header(running, address):
    running.postfix.sendmail(address(), mails.plain("from the host"))
    _, _, mail = running.get_mail("from the host")
    assert "n=1;" in get_token(mail)[0]


def get_envelope_ids(remote, sender):
    lines = [line for line in remote.commands if f"FROM:<{sender}>" in line]
    return [re.search(r"ENVID=(\S+)", line) for line in lines]


def test_envelope_id(running, address):
    """Ours where there is none; RET goes on, and what a client announced stays its own."""
    running.send([address()], mails.plain("envid none"), "envid-none@example.jp")
    running.get_mail("envid none")
    assert get_envelope_ids(running.remote, "envid-none@example.jp")[0][1].startswith("kdm1.")
    running.send([address()], mails.plain("envid ret"), "envid-ret@example.jp", options=["RET=HDRS"])
    running.get_mail("envid ret")
    line = next(line for line in running.remote.commands if "envid-ret@" in line)
    assert "RET=HDRS" in line and "ENVID=kdm1." in line
    running.send([address()], mails.plain("envid own"), "envid-own@example.jp", options=["ENVID=QQ314159", "RET=FULL"])
    _, _, mail = running.get_mail("envid own")
    line = next(line for line in running.remote.commands if "envid-own@" in line)
    assert "ENVID=QQ314159" in line and "RET=FULL" in line
    assert get_token(mail)


def test_number_of_recipients(running, address):
    three = [address() for _ in range(3)]
    running.send(three, mails.plain("three of them"))
    _, _, mail = running.get_mail("three of them")
    assert "n=3;" in get_token(mail)[0] and get_token(mail)[0].count(",") == 2


# --- what rewrites mail

def test_canonical_sender_is_kept(running, address):
    running.send([address()], mails.plain("canonical"), "rewrite@example.jp")
    sender, _, mail = running.get_mail("canonical")
    assert sender == "rewritten@example.jp" and get_token(mail)


def test_copy_for_the_archive_comes_once(running, address):
    recipient = address()
    running.send([recipient], mails.plain("with a copy"), "bcc@example.jp")
    running.postfix.wait_empty()
    assert running.remote.get_recipients(b"Subject: with a copy\r\n") == sorted([recipient, "archive@example.net"])
    assert all(get_token(email.message_from_bytes(mail[2])) for mail in running.remote.find(b"Subject: with a copy\r\n"))


def test_verp_is_kept(running, address):
    recipient = address()
    running.send([recipient], mails.plain("verp"), "list@example.jp", options=["XVERP"])
    sender, _, mail = running.get_mail("verp")
    assert sender == "list+" + recipient.replace("@", "=") + "@example.jp" and get_token(mail)


# --- what it proves

def test_report_of_our_own_postfix_is_proved_by_its_token(running, address):
    dead = address("gmail")
    running.send([dead], mails.plain("proved", dead))
    pairs = get_pairs(running.postfix.wait_bounce(dead))
    assert (pairs["proof"], pairs["proof-reason"], pairs["decision"]) == ("token", "bound-token", "suppressed")
    assert dead in running.kodamad.get_suppressed()
    outcome = next(row for row in running.why(dead) if row["row"] == "outcome")
    assert (outcome["proof"], outcome["proof_reason"]) == ("token", "bound-token")
    assert f"recipient={dead}" in running.kodamad.log and "proof_reason=bound-token" in running.kodamad.log


def test_report_without_token_proves_nothing(running, address):
    dead = address("gmail")
    running.send([dead], mails.plain("unproved", dead), "someone@example.jp", address=OUTSIDE)
    pairs = get_pairs(running.postfix.wait_bounce(dead))
    assert (pairs["proof"], pairs["proof-reason"], pairs["decision"]) == ("none", "untrusted-session", "unproved")
    # our own MTA made it: of mail that it took
    assert "backscatter" not in pairs
    assert dead not in running.kodamad.get_suppressed()


def test_mail_to_several_counts_and_does_not_suppress(running, address):
    dead, other = address("gmail"), address()
    running.send([dead, other], mails.plain("shared", dead))
    pairs = get_pairs(running.postfix.wait_bounce(dead))
    assert (pairs["proof"], pairs["decision"]) == ("shared", "counted")
    assert dead not in running.kodamad.get_suppressed()


def test_alias_with_one_dead_member(running):
    """Neither the alias nor the member that the token does not name."""
    running.send(["both@alias.example.jp"], mails.plain("to the alias", "both@alias.example.jp"))
    pairs = get_pairs(running.postfix.wait_bounce("gmail.member@example.com"))
    assert (pairs["proof"], pairs["decision"]) == ("none", "unproved")
    assert not {"both@alias.example.jp", "gmail.member@example.com", "user.a@example.com"} & set(running.kodamad.get_suppressed())


def test_answer_that_names_a_victim(running, address):
    """The client's own ORCPT is its own word."""
    dead, victim = address("gmail"), address("victim")
    with running.client() as client:
        client.docmd("MAIL", "FROM:<sender@example.jp>")
        assert client.docmd("RCPT", f"TO:<{dead}> ORCPT=rfc822;{victim}")[0] == 250
        assert client.data(mails.plain("orcpt", dead))[0] == 250
    running.postfix.wait_bounce(dead)
    assert dead in running.kodamad.get_suppressed() and victim not in running.kodamad.get_suppressed()


def make_report(mail, recipient, host="mx.example.com", headers="", envelope_id=""):
    """What a remote MTA reports later about a mail that it took."""
    report = mails.report(recipient, host=host, headers=headers)
    head, _, _ = mail.as_string().partition("\n\n")
    start = report.index("Content-Type: message/rfc822\n\n") + len("Content-Type: message/rfc822\n\n")
    if envelope_id:
        report = report.replace("X-Postfix-Queue-ID", f"Original-Envelope-Id: {envelope_id}\nX-Postfix-Queue-ID")
        return report[:start] + "\n--b1--\n"
    return report[:start] + head + "\n\nhello\n\n--b1--\n"


def bounce_back(running, report, recipient):
    running.send(["sender@example.jp"], report, "", address=OUTSIDE)
    return get_pairs(running.postfix.wait_bounce(recipient))


def test_report_of_a_remote_is_proved(running, address):
    late = address()
    running.send([late], mails.plain("late", late))
    _, _, mail = running.get_mail("late")
    pairs = bounce_back(running, make_report(mail, late), late)
    assert (pairs["proof"], pairs["decision"]) == ("token", "suppressed")
    assert late in running.kodamad.get_suppressed()


def test_report_without_the_mail_is_proved_by_the_envelope_id(running, address):
    late = address()
    running.send([late], mails.plain("late headers"), "envid-late@example.jp")
    running.get_mail("late headers")
    envelope_id = get_envelope_ids(running.remote, "envid-late@example.jp")[0][1]
    pairs = bounce_back(running, make_report(email.message_from_string(""), late, envelope_id=envelope_id), late)
    assert (pairs["proof"], pairs["decision"]) == ("token", "suppressed")


def test_backscatter(running, address):
    victim = address("victim")
    pairs = bounce_back(running, mails.report(victim, host="mx.example.org"), victim)
    assert (pairs["proof"], pairs["backscatter"], pairs["proof-reason"]) == ("none", "likely", "no-token")
    assert victim not in running.kodamad.get_suppressed()
    assert json.loads(running.kodamad.kodama("status", "--format=json").stdout.splitlines()[0])["milter"]["backscatter"] > 0


def test_backscatter_refused_and_quarantined(running, address):
    daemon = running.kodamad
    before = daemon.configuration.read_text()
    report = mails.report(address("victim"), host="mx.example.org")
    try:
        daemon.configuration.write_text(before + "backscatter = reject\n")
        daemon.reload()
        with running.client(OUTSIDE) as client, pytest.raises(smtplib.SMTPDataError, match="not about mail of ours"):
            client.sendmail("", ["sender@example.jp"], report)
        # from our own networks it is only marked, and so is what our own MTA makes
        running.send(["sender@example.jp"], report, "")
        dead = address("gmail")
        running.send([dead], mails.plain("ours", dead), "someone@example.jp", address=OUTSIDE)
        running.postfix.wait_bounce(dead)
        daemon.configuration.write_text(before + "backscatter = quarantine\n")
        daemon.reload()
        running.send(["sender@example.jp"], mails.report(address("held"), host="mx.example.org", subject="to be held"), "", address=OUTSIDE)
        until(lambda: [item for item in running.postfix.get_queue() if item["queue_name"] == "hold"], lambda: running.postfix.log)
    finally:
        run("postsuper", "-c", running.postfix.etc, "-d", "ALL")
        daemon.configuration.write_text(before)
        daemon.reload()
