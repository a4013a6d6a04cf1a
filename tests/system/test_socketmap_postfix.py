# SPDX-License-Identifier: BSD-2-Clause
"""The look-up tables on a real Postfix: what each does, and what happens to mail when kodamad is down."""
import json
import re

import pytest

from harness import mails
from harness.follower import Follower, follow
from harness.kodamad import Kodamad
from harness.paths import kodama, reachable, run
from harness.postfix import Postfix
from harness.wait import until

MAP = "socketmap:unix:kodama/map.sock"
STATUS = f"default_delivery_status_filter = {MAP}:status\n"
# no other hook of ours: what these do is seen alone
FILTERED = STATUS + f"smtpd_recipient_restrictions = check_recipient_access {MAP}:recipient, permit_mynetworks, reject\n"
ROUTED = STATUS + f"transport_maps = inline:{{ {{example.jp=spool:}} }}, {MAP}:transport\n"
REFUSED = r"<{}>: suppressed since \d{{4}}-\d\d-\d\d: unclassified \(kodama-suppressed\)"


def make_postfix(tmp_path_factory, remote, settings):
    return Postfix(reachable(tmp_path_factory.mktemp("p")), remote.port, kodama=False, settings=settings)


@pytest.fixture(scope="module")
def filtered(tmp_path_factory, remote):
    with make_postfix(tmp_path_factory, remote, FILTERED) as mta:
        yield mta


@pytest.fixture(scope="module")
def routed(tmp_path_factory, remote):
    with make_postfix(tmp_path_factory, remote, ROUTED) as mta:
        yield mta


def start(scratch, mta, extra=""):
    daemon = Kodamad(scratch / "kodama", mta.sockets, extra)
    return daemon.start()


@pytest.fixture
def beside_filtered(scratch, filtered):
    with start(scratch, filtered) as daemon:
        yield daemon


@pytest.fixture
def beside_routed(scratch, routed):
    with start(scratch, routed) as daemon:
        yield daemon


def wait_result(mta, recipient):
    """The line of the log with the recipient's fate: (dsn, status, text)."""
    def find():
        return re.findall(rf" to=<{re.escape(recipient)}>.* dsn=([0-9.]+), status=(\w+) \((.*)\)$", mta.log, re.M)
    return until(find, lambda: f"the fate of {recipient}\n{mta.log}")[-1]


def classify(*arguments, **options):
    return json.loads(kodama("classify", "--format=json", *arguments, **options).stdout.splitlines()[0])


# --- status

def test_status_is_corrected_in_log_and_dsn_and_the_words_stay(filtered, beside_filtered, address, scratch):
    recipient = address("microsoft")
    filtered.send(recipient, mails.plain("hello", recipient))
    dsn, status, text = wait_result(filtered, recipient)
    assert (dsn, status) == ("5.1.1", "bounced")
    assert text.endswith("said: 550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). (in reply to RCPT TO command)")
    bounce = filtered.wait_bounce(recipient)
    report = bounce.get_payload(1).get_payload(1)
    assert report["Status"] == "5.1.1"
    assert " ".join(report["Diagnostic-Code"].split()) == "smtp; 550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)."
    # what we make of our own correction, in the bounce and in the log
    (scratch / "bounce.eml").write_bytes(bounce.as_bytes())
    for seen in (classify(scratch / "bounce.eml"), classify("--input=response", "-", input=f"\t\t{dsn}\t{text}\n")):
        assert (seen["class"], seen["suppress"], seen["reply"]) == ("user-unknown", "now", "550")


def test_success_is_never_turned(filtered, beside_filtered, remote, address):
    recipient = address("user")
    filtered.send(recipient, mails.plain("hello", recipient))
    assert wait_result(filtered, recipient) == ("2.0.0", "sent", "250 2.0.0 Ok: queued")
    assert remote.get_recipients(recipient.encode()) == [recipient]
    assert "bad status code" not in filtered.log


def test_other_failures_keep_their_status(filtered, beside_filtered, address):
    for word, wanted in {"spam": "5.7.1", "full": "5.2.2", "unknown": "5.1.1", "dnsbl": "5.7.1", "throttled": "5.7.1"}.items():
        recipient = address(word)
        filtered.send(recipient, mails.plain("hello", recipient))
        assert wait_result(filtered, recipient)[:2] == (wanted, "bounced")


def test_throttled_mail_is_kept_where_that_is_wanted(filtered, beside_filtered, address):
    beside_filtered.configure("socketmap { soften = yes }\n")
    beside_filtered.reload()
    recipient = address("throttled")
    filtered.send(recipient, mails.plain("hello", recipient))
    dsn, status, text = wait_result(filtered, recipient)
    assert (dsn, status) == ("4.7.28", "deferred") and "550 5.7.1 Unfortunately" in text
    assert [entry["recipients"][0]["address"] for entry in filtered.get_queue()] == [recipient]
    seen = classify("--input=response", "-", input=f"\t\t{dsn}\t{text}\n")
    assert (seen["class"], seen["suppress"]) == ("rate-limited", "never")
    run("postsuper", "-c", filtered.etc, "-d", "ALL")


def test_status_is_as_it_was_when_kodamad_is_down(filtered, beside_filtered, remote, address):
    beside_filtered.stop()
    # the recipient table fails closed: by sendmail(1)
    good, bad = address("user"), address("microsoft")
    filtered.sendmail([good, bad], mails.plain("hello", good))
    assert wait_result(filtered, good)[:2] == ("2.0.0", "sent")
    assert wait_result(filtered, bad)[:2] == ("5.5.0", "bounced")


def test_log_follower_reads_what_the_status_table_made_of_it(scratch, filtered, remote, address):
    until(lambda: filtered.log, "Postfix's log")
    log = filtered.home / "mail.log"
    with Follower(scratch / "kodama", filtered.sockets, extra=follow(log) + "socketmap { soften = yes }\n") as daemon:
        daemon.start()
        daemon.wait_read(log)
        dead, throttled, good = address("microsoft"), address("throttled"), address("user")
        filtered.send([dead, throttled, good], mails.plain("hello", good))
        assert daemon.wait_outcomes(dead) == [("user-unknown", "suppressed", "log", "log")]
        assert wait_result(filtered, dead)[:2] == ("5.1.1", "bounced")
        assert wait_result(filtered, throttled)[:2] == ("4.7.28", "deferred")
        until(lambda: daemon.get_counts().get("delivered") == 1 and daemon.get_counts().get("delayed", 0) >= 1, "the others to be counted")
        assert daemon.get_suppressed() == [dead]
        run("postsuper", "-c", filtered.etc, "-d", "ALL")


# --- recipient

def test_recipient_is_refused_alone(filtered, beside_filtered, remote, address):
    good, gone = address("user"), address("user")
    beside_filtered.add(gone)
    refused = filtered.send([good, gone], mails.plain("hello", good))
    assert list(refused) == [gone] and refused[gone][0] == 550
    assert re.fullmatch(f"5.1.1 <{re.escape(gone)}>: Recipient address rejected: " + REFUSED.format(re.escape(gone)), refused[gone][1])
    until(lambda: remote.get_recipients(good.encode()) == [good], "the other one to be sent")


def test_recipient_table_fails_closed(filtered, beside_filtered, remote, address):
    beside_filtered.stop()
    recipient = address("user")
    refused = filtered.send(recipient, mails.plain("hello", recipient))
    assert refused[recipient][0] == 451 and refused[recipient][1].startswith("4.3.")
    beside_filtered.start()
    assert filtered.send(recipient, mails.plain("hello", recipient)) == {}


# --- transport

def test_mail_of_sendmail_to_a_suppressed_recipient_comes_back_and_the_rest_goes_out(routed, beside_routed, remote, address):
    good, gone = address("user"), address("user")
    beside_routed.add(gone)
    routed.sendmail([good, gone], mails.plain("hello", good))
    until(lambda: remote.get_recipients(good.encode()) == [good], "the other one to be sent")
    dsn, status, text = wait_result(routed, gone)
    assert (dsn, status) == ("5.1.1", "bounced") and re.fullmatch(REFUSED.format(re.escape(gone)), text)
    report = routed.wait_bounce(gone).get_payload(1).get_payload(1)
    assert report["Status"] == "5.1.1"
    # our own refusal counts against nobody
    seen = classify("--input=response", "-", input=f"\t\t{dsn}\t{text}\n")
    assert (seen["class"], seen["suppress"]) == ("suppressed-upstream", "never")


def test_transport_refuses_at_rcpt_too(routed, beside_routed, remote, address):
    good, gone = address("user"), address("user")
    beside_routed.add(gone)
    refused = routed.send([good, gone], mails.plain("hello", good))
    assert list(refused) == [gone] and refused[gone][0] == 550 and refused[gone][1].endswith("(kodama-suppressed)")
    until(lambda: remote.get_recipients(good.encode()) == [good], "the other one to be sent")


def test_mail_of_a_suppressed_sender_goes_out(routed, beside_routed, remote, address):
    sender, recipient = address("user"), address("user")
    beside_routed.add(sender)
    assert routed.send(recipient, mails.plain("hello", recipient), sender=sender) == {}
    until(lambda: remote.get_recipients(recipient.encode()) == [recipient], "it to be sent")


def test_transport_table_fails_closed_and_nothing_is_lost(routed, beside_routed, remote, address):
    beside_routed.stop()
    by_smtp, by_sendmail = address("user"), address("user")
    refused = routed.send(by_smtp, mails.plain("hello", by_smtp))
    assert refused[by_smtp][0] == 451 and refused[by_smtp][1].startswith("4.3.0")
    routed.sendmail(by_sendmail, mails.plain("hello", by_sendmail))
    until(lambda: re.search(rf" to=<{by_sendmail}>.*status=deferred \(address resolver failure\)", routed.log), lambda: routed.log)
    beside_routed.start()
    # qmgr remembers the last answer about an address for half a minute, and only the last
    other = address("user")
    routed.sendmail(other, mails.plain("hello", other))
    until(lambda: remote.get_recipients(other.encode()) == [other], lambda: f"it to be sent\n{routed.log}")
    # the run of the queue that finds it still being delivered passes it over for a while
    until(lambda: remote.get_recipients(by_sendmail.encode()) == [by_sendmail] or routed.flush(), lambda: f"it to be sent\n{routed.log}")
