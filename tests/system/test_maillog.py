# SPDX-License-Identifier: BSD-2-Clause
"""The log of a real Postfix, followed: what is learned from it alone, once, whatever happens to the daemon and to the file."""
import pytest

from conftest import reachable
from harness import mails
from harness.follower import Follower, follow
from harness.postfix import Postfix
from harness.wait import until

@pytest.fixture(scope="module")
def mta(tmp_path_factory, remote):
    """No milter: nobody but the log tells."""
    home = reachable(tmp_path_factory.mktemp("l"))
    with Postfix(home, remote.port, kodama=False, settings="smtp_connection_cache_on_demand = no\n") as postfix:
        until(lambda: (home / "mail.log").exists(), "Postfix's log")
        (home / "mail.log").chmod(0o644)
        yield postfix


@pytest.fixture
def follower(scratch, mta):
    with Follower(scratch / "kodama", extra=follow(mta.home / "mail.log")) as daemon:
        daemon.start()
        daemon.wait_read(mta.home / "mail.log")
        yield daemon


def test_failures_of_the_log_alone_are_learned(mta, follower, address):
    """Several recipients, one message: each gets what is its own."""
    dead, full, good = address("gmail"), address("full"), address("ok")
    assert mta.send([dead, full, good], mails.plain("several")) == {}
    assert follower.wait_outcomes(dead)[0][:4] == ("user-unknown", "suppressed", "log", "log")
    assert follower.wait_outcomes(full)[0][:4] == ("mailbox-full", "counted", "log", "log")
    assert follower.get_suppressed() == [dead]
    follower.wait_read(mta.home / "mail.log")
    assert follower.query("SELECT COUNT(*) FROM outcomes WHERE address = ?", good) == [(0,)]
    assert "decision front=maillog" in follower.log and f"recipient={dead} class=user-unknown action=suppressed" in follower.log


def test_mail_that_nobody_is_told_of(mta, follower, address):
    """NOTIFY=NEVER: there is no bounce, only the log knows."""
    dead = address("unknown")
    with mta.client() as client:
        client.ehlo()
        client.mail("sender@example.jp")
        assert client.rcpt(dead, ["NOTIFY=NEVER"])[0] == 250
        assert client.data(mails.plain("never"))[0] == 250
    assert follower.wait_outcomes(dead)[0][:2] == ("user-unknown", "suppressed")
