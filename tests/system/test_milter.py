# SPDX-License-Identifier: BSD-2-Clause
"""The milter by its protocol: what it adds, takes away, refuses, and above all what it leaves alone."""
import contextlib
import json
import re
import sqlite3

import pytest

from harness import mails
from harness.milter import ACCEPT, CONTINUE, REPLYCODE, Milter, packet, refuses

HOST = "mx.example.jp"
GONE = "gone@example.com"
GMAIL = "550-5.1.1 The email account that you tried to reach does not exist. 550 5.1.1 https://support.google.com/mail/?p=NoSuchUser x - gsmtp"


def hand_over_local(daemon, message, sender="", recipient="sender@example.jp"):
    """A mail that our own MTA makes; the session after its end."""
    with Milter(daemon.milter) as session:
        session.open_session(HOST)
        assert not refuses(session.mail(sender, queue_id="4jX3rL40xpz1cMcR"))
        assert not refuses(session.recipient(recipient))
        session.answer = session.message(message.encode())
        return session


def hand_over_smtp(daemon, message, sender="<>", recipients=("<sender@example.jp>",), address="192.0.2.25", **options):
    """A mail from outside, as Postfix shows it; the session after its end."""
    with Milter(daemon.milter) as session:
        session.open_session(HOST, "mail.example.org", address, 41234, "mail.example.org")
        session.mail(sender)
        session.answers = [session.recipient(recipient) for recipient in recipients]
        session.answer = session.message(message.encode("utf-8", "surrogateescape"), **options)
        return session


def passes(session):
    return session.answer[0] in (CONTINUE, ACCEPT)


# --- what it writes

def test_one_result_for_each_recipient(kodamad):
    message = mails.report(["a@example.com", "b@example.net", "c@example.org"])
    session = hand_over_local(kodamad, message)
    results = session.get_added("X-Bounce-Result")
    assert [re.search(r"rcpt=<(.*?)>", result)[1] for result in results] == ["a@example.com", "b@example.net", "c@example.org"]
    assert all(result.startswith(HOST + ";") for result in results)
    assert session.get_added("X-Bounce-Advice")


def test_fields_are_ascii_and_folded_as_mail_wants_it(kodamad):
    session = hand_over_local(kodamad, mails.report("a@example.com", diagnostic="550 5.1.1 " + "never seen \u00e9\u00e8 words " * 40))
    for value in session.get_added("X-Bounce-Result") + session.get_added("X-Bounce-Advice"):
        assert value.isascii()
        lines = value.split("\n")
        assert all(len(line) <= 998 and "\r" not in line for line in lines)
        assert all(line[0] in " \t" and line.strip() for line in lines[1:])
        assert "never seen" not in value


def test_more_than_fifty_results_are_counted(kodamad):
    session = hand_over_local(kodamad, mails.report([f"u{i}@example.com" for i in range(60)]))
    results = session.get_added("X-Bounce-Result")
    assert len(results) == 51
    assert re.fullmatch(re.escape(HOST) + r";\s+more=10", results[-1])


def test_advice_in_japanese(kodamad):
    kodamad.configure("language = ja\n")
    kodamad.reload()
    session = hand_over_local(kodamad, mails.report("a@example.com", GMAIL))
    advice = session.get_added("X-Bounce-Advice")[0]
    assert "lang=ja" in advice and "=?utf-8?" in advice.lower() and advice.isascii()


def test_header_no_writes_nothing_and_still_learns(kodamad):
    kodamad.configure("milter { header = no }\n")
    kodamad.reload()
    session = hand_over_local(kodamad, mails.report(GONE, GMAIL))
    assert session.get_added("X-Bounce-Result") == []
    assert kodamad.get_suppressed() == [GONE]


# --- what it leaves alone

PLAIN = {
    "text": (mails.plain("plain"), {}),
    "empty-body": (mails.plain("empty", body=""), {}),
    "html": (mails.plain("html", headers="MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n", body="<p>\u6728\u970a</p>\n"), {}),
    "about-bounces": (mails.plain("Undelivered Mail Returned to Sender", body="550 5.1.1 <gone@example.com> User unknown\n" * 50), {}),
    "forwarded-report": (mails.plain("Fwd: bounce", headers="MIME-Version: 1.0\nContent-Type: message/rfc822\n",
                                     body=mails.report(GONE)), {}),
    "attached-report": (mails.plain("Fwd: bounce", headers='MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="zz"\n',
                                    body="--zz\n\nsee below\n--zz\nContent-Type: message/rfc822\n\n" + mails.report(GONE) + "\n--zz--\n"), {}),
    "long-lines": (mails.plain("long", body="x" * 5000 + "\n"), {}),
    "8-bit": (mails.plain("bytes", body="\udcff\udcfe\udc80\n"), {}),
}


@pytest.mark.parametrize("message, options", PLAIN.values(), ids=PLAIN)
def test_mail_that_is_no_bounce_is_not_edited(kodamad, message, options):
    session = hand_over_smtp(kodamad, message, sender="<user@example.org>", **options)
    assert passes(session) and session.edits == []
    assert kodamad.get_suppressed() == []


def test_body_in_single_bytes(kodamad):
    whole = hand_over_local(kodamad, mails.report("a@example.com", GMAIL)).get_added("X-Bounce-Result")
    assert len(whole) == 1
    with Milter(kodamad.milter) as session:
        session.open_session(HOST)
        session.mail("")
        session.recipient("sender@example.jp")
        session.message(mails.report("b@example.com", GMAIL).encode(), chunk=1)
        assert [value.replace("b@", "a@") for value in session.get_added("X-Bounce-Result")] == whole


# --- what it takes away

@pytest.mark.parametrize("name", ["X-Bounce-Result", "x-bounce-result", "X-BOUNCE-ADVICE", "X-Kodama-Token"])
def test_fields_that_claim_to_be_ours_are_removed(kodamad, name):
    message = mails.plain("claim", headers=f"{name}: {HOST}; rcpt=<a@example.com>; class=user-unknown\n{name}:\n also folded\n")
    session = hand_over_smtp(kodamad, message, sender="<user@example.org>")
    assert sorted((field.lower(), index) for field, index in session.get_removed_fields()) == [(name.lower(), 1), (name.lower(), 2)]
    assert len(session.edits) == 2


def test_foreign_results_on_a_bounce_give_way_to_our_own(kodamad):
    message = mails.report("a@example.com", headers=f"X-Bounce-Result: {HOST}; rcpt=<b@example.com>; class=delivered\n")
    session = hand_over_smtp(kodamad, message)
    assert [index for _, index in session.get_removed_fields()] == [1]
    assert ["rcpt=<a@example.com>" in value for value in session.get_added("X-Bounce-Result")] == [True]


def test_results_from_trusted_networks_pass(kodamad):
    session = hand_over_smtp(kodamad, mails.plain("ours", headers="X-Bounce-Result: inner.example.jp; rcpt=<a@example.com>\n"),
                             sender="<user@example.jp>", address="127.0.0.1")
    assert session.edits == []


# --- whom it refuses

def test_only_the_suppressed_recipient_is_refused(kodamad):
    kodamad.add(GONE)
    session = hand_over_smtp(kodamad, mails.plain("two"), sender="<sender@example.jp>",
                             recipients=["<here@example.com>", f"<{GONE}>", "<there@example.com>"])
    codes = [code for code, _ in session.answers]
    assert codes == [CONTINUE, b"y", CONTINUE]
    refusal = session.answers[1][1].rstrip(b"\0").decode()
    assert re.fullmatch(rf"550 5\.1\.1 <{GONE}>: suppressed since \d{{4}}-\d\d-\d\d: [a-z-]+ \(kodama-suppressed\)", refusal), refusal
    assert passes(session)


@pytest.mark.parametrize("sender", ["<>", "", "<double-bounce@mx.example.jp>"])
def test_bounces_to_a_suppressed_address_are_not_refused(kodamad, sender):
    kodamad.add(GONE)
    session = hand_over_smtp(kodamad, mails.report("a@example.com"), sender=sender, recipients=[f"<{GONE}>"])
    assert session.answers[0][0] == CONTINUE and passes(session)
    assert session.get_removed_recipients() == []


def test_mail_of_sendmail_loses_the_recipient_at_its_end(kodamad):
    kodamad.add(GONE)
    with Milter(kodamad.milter) as session:
        session.open_session(HOST)
        session.mail("sender@example.jp")
        assert session.recipient("here@example.com")[0] == CONTINUE
        assert session.recipient(GONE)[0] == CONTINUE
        assert session.message(mails.plain("cron").encode())[0] in (CONTINUE, ACCEPT)
        assert [name.strip("<>") for name in session.get_removed_recipients()] == [GONE]


def test_mark_refuses_and_removes_nothing(kodamad):
    kodamad.add(GONE)
    kodamad.configure("milter { on-suppressed = mark }\n")
    kodamad.reload()
    session = hand_over_smtp(kodamad, mails.plain("x"), sender="<sender@example.jp>", recipients=[f"<{GONE}>"])
    assert session.answers[0][0] == CONTINUE and passes(session)


# --- what it learns, and from whom

def test_our_own_bounce_suppresses_at_once(kodamad):
    session = hand_over_local(kodamad, mails.report(GONE, GMAIL))
    result = session.get_added("X-Bounce-Result")[0]
    assert "proof=local" in result and "decision=suppressed" in result and "until=forever" in result
    assert kodamad.get_suppressed() == [GONE]


def test_forged_bounce_changes_nothing(kodamad):
    session = hand_over_smtp(kodamad, mails.report(GONE, GMAIL))
    assert passes(session)
    result = session.get_added("X-Bounce-Result")[0]
    assert "class=user-unknown" in result and "proof=none" in result and "decision=unproved" in result
    assert kodamad.get_suppressed() == []


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.25"])
def test_forged_bounce_with_the_looks_of_our_own_changes_nothing(kodamad, address):
    """Null sender, localhost, our name in every field: but it came over TCP, and that cannot be forged."""
    with Milter(kodamad.milter) as session:
        session.open_session(HOST, "localhost", address, 41234, "localhost")
        session.mail("<>")
        session.recipient("<sender@example.jp>")
        session.message(mails.report(GONE, GMAIL).encode())
    assert kodamad.get_suppressed() == []


def test_bounce_of_another_handed_on_by_a_local_program_proves_nothing(kodamad):
    """A pipe or a .forward may send on what came from outside, sender and all; what the MTA makes itself bears no Received."""
    forged = mails.report(GONE, GMAIL, headers="Received: from evil.example.net (evil.example.net [192.0.2.66])\n\tby mx.example.jp\n")
    assert "proof=none" in hand_over_local(kodamad, forged).get_added("X-Bounce-Result")[0]
    assert kodamad.get_suppressed() == []
    # its own still does
    assert "proof=local" in hand_over_local(kodamad, mails.report(GONE, GMAIL)).get_added("X-Bounce-Result")[0]


@pytest.mark.parametrize("recipient", ["/gone@example.com", "|gone@example.com", "@relay.example.com:gone@example.com"])
@pytest.mark.parametrize("named", ["orcpt", "to"])
def test_whom_the_client_names_is_not_who_failed(kodamad, recipient, named):
    """Where nobody can tell whom our MTA had the mail for, neither ORCPT nor To may take his place: the client writes both."""
    victim = "victim@example.com"
    text = mails.report(recipient, GMAIL)
    if named == "orcpt":
        text = text.replace(f"Original-Recipient: rfc822;{recipient}", f"Original-Recipient: rfc822;{victim}")
    session = hand_over_local(kodamad, text.replace(f"To: {recipient}", f"To: {victim}"))
    assert passes(session) and victim not in kodamad.get_suppressed()


def test_untrusted_local_submission_proves_nothing(kodamad):
    kodamad.configure('local-submission = untrusted\n')
    kodamad.reload()
    assert "proof=none" in hand_over_local(kodamad, mails.report(GONE, GMAIL)).get_added("X-Bounce-Result")[0]
    assert kodamad.get_suppressed() == []


NEVER = {
    "spam": ("550 5.7.1 Message rejected due to spam content", "5.7.1"),
    "authentication": ("550-5.7.26 Your email has been blocked because the sender is unauthenticated. 550 5.7.26 x - gsmtp", "5.7.26"),
    "dnsbl": ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "5.7.1"),
    "dnsbl-with-a-recipient-status": ("550 5.1.1 Your IP address 192.0.2.1 is listed at zen.spamhaus.org", "5.1.1"),
    "our-own-refusal": ("550 5.1.1 <{rcpt}>: suppressed since 2026-11-21: user-unknown (kodama-suppressed)", "5.1.1"),
}


@pytest.mark.parametrize("diagnostic, status", NEVER.values(), ids=NEVER)
def test_what_is_not_about_the_recipient_never_suppresses(kodamad, diagnostic, status):
    for number in range(5):
        hand_over_local(kodamad, mails.report(GONE, diagnostic, status=status, queue_id=f"4jX3rL3M9mz1cMc{number}"))
    assert kodamad.get_suppressed() == []


def test_delay_and_success_never_suppress(kodamad):
    hand_over_local(kodamad, mails.report("a@example.com", GMAIL, status="4.1.1", action="delayed"))
    hand_over_local(kodamad, mails.report("b@example.com", "250 2.0.0 Ok", status="2.0.0", action="relayed"))
    assert kodamad.get_suppressed() == []


def test_address_in_our_own_domains_is_never_suppressed(kodamad):
    hand_over_local(kodamad, mails.report("colleague@example.jp", GMAIL))
    assert kodamad.get_suppressed() == []


@pytest.mark.parametrize("words, dead", [('unknown user: "gone"', False), ("Host or domain name not found. Name service error for name=gone.example type=A: Host not found", True)])
def test_our_own_delivery_agents_speak_of_our_own_mailboxes(kodamad, words, dead):
    """local(8) and its kin, in a domain that nobody has named in local-domains: who is unknown today may be there tomorrow."""
    status = "5.4.4" if dead else "5.1.1"
    text = mails.report(GONE, words, status).replace("Diagnostic-Code: smtp;", "Diagnostic-Code: X-Postfix;").replace("Remote-MTA: dns; mx.example.com\n", "")
    result = hand_over_local(kodamad, text).get_added("X-Bounce-Result")[0]
    assert f"decision={'suppressed' if dead else 'exempt'}" in result
    assert kodamad.get_suppressed() == [GONE] * dead


def test_full_mailbox_counts_three_different_failures(kodamad):
    def fail(number):
        message = mails.report(GONE, "552 5.2.2 <{rcpt}>: Mailbox full", status="5.2.2", queue_id=f"4jX3rL3M9mz1cMc{number}")
        return hand_over_local(kodamad, message).get_added("X-Bounce-Result")[0]

    assert "count=1/3" in fail(1)
    fail(1)
    assert kodamad.get_suppressed() == []
    assert "count=2/3" in fail(2)
    assert "decision=suppressed" in fail(3)
    assert kodamad.get_suppressed() == [GONE]


def test_one_report_of_many_recipients_suppresses_the_dead_ones(kodamad):
    message = mails.report("a@example.com", GMAIL).replace(
        "\n--b1\nContent-Description: Undelivered", "\nFinal-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.7.1\n"
        "Diagnostic-Code: smtp; 550 5.7.1 Message rejected as spam\n\n--b1\nContent-Description: Undelivered")
    session = hand_over_local(kodamad, message)
    assert len(session.get_added("X-Bounce-Result")) == 2
    assert kodamad.get_suppressed() == ["a@example.com"]


# --- our own bounce is never refused, whatever happens to the store

def test_our_own_bounce_passes_while_the_database_is_locked(kodamad):
    lock = sqlite3.connect(kodamad.database, isolation_level=None)
    with contextlib.closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        assert passes(hand_over_local(kodamad, mails.report(GONE, GMAIL)))
        kodamad.wait_log('error: store-away error="commit: database is locked')
        lock.execute("ROLLBACK")
    kodamad.wait_log("info: store-back")
    # it was safe in the queue on disk and comes through by itself
    from harness.wait import until
    until(lambda: kodamad.get_suppressed() == [GONE], "the queued outcome in the store")


def test_our_own_bounce_passes_while_nothing_can_be_stored(kodamad):
    kodamad.stop()
    kodamad.configure("queue { size = 64K  deadline = 1s }\n")
    kodamad.start()
    lock = sqlite3.connect(kodamad.database, isolation_level=None)
    with contextlib.closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        # more than the queue on disk may hold
        for number in range(12):
            recipients = [f"u{number}.{i}@{'x' * 60}.example.com" for i in range(40)]
            assert passes(hand_over_local(kodamad, mails.report(recipients, "550 5.1.1 " + "unknown user " * 60)))
        kodamad.wait_log("error: outcomes-lost front=milter")
        lock.execute("ROLLBACK")


def test_a_bounce_from_outside_stays_where_it_is_while_nothing_can_be_stored(kodamad):
    """Answered 451 at its end, so that the remote keeps it, and taken when it comes again; other mail passes."""
    kodamad.stop()
    kodamad.configure("proof = any\nqueue { size = 64K  deadline = 1s }\n")
    kodamad.start()
    lock = sqlite3.connect(kodamad.database, isolation_level=None)
    full = [f"u{i}@{'x' * 60}.example.com" for i in range(400)]
    with contextlib.closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        for _ in range(2):
            answer = hand_over_smtp(kodamad, mails.report(full, "550 5.1.1 " + "unknown user " * 60)).answer
        assert answer[0] == REPLYCODE and answer[1].startswith(b"451 4.3.0 "), answer
        assert passes(hand_over_smtp(kodamad, mails.plain("news"), sender="<news@example.org>"))
        lock.execute("ROLLBACK")
    kodamad.wait_log("info: store-back")
    assert passes(hand_over_smtp(kodamad, mails.report(GONE, GMAIL)))
    assert GONE in kodamad.get_suppressed() and json.loads(kodamad.kodama("status", "--format=json").stdout)["milter"]["tempfailed"] > 0


@pytest.mark.parametrize("junk", [
    "", "\n", "\0\0\0", "Content-Type: multipart/report; report-type=delivery-status; boundary=\"\n\n--\n",
    "Content-Type: multipart/report; report-type=delivery-status\n\nno parts\n",
    mails.report("a@example.com")[:900], mails.report("\udcff\udcfe@\udc80"), mails.report("a b c"), mails.report("@"),
    mails.report("a@example.com", "550 " + "5.1.1 " * 20000),
    "".join(f"X-{i}: y\n" for i in range(20000)) + "\nbody\n",
    mails.report("a@example.com", headers="X-Long: " + "z" * 60000 + "\n"),
    "Content-Type: multipart/mixed; boundary=a\n\n" + "--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 3000,
], ids=range(13))
def test_hostile_bounces_pass_and_kill_nobody(kodamad, junk):
    message = junk.encode("utf-8", "surrogateescape")
    with Milter(kodamad.milter) as session:
        session.open_session(HOST)
        session.mail("")
        session.recipient("sender@example.jp")
        assert session.message(message)[0] in (CONTINUE, ACCEPT)
    assert passes(hand_over_local(kodamad, mails.report(GONE, GMAIL)))
    assert GONE in kodamad.get_suppressed()


# --- sessions

def test_aborts_and_hang_ups_at_every_step(kodamad):
    steps = [
        lambda s: s.open_session(HOST), lambda s: s.mail(""), lambda s: s.recipient("sender@example.jp"),
        lambda s: s.command(b"T"), lambda s: s.command(b"L", b"Subject\0x\0"), lambda s: s.command(b"N"),
        lambda s: s.command(b"B", b"body\r\n"),
    ]
    for count in range(len(steps) + 1):
        for end in (lambda s: None, lambda s: s.link.sendall(packet(b"A")), lambda s: s.link.sendall(packet(b"Q")),
                    lambda s: s.link.sendall(b"\0\0\xff")):
            with Milter(kodamad.milter) as session:
                for step in steps[:count]:
                    step(session)
                end(session)
    assert passes(hand_over_local(kodamad, mails.report(GONE, GMAIL)))


def test_many_messages_in_one_session_do_not_mix(kodamad):
    with Milter(kodamad.milter) as session:
        session.open_session(HOST)
        for number in range(20):
            session.edits = []
            session.mail("")
            session.recipient("sender@example.jp")
            session.message(mails.report(f"u{number}@example.com", GMAIL).encode())
            assert [f"rcpt=<u{number}@example.com>" in value for value in session.get_added("X-Bounce-Result")] == [True]
            session.mail("user@example.jp")
            session.recipient("other@example.com")
            session.edits = []
            session.message(mails.plain("between").encode())
            assert len(session.edits) == len(session.get_added("X-Kodama-Token")) == 1


def test_older_mta_that_offers_less_is_served_too(kodamad):
    with Milter(kodamad.milter, actions=0x3F, protocol=0x7F) as session:
        session.open_session(HOST)
        session.mail("")
        session.recipient("sender@example.jp")
        assert session.message(mails.report(GONE, GMAIL).encode())[0] in (CONTINUE, ACCEPT)
        assert session.get_added("X-Bounce-Result")
