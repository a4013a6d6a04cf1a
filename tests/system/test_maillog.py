# SPDX-License-Identifier: BSD-2-Clause
"""The logs of a real Postfix and a real Sendmail, followed: what is learned from them, once, whatever happens in between."""
import os
import time

import pytest

from conftest import reachable
from harness import mails
from harness import remote as remote_side
from harness.follower import Follower, follow
from harness.paths import run
from harness.postfix import Postfix
from harness.sendmail import Sendmail
from harness.wait import until


@pytest.fixture(scope="module")
def postfix(tmp_path_factory, remote):
    """Of this module: its log may be moved about.  Mail that is deferred stays for a day."""
    home = reachable(tmp_path_factory.mktemp("l"))
    with Postfix(home, remote.port, settings="maximal_queue_lifetime = 1d\nbounce_queue_lifetime = 1d\n") as mta:
        until(lambda: mta.log, "Postfix's log")
        yield mta


@pytest.fixture(scope="module")
def sendmail(tmp_path_factory, remote):
    with Sendmail(reachable(tmp_path_factory.mktemp("t")), remote.port) as mta:
        until(lambda: mta.log, "Sendmail's log")
        yield mta


def get_log(mta):
    return mta.home / "mail.log"


def begin(daemon, mta):
    daemon.start()
    daemon.wait_read(get_log(mta))
    return daemon


@pytest.fixture
def follower(scratch, postfix):
    """With all of Postfix's lines: milter, policy service, log."""
    with Follower(scratch / "kodama", postfix.sockets, extra=follow(get_log(postfix))) as daemon:
        yield begin(daemon, postfix)
    expire_all(postfix)


@pytest.fixture
def sendmail_follower(scratch, sendmail):
    with Follower(scratch / "kodama", sendmail.sockets, extra=follow(get_log(sendmail))) as daemon:
        yield begin(daemon, sendmail)


@pytest.fixture
def moody():
    """A word whose reply a test changes as it goes: None is a delivery."""
    def set_reply(*lines):
        if lines == (None,):
            remote_side.REPLIES.pop("moody", None)
        else:
            remote_side.REPLIES["moody"] = ("RCPT", lines)
    yield set_reply
    set_reply(None)


def set_lifetime(postfix, lifetime):
    run("postconf", "-c", postfix.etc, "-e", f"maximal_queue_lifetime = {lifetime}", f"bounce_queue_lifetime = {lifetime}")
    postfix.postfix("reload")


def expire_all(postfix):
    """Ends what is queued, and leaves things as they were."""
    if postfix.get_queue():
        set_lifetime(postfix, "1s")
        # the queue manager before the reload may still have had it
        until(lambda: (postfix.flush(), not postfix.get_queue())[1], lambda: f"an empty queue\n{postfix.log}")
        set_lifetime(postfix, "1d")


BY = {"smtp": lambda mta, recipients, mail: mta.send(recipients, mail), "sendmail": lambda mta, recipients, mail: mta.sendmail(recipients, mail)}


@pytest.mark.parametrize("send", BY.values(), ids=BY)
def test_each_recipient_gets_what_is_its_own(follower, postfix, address, send):
    dead, full, busy, good = address("gmail"), address("full"), address("busy"), address("ok")
    send(postfix, [dead, full, busy, good], mails.plain("several"))
    assert follower.wait_outcomes(dead)[0][:2] == ("user-unknown", "suppressed")
    assert follower.wait_outcomes(full)[0][:2] == ("mailbox-full", "counted")
    until(lambda: follower.get_counts().get("delivered") == 1 and follower.get_counts().get("delayed", 0) >= 1, "the others to be counted")
    assert follower.get_outcomes(busy) == follower.get_outcomes(good) == []
    assert follower.get_suppressed() == [dead]


def test_mail_that_nobody_is_told_of(follower, postfix, address):
    """NOTIFY=NEVER: there is no bounce, only the log knows."""
    dead = address("unknown")
    with postfix.client() as client:
        client.ehlo()
        client.mail("sender@example.jp")
        assert client.rcpt(dead, ["NOTIFY=NEVER"])[0] == 250
        assert client.data(mails.plain("never"))[0] == 250
    assert follower.wait_outcomes(dead) == [("user-unknown", "suppressed", "log", "log")]


def test_log_and_bounce_are_one_failure(follower, postfix, address):
    """Seen by milter and log, in whatever order: one outcome, counted once, proved by the better of the two."""
    full = address("full")
    for number in (1, 2):
        postfix.send(full, mails.plain(f"once {number}", full))
        until(lambda: len([1 for _, text in postfix.get_spooled() if f"Final-Recipient: rfc822; {full}" in text]) == number, "the bounce")
        follower.wait_read(get_log(postfix))
    assert [row[:2] for row in follower.get_outcomes(full)] == [("mailbox-full", "counted")] * 2
    assert {row[2] for row in follower.get_outcomes(full)} <= {"log", "token"}
    assert follower.get_counts()["mailbox-full"] == 2


def test_delivery_lifts_what_was_counted(follower, postfix, address, moody):
    recipient = address("moody")
    for count in (1, 2):
        moody("552 5.2.2 Mailbox full")
        postfix.send(recipient, mails.plain("full"))
        follower.wait_outcomes(recipient, count)
    moody(None)
    postfix.send(recipient, mails.plain("delivered"))
    until(lambda: follower.query("SELECT tallies FROM addresses WHERE address = ? AND origin = 0", recipient) == [("",)], "the counts to be gone")
    moody("552 5.2.2 Mailbox full")
    # the log knows seconds: a failure in the second of the delivery is newer all the same
    postfix.send(recipient, mails.plain("full again"))
    assert [row[1] for row in follower.wait_outcomes(recipient, 3)] == ["counted"] * 3
    assert follower.get_suppressed() == []


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_expired_with_a_restart_in_between(follower, postfix, address, moody, end):
    late = address("moody")
    moody("452 4.2.2 Mailbox full")
    postfix.send(late, mails.plain("late"))
    until(lambda: follower.get_counts().get("delayed"), "the deferral to be read")
    getattr(follower, end)()
    expire_all(postfix)
    begin(follower, postfix)
    assert [row[:2] for row in follower.get_outcomes(late)] == [("mailbox-full", "counted")]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_happens_while_the_daemon_is_away(follower, postfix, address, end):
    before, while_away = address("gmail"), address("gmail")
    postfix.send(before, mails.plain("before"))
    follower.wait_outcomes(before)
    getattr(follower, end)()
    postfix.send(while_away, mails.plain("away"))
    until(lambda: f"to=<{while_away}>" in postfix.log, "the line in the log")
    begin(follower, postfix)
    assert [len(follower.get_outcomes(dead)) for dead in (before, while_away)] == [1, 1]
    assert follower.get_suppressed() == sorted([before, while_away])


def test_rotation_by_postfix_itself(follower, postfix, address):
    """postfix logrotate: renamed, reloaded, and compressed a second later."""
    first, second = address("gmail"), address("gmail")
    postfix.send(first, mails.plain("first"))
    follower.wait_outcomes(first)
    run("postfix", "-c", postfix.etc, "logrotate")
    until(lambda: list(postfix.home.glob("mail.log.*.gz")), "the compressed log")
    postfix.send(second, mails.plain("second"))
    until(lambda: get_log(postfix).exists(), "the new log")
    # Postfix before 3.9 makes it for root alone: kodamad says so, and goes on as soon as it may
    until(lambda: follower.get_status().get("last-error", "").startswith("Permission denied") or os.stat(get_log(postfix)).st_mode & 0o004, "the status to say so")
    get_log(postfix).chmod(0o644)
    until(lambda: [row for row in follower.get_outcomes(second) if row[2] == "log"], lambda: f"the log's word\n{follower.log}")
    assert follower.get_suppressed() == sorted([first, second])
    status = follower.get_status()
    assert status["gaps"] == 0 and "last-error" not in status


def test_status_says_how_far_it_is(follower, postfix, address):
    postfix.send(address("ok"), mails.plain("status"))
    until(lambda: follower.get_status()["delivered"] == 1, "the delivery")
    status = follower.get_status()
    assert status["source"] == str(get_log(postfix)) and status["lag-bytes"] == 0 and status["lines"] >= 4
    assert "last-error" not in status and "proves-nothing-because" not in status
    assert abs(time.mktime(time.strptime(status["last-delivery"], "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime())) < 60


# --- Sendmail

@pytest.mark.parametrize("send", BY.values(), ids=BY)
def test_sendmail_each_recipient(sendmail_follower, sendmail, address, send):
    dead, full, good = address("gmail"), address("full"), address("ok")
    send(sendmail, [dead, full, good], mails.plain("several"))
    assert sendmail_follower.wait_outcomes(dead)[0] == ("user-unknown", "suppressed", "log", "log")
    assert sendmail_follower.wait_outcomes(full)[0] == ("mailbox-full", "counted", "log", "log")
    until(lambda: sendmail_follower.get_counts().get("delivered") == 1, "the delivery")
    assert sendmail_follower.get_suppressed() == [dead]


def test_sendmail_nobody_is_told(sendmail_follower, sendmail, address):
    dead = address("unknown")
    with sendmail.client() as client:
        client.ehlo()
        client.mail("sender@example.jp")
        assert client.rcpt(dead, ["NOTIFY=NEVER"])[0] == 250
        assert client.data(mails.plain("never"))[0] == 250
    assert sendmail_follower.wait_outcomes(dead)[0][:2] == ("user-unknown", "suppressed")


def test_sendmail_expired_with_a_restart_in_between(scratch, tmp_path_factory, remote, address):
    home, late = reachable(tmp_path_factory.mktemp("e")), address("gmailfull")
    with Sendmail(home, remote.port, kodama=False, options=("-O", "Timeout.queuereturn=4s")) as mta:
        until(lambda: mta.log, "Sendmail's log")
        with Follower(scratch / "kodama", extra=follow(get_log(mta))) as daemon:
            begin(daemon, mta)
            mta.send(late, mails.plain("late"))
            until(lambda: daemon.get_counts().get("delayed"), "the deferral to be read")
            daemon.kill()
            until(lambda: "Cannot send message" in mta.log, lambda: f"the message to expire\n{mta.log}")
            begin(daemon, mta)
            assert [row[:2] for row in daemon.get_outcomes(late)] == [("mailbox-full", "counted")]
            assert os.path.getsize(get_log(mta)) > 0
