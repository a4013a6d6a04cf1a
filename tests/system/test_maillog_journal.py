# SPDX-License-Identifier: BSD-2-Clause
"""The journal, followed: a systemd-journald of our own in a mount namespace, and lines of several users in it."""
import pwd
import subprocess
import sys
import time

import pytest

from harness.follower import FULL, SENT, UNKNOWN, Follower, LogFile
from harness.wait import until

JOURNALD = "/lib/systemd/systemd-journald"

# $1: our folder, which lies where the namespace has its own; the rest is the command
BEGIN = """\
set -e
mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal
mount --bind "$1/log" /var/log
shift
exec "$@"
"""

# one datagram a line of standard input, as syslog(3) sends it; $1: whose
WRITE = """\
import os, socket, sys
os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
link.connect("/run/systemd/journal/dev-log")
for line in sys.stdin.buffer.read().split(b"\\n"):
    if line:
        link.send(line)
"""


class Journal:
    """Its lines are those of LogFile, sent rather than written."""

    def __init__(self, home):
        self.home = home
        (home / "log").mkdir()
        self.start()

    def start(self):
        self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", BEGIN, "sh", str(self.home), JOURNALD],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: self.process.poll() is None and self.enter("test", "-S", "/run/systemd/journal/dev-log").returncode == 0, "journald's socket")

    def stop(self):
        self.process.kill()
        self.process.wait()

    @property
    def place(self):
        """What runs a command where journald runs."""
        return ("nsenter", "-t", str(self.process.pid), "--mount")

    def enter(self, *command, **options):
        return subprocess.run([*self.place, *command], check=False, capture_output=True, **options)

    def write(self, lines, uid=0):
        """lines: of a log file; uid: who writes them."""
        datagrams = b""
        for line in lines.splitlines():
            stamp, _, text = line.partition(b" mx ")
            datagrams += b"<22>" + stamp + b" " + text + b"\n"
        done = self.enter(sys.executable, "-c", WRITE, str(uid), input=datagrams)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    home = tmp_path_factory.mktemp("j")
    journal = Journal(home)
    yield journal
    journal.stop()


class Lines(LogFile):
    """Collects what a log file would hold."""

    def take(self):
        lines = self.path.read_bytes()
        self.path.write_bytes(b"")
        return lines


@pytest.fixture
def lines(scratch):
    log = Lines(scratch / "lines")
    # queue ids of no other test's
    log.number = time.monotonic_ns() % 9000000
    return log


def begin(daemon, journal):
    daemon.start(wrapper=journal.place)
    until(lambda: daemon.query("SELECT value FROM positions WHERE name LIKE 'log:%'"), lambda: f"a place\n{daemon.log}")
    return daemon


@pytest.fixture
def daemon(scratch, journal):
    with Follower(scratch / "kodama", extra='maillog { journal = yes }\ndelivers = {"127.0.0.1"}\n') as follower:
        allow(journal)
        yield begin(follower, journal)


def allow(journal):
    """The daemon's user reads the journal here as if he were in the group systemd-journal."""
    journal.enter("chmod", "-R", "a+rX", "/run/log/journal")


def test_lines_of_the_mta_prove_and_those_of_others_are_refused(daemon, journal, lines, address):
    dead, victim = address("dead"), address("victim")
    lines.message((victim, "bounced", UNKNOWN))
    # what other programs say of mail is no forgery
    lines.write(lines.line("imap-login: Login: user=<x>", "dovecot"))
    journal.write(lines.take(), uid=pwd.getpwnam("nobody").pw_uid)
    lines.message((dead, "bounced", UNKNOWN))
    journal.write(lines.take(), uid=pwd.getpwnam("postfix").pw_uid)
    assert daemon.wait_outcomes(dead) == [("user-unknown", "suppressed", "log", "log")]
    assert daemon.get_suppressed() == [dead]
    status = daemon.get_status()
    assert status["source"] == "journal" and status["refused"] == 5 and "proves-nothing-because" not in status
    assert "maillog-refused" in daemon.log


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_goes_on_at_the_cursor(daemon, journal, lines, address, end):
    first, second, late = address(), address(), address()
    journal.write((lines.message((first, "bounced", FULL)), lines.take())[1])
    queue_id = lines.message((late, "deferred", FULL.replace("552 5", "452 4")), removed=False)
    journal.write(lines.take())
    daemon.wait_outcomes(first)
    until(lambda: daemon.get_counts().get("delayed"), "the deferral")
    getattr(daemon, end)()
    lines.message((second, "bounced", FULL))
    lines.write(lines.line(f"{queue_id}: from=<sender@example.jp>, status=expired, returned to sender", "postfix/qmgr"))
    journal.write(lines.take())
    begin(daemon, journal)
    for recipient in (second, late, first):
        daemon.wait_outcomes(recipient)
    until(lambda: daemon.get_status()["lines"] >= 5, "the rest")
    assert [row[:2] for recipient in (first, second, late) for row in daemon.get_outcomes(recipient)] == [("mailbox-full", "counted")] * 3
    assert daemon.get_counts() == {"mailbox-full": 3, "delayed": 1}


def test_configured_uids(scratch, journal, lines, address):
    mine, roots = address(), address()
    extra = 'maillog { journal = yes uids = {"nobody"} }\n'
    with Follower(scratch / "kodama", extra=extra) as daemon:
        allow(journal)
        begin(daemon, journal)
        lines.message((roots, "bounced", UNKNOWN))
        journal.write(lines.take())
        lines.message((mine, "bounced", UNKNOWN))
        journal.write(lines.take(), uid=pwd.getpwnam("nobody").pw_uid)
        daemon.wait_outcomes(mine)
        assert daemon.get_suppressed() == [mine]


def test_deliveries_and_long_lines(daemon, journal, lines, address):
    recipient = address()
    lines.message((recipient, "bounced", FULL), age_s=60)
    lines.message((recipient, "sent", SENT), age_s=30)
    lines.write(lines.line("x" * 60000))
    journal.write(lines.take())
    until(lambda: daemon.query("SELECT tallies FROM addresses WHERE address = ? AND origin = 0", recipient) == [("",)], "the counts to be gone")
    assert daemon.get_counts() == {"mailbox-full": 1, "delivered": 1}
    until(lambda: daemon.get_status()["garbage"] == 1, "the long line to be counted")
