# SPDX-License-Identifier: BSD-2-Clause
"""The log of a real Postfix, followed: what is learned from it alone, once, whatever happens to the daemon and to the file."""
import json
import os
import signal
import sqlite3

import pytest

from conftest import reachable
from harness import mails
from harness.kodamad import Kodamad
from harness.paths import run
from harness.postfix import Postfix
from harness.wait import until

FOLLOW = """\
maillog {{ file = "{log}"  trust = {trust}  start = {start} }}
delivers = {{"127.0.0.1"}}
"""


@pytest.fixture(scope="module")
def mta(tmp_path_factory, remote):
    """No milter: nobody but the log tells."""
    home = reachable(tmp_path_factory.mktemp("l"))
    with Postfix(home, remote.port, kodama=False, settings="smtp_connection_cache_on_demand = no\n") as postfix:
        until(lambda: (home / "mail.log").exists(), "Postfix's log")
        (home / "mail.log").chmod(0o644)
        yield postfix


def follow(log, trust="yes", start="end", extra=""):
    return FOLLOW.format(log=log, trust=trust, start=start) + extra


class Follower(Kodamad):
    """Kodamad on a log, and what it knows."""

    def get_status(self):
        return json.loads(self.kodama("status", "--format=json").stdout)["maillog"]

    def get_outcomes(self, address):
        rows = [json.loads(line) for line in self.kodama("why", address, "--format=json").stdout.splitlines()]
        return [row for row in rows if row.get("row") == "history" and row.get("action")]

    def query(self, text, *values):
        link = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return link.execute(text, values).fetchall()
        finally:
            link.close()

    def get_count(self, name):
        return self.query("SELECT COALESCE(SUM(count), 0) FROM counts WHERE class = ?", name)[0][0]

    def get_place(self):
        rows = self.query("SELECT value FROM positions")
        return int(rows[0][0].split()[2]) if rows else None

    def wait_read(self, log):
        """Everything in the file is committed."""
        until(lambda: self.database.exists() and self.get_place() == os.path.getsize(log), lambda: f"{log} is read; {self.get_place()}\n{self.log}")

    def why_not_empty(self):
        return self.query("SELECT address, kind, class, source, proof, decision FROM outcomes")


@pytest.fixture
def follower(scratch, mta):
    with Follower(scratch / "kodama", extra=follow(mta.home / "mail.log")) as daemon:
        daemon.start()
        daemon.wait_read(mta.home / "mail.log")
        yield daemon


def wait_outcomes(daemon, address, count=1):
    return until(lambda: (lambda rows: rows if len(rows) >= count else None)(
        daemon.query("SELECT class, decision, proof, source, stream FROM outcomes WHERE address = ?", address)),
        lambda: f"{count} outcomes of {address}\n{daemon.why_not_empty()}\n{daemon.log}")


def test_failures_of_the_log_alone_are_learned(mta, follower, address):
    """Several recipients, one message: each gets what is its own."""
    dead, full, good = address("gmail"), address("full"), address("ok")
    assert mta.send([dead, full, good], mails.plain("several")) == {}
    assert wait_outcomes(follower, dead)[0][:4] == ("user-unknown", "suppressed", "log", "log")
    assert wait_outcomes(follower, full)[0][:4] == ("mailbox-full", "counted", "log", "log")
    assert follower.get_suppressed() == [dead]
    follower.wait_read(mta.home / "mail.log")
    assert follower.query("SELECT COUNT(*) FROM outcomes WHERE address = ?", good) == [(0,)]
    assert f"decision front=maillog" in follower.log and f"recipient={dead} class=user-unknown action=suppressed" in follower.log


def test_mail_that_nobody_is_told_of(mta, follower, address):
    """NOTIFY=NEVER: there is no bounce, only the log knows."""
    dead = address("unknown")
    with mta.client() as client:
        client.ehlo()
        client.mail("sender@example.jp")
        assert client.rcpt(dead, ["NOTIFY=NEVER"])[0] == 250
        assert client.data(mails.plain("never"))[0] == 250
    assert wait_outcomes(follower, dead)[0][:2] == ("user-unknown", "suppressed")
