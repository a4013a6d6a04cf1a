# SPDX-License-Identifier: BSD-2-Clause
"""Where the log goes: standard error, syslog, the journal.  The last two see sockets of ours, in a mount namespace."""
import json
import os
import socket
import subprocess

import pytest

from harness.kodamad import Kodamad
from harness.milter import Milter
from harness.policy import Policy
from harness.wait import until

# $1: a folder for the old /dev, $2: our socket; the rest is the command
WITH_SYSLOG = """
set -e
mkdir "$1" && mount --bind /dev "$1" && mount -t tmpfs none /dev
for node in null zero urandom random; do touch /dev/$node && mount --bind "$1/$node" /dev/$node; done
ln -s "$2" /dev/log
shift 2
exec "$@"
"""
WITH_JOURNAL = """
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal && ln -s "$2" /run/systemd/journal/socket
shift 2
exec "$@"
"""


class Reader:
    """A socket that takes what a log daemon would."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        os.chmod(path, 0o666)
        self.lines = []

    def read(self):
        try:
            while True:
                self.lines.append(self.socket.recv(65536).decode())
        except BlockingIOError:
            return self.lines

    def wait(self, *words):
        return until(lambda: next((line for line in self.read() if all(word in line for word in words)), None),
                     lambda: f"{words} in {self.lines}")


def wrapper(script, scratch, path):
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(scratch / "dev"), str(path))


@pytest.mark.parametrize("target, script", [("syslog", WITH_SYSLOG), ("journal", WITH_JOURNAL)])
def test_log_goes_where_the_operator_wants_it(scratch, target, script):
    path = scratch / "log.sock"
    reader = Reader(path)
    with Kodamad(scratch / "kodama", extra=f"log {{ target = {target} }}\n") as daemon:
        daemon.start(wrapper=wrapper(script, scratch, path))
        started = reader.wait("started version=")
        daemon.add("gone@example.com")
        daemon.stop()
        assert "kodamad" in started
        assert ("PRIORITY=6\n" in started and "\nMESSAGE=started" in started) == (target == "journal")
        # facility mail, level info (RFC 5424 section 6.2.1)
        assert started.startswith("<22>") == (target == "syslog")
        assert "started version=" not in daemon.log


@pytest.mark.parametrize("target, script", [("syslog", WITH_SYSLOG), ("journal", WITH_JOURNAL)])
def test_log_daemon_that_hangs_holds_up_nobody(scratch, target, script):
    """Its socket is full: mail goes on, lines are lost, and are counted once it reads again."""
    path, gone, requests = scratch / "log.sock", "gone@example.com", 2000
    reader = Reader(path)
    with Kodamad(scratch / "kodama", extra=f"log {{ target = {target} }}\n") as daemon:
        daemon.start(wrapper=wrapper(script, scratch, path))
        daemon.add(gone)
        with Policy(daemon.policy) as policy:
            # each of them is a line
            assert all(policy.ask(gone).startswith("550 ") for _ in range(requests))
            # libmilter's own words do not wait either: it says them with a lock that every session needs
            provoke_libmilter(daemon)
            with Milter(daemon.milter) as milter:
                milter.open_session()
            dropped = json.loads(daemon.kodama("status", "--format=json").stdout)["log"]["lines-dropped"]
            assert 0 < dropped < requests
            reader.read()
            assert policy.ask(gone).startswith("550 ")
        told = reader.wait("log-lines-dropped count=")
        # libmilter may have said more since
        assert int(told.partition("count=")[2].split()[0]) >= dropped
        daemon.stop()


def provoke_libmilter(daemon):
    """An MTA older than any that it knows: libmilter closes the connection and logs why."""
    with pytest.raises(EOFError), Milter(daemon.milter, version=1):
        pass


@pytest.mark.parametrize("target, script", [("syslog", WITH_SYSLOG), ("journal", WITH_JOURNAL)])
def test_what_libmilter_says_goes_where_the_rest_goes(scratch, target, script):
    path = scratch / "log.sock"
    reader = Reader(path)
    with Kodamad(scratch / "kodama", extra=f"log {{ target = {target} }}\n") as daemon:
        daemon.start(wrapper=wrapper(script, scratch, path))
        provoke_libmilter(daemon)
        line = reader.wait("library text=", "protocol version too old")
        # an error, of facility mail
        assert line.startswith("<19>" if target == "syslog" else "PRIORITY=3\n")
        daemon.stop()


def test_journal_that_is_not_there_leaves_standard_error(scratch):
    script = WITH_JOURNAL.replace(' && ln -s "$2" /run/systemd/journal/socket', "")
    with Kodamad(scratch / "kodama", extra="log { target = journal }\n") as daemon:
        daemon.start(wrapper=wrapper(script, scratch, scratch / "nowhere"))
        daemon.wait_log("started version=")
        daemon.stop()


def test_namespaces_are_given_to_these_tests():
    """Else the tests above would only show that unshare fails."""
    assert subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0
