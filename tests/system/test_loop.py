# SPDX-License-Identifier: BSD-2-Clause
"""The loop, closed on a real Postfix: mail, failure, bounce, header, suppression, refusal."""
import email
import json
import re

import pytest

from harness import mails
from harness.paths import kodama
from harness.postfix import Postfix
from harness.kodamad import Kodamad
from harness.wait import until

REFUSAL = r"5\.1\.1 <{}>: .*suppressed since \d{{4}}-\d\d-\d\d: [a-z-]+ \(kodama-suppressed\)"

# what the remote side says -> is the address suppressed?
REPLIES = {"gmail": True, "yahoojp": True, "microsoft": True, "exchange": True, "lineworks": True, "unknown": True,
           "gmailfull": False, "gmailauth": False, "yahoojpspam": False, "outlookblock": False, "spam": False, "dnsbl": False,
           "ours": False, "full": False, "busy": False}


def is_refused(refused, recipient):
    return recipient in refused and refused[recipient][0] == 550 and re.fullmatch(
        REFUSAL.format(re.escape(recipient)), refused[recipient][1]) is not None


def unfold(value):
    return re.sub(r"\s*\n\s+", " ", value)


def normalise(text):
    text = re.sub(r"127\.0\.0\.1\[127\.0\.0\.1\]:\d+", "127.0.0.1[127.0.0.1]:PORT", text)
    return re.sub(r"until=\d{4}-\d\d-\d\dT[0-9:]+Z", "until=TIME", text)


def show_fields(bounce):
    """Our fields as they stand in the mail, folding and all."""
    return "".join(f"{name}: {value}\n" for name, value in bounce.items() if name.lower().startswith(("x-bounce-", "x-kodama-")))


def show_json(bounce, path):
    """What `kodama classify` says of the same mail, one key a line, in its order."""
    path.write_bytes(bounce.as_bytes())
    lines = []
    for line in kodama("classify", "--format=json", path).stdout.splitlines():
        for key, value in json.loads(line).items():
            value = {"file": "FILE", "time": "TIME", "queue_id": "QUEUE-ID", "message_id": "MESSAGE-ID"}.get(key, value)
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}\n")
        lines.append("\n")
    return "".join(lines)


@pytest.mark.parametrize("word, dead", REPLIES.items(), ids=REPLIES)
def test_bounce_of_our_own_postfix(system, scratch, golden, word, dead):
    recipient = f"{word}.golden@example.com"
    assert system.postfix.send(recipient, mails.plain(word, recipient)) == {}
    bounce = system.postfix.wait_bounce(recipient)
    golden(f"postfix-{word}.headers", normalise(show_fields(bounce)))
    golden(f"postfix-{word}.json", normalise(show_json(bounce, scratch / "bounce.eml")))
    assert system.kodamad.get_suppressed() == ([recipient] if dead else [])
    for path, text in system.postfix.get_spooled():
        if recipient in text:
            path.unlink()


@pytest.mark.parametrize("word, dead", REPLIES.items(), ids=REPLIES)
def test_bounce_that_comes_by_smtp(system, address, golden, word, dead):
    """The same reports written by somebody else: classified alike, believed in nothing."""
    recipient = f"{word}.foreign@example.com"
    from harness.remote import REPLIES as WORDS
    diagnostic = " ".join(line.format(rcpt=recipient) for line in WORDS[word][1]).replace("{", "{{").replace("}", "}}")
    status = re.search(r"\b[45]\.\d+\.\d+\b", diagnostic)
    message = mails.report(recipient, diagnostic, status=status[0] if status else diagnostic[0] + ".0.0", host="mx.example.org")
    assert system.postfix.send("sender@example.jp", message, sender="", source="127.0.0.66") == {}
    bounce = system.postfix.wait_bounce(recipient)
    golden(f"smtp-{word}.headers", normalise(show_fields(bounce)))
    assert "proof=none" in unfold(bounce["X-Bounce-Result"])
    assert system.kodamad.get_suppressed() == []
    for path, text in system.postfix.get_spooled():
        if recipient in text:
            path.unlink()


def test_dead_address_is_refused_and_the_good_one_is_served(system, address):
    dead, good = address("gmail"), address("ok")
    assert system.postfix.send(dead, mails.plain("first")) == {}
    system.postfix.wait_bounce(dead)
    refused = system.postfix.send([dead, good], mails.plain("second"))
    assert list(refused) == [dead] and is_refused(refused, dead)
    until(lambda: system.remote.get_recipients(b"Subject: second\r\n"), "the second mail")
    system.postfix.wait_empty()
    assert system.remote.get_recipients(b"Subject: second\r\n") == [good]


def test_milter_alone_refuses_it_too(scratch, remote, address):
    dead, good = address("gmail"), address("ok")
    with Postfix(scratch / "p", remote.port, settings="smtpd_recipient_restrictions =\n") as postfix, \
            Kodamad(scratch / "k", postfix.sockets) as daemon:
        daemon.start()
        daemon.add(dead)
        refused = postfix.send([dead, good], mails.plain("milter-alone"))
        assert list(refused) == [dead] and is_refused(refused, dead)
        until(lambda: remote.get_recipients(b"Subject: milter-alone\r\n") == [good], "the good one's mail")


def test_policy_alone_refuses_it_too(scratch, remote, address):
    dead, good = address("gmail"), address("ok")
    with Postfix(scratch / "p", remote.port, settings="smtpd_milters =\nnon_smtpd_milters =\n") as postfix, \
            Kodamad(scratch / "k", postfix.sockets) as daemon:
        daemon.start()
        daemon.add(dead)
        refused = postfix.send([dead, good], mails.plain("policy-alone"))
        assert list(refused) == [dead] and is_refused(refused, dead)
        until(lambda: remote.get_recipients(b"Subject: policy-alone\r\n") == [good], "the good one's mail")


def test_chrooted_postfix_finds_the_sockets(scratch, remote, address):
    dead = address("gmail")
    with Postfix(scratch / "p", remote.port, chroot=True) as postfix, Kodamad(scratch / "k", postfix.sockets) as daemon:
        daemon.start()
        assert postfix.send(dead, mails.plain("chroot")) == {}
        postfix.wait_bounce(dead)
        assert is_refused(postfix.send(dead, mails.plain("chroot")), dead)


def test_remote_without_dsn(scratch, address):
    from harness.remote import Remote
    dead = address("gmail")
    with Remote(dsn=False) as remote, Postfix(scratch / "p", remote.port) as postfix, \
            Kodamad(scratch / "k", postfix.sockets) as daemon:
        daemon.start()
        with postfix.client() as client:
            client.ehlo()
            client.sendmail("sender@example.jp", [address("ok")], mails.plain("success"), rcpt_options=["NOTIFY=SUCCESS"])
        report = postfix.wait_spooled("Action: relayed")
        assert "action=relayed" in unfold(email.message_from_string(report)["X-Bounce-Result"])
        assert daemon.get_suppressed() == []
        postfix.send(dead, mails.plain("failure"))
        postfix.wait_bounce(dead)
        assert daemon.get_suppressed() == [dead]


def test_mail_of_sendmail_loses_only_the_dead_recipient(system, address):
    dead, good = address("gmail"), address("ok")
    system.kodamad.add(dead)
    system.postfix.sendmail([good, dead], "Subject: from-cron\n\nhello\n")
    until(lambda: system.remote.get_recipients(b"Subject: from-cron"), "the mail of cron")
    system.postfix.wait_empty()
    assert system.remote.get_recipients(b"Subject: from-cron") == [good]


def test_mail_of_sendmail_to_nobody_else_does_not_stay_in_the_queue(system, address):
    dead = address("gmail")
    system.kodamad.add(dead)
    system.postfix.sendmail(dead, "Subject: cron-to-nobody\n\nhello\n")
    # and its sender is told
    assert "suppressed since" in unfold(system.postfix.wait_bounce(dead).as_string())
    system.postfix.wait_empty()
    assert system.remote.find(b"Subject: cron-to-nobody") == []


def test_our_own_bounce_to_a_suppressed_sender_is_delivered(system, address):
    """A bounce is no mailing: its recipient may be on any list."""
    dead = address("gmail")
    system.kodamad.add("sender@example.jp")
    system.postfix.send(dead, mails.plain("x"))
    system.postfix.wait_bounce(dead)
    system.postfix.wait_empty()


def test_foreign_fields_are_gone_on_the_way_in(system, address):
    subject = f"claims {address()}"
    message = mails.plain(subject, headers="X-Bounce-Result: mx.example.jp; rcpt=<a@example.com>; decision=suppressed\n"
                                           "x-bounce-ADVICE:\n\tmx.example.jp; rule=x; lang=en\nX-Kodama-Token: v=1; k=1\n")
    system.postfix.send("user@example.jp", message, sender="stranger@example.org", source="127.0.0.66")
    got = email.message_from_string(system.postfix.wait_spooled(f"Subject: {subject}"))
    assert show_fields(got) == ""


PLAIN = {
    "text": mails.plain("plain-text"),
    "long": mails.plain("plain-long", body="".join(f"line {i} {'x' * (i % 70)}\n" for i in range(4000))),
    "mime": mails.plain("plain-mime", headers='MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="zz"\n',
                        body="--zz\nContent-Type: text/plain\n\nhello  \n\n--zz\nContent-Type: application/octet-stream\n"
                             "Content-Transfer-Encoding: base64\n\nAAECAwQFBgc=\n--zz--\n"),
    "forwarded-bounce": mails.plain("plain-forward", headers="MIME-Version: 1.0\nContent-Type: message/rfc822\n",
                                    body=mails.report("gone@example.com")),
    "odd-fields": mails.plain("plain-odd", headers="X-Odd:no blank\nX-Tabs:\tone\n\ttwo\nX-Empty:\nx-bounce: not ours\nX-Bounce-Results: nor this\n"),
    "dots": mails.plain("plain-dots", body=".\n..\n.x\n"),
}


@pytest.mark.parametrize("message", PLAIN.values(), ids=PLAIN)
def test_mail_that_is_no_bounce_passes_byte_for_byte(system, address, message):
    """Through Kodama and around it: the remote side gets the same bytes, but for our Received field."""
    got = {}
    for way, port in (("with", system.postfix.port), ("without", system.postfix.plain_port)):
        recipient = address("ok")
        system.postfix.send(recipient, message, port=port)
        mail = until(lambda: [mail for mail in system.remote.mails if mail[1] == [recipient]], "the mail")[0]
        head, _, body = mail[2].partition(b"\r\n\r\n")
        received, fields = re.split(rb"\r\n(?=From:)", head, maxsplit=1)
        assert received.count(b"Received:") == 1
        got[way] = (fields, body)
    assert got["with"] == got["without"]


def test_delay_report_is_annotated_and_changes_nothing(scratch, remote, address):
    busy = address("busy")
    with Postfix(scratch / "p", remote.port, settings="delay_warning_time = 1s\n") as postfix, \
            Kodamad(scratch / "k", postfix.sockets) as daemon:
        daemon.start()
        postfix.send(busy, mails.plain("late"))
        bounce = postfix.wait_bounce(busy)
        assert "action=delayed" in unfold(bounce["X-Bounce-Result"])
        assert daemon.get_suppressed() == []


def test_postmaster_copy_counts_the_failure_once(scratch, remote, address):
    full = address("full")
    settings = "notify_classes = bounce, 2bounce\nbounce_notice_recipient = postmaster@example.jp\n"
    with Postfix(scratch / "p", remote.port, settings=settings) as postfix, Kodamad(scratch / "k", postfix.sockets) as daemon:
        daemon.start()
        postfix.send(full, mails.plain("copied"))
        until(lambda: len(postfix.find_spooled(f"Final-Recipient: rfc822; {full}")) == 2, "bounce and copy")
        counts = [re.search(r"count=(\d)/3", text)[1] for text in postfix.find_spooled(f"Final-Recipient: rfc822; {full}")
                  if "count=" in text]
        assert set(counts) == {"1"}
