# SPDX-License-Identifier: BSD-2-Clause
"""Signals: what reloads, what stops, what is ignored, and that nothing acknowledged is lost."""
import signal
import socket
import threading

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.milter import ACCEPT, CONTINUE, Milter
from harness.policy import Policy
from harness.wait import until

GONE = "gone@example.com"


def report_failure(daemon, recipient):
    """A bounce of our own MTA through the milter: True when it was acknowledged."""
    with Milter(daemon.milter) as session:
        session.open_session()
        session.mail("")
        session.recipient("sender@example.jp")
        return session.message(mails.report(recipient).encode())[0] in (CONTINUE, ACCEPT)


class Load:
    """Bounces without end from some threads; `acknowledged`: those that the daemon has answered for."""

    def __init__(self, daemon, threads=4):
        self.daemon, self.acknowledged, self.ending = daemon, [], threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def work(self, worker):
        number = 0
        while not self.ending.is_set():
            number += 1
            recipient = f"u{worker}.{number}@example.com"
            try:
                if report_failure(self.daemon, recipient):
                    self.acknowledged.append(recipient)
            except OSError:
                return
            except EOFError:
                return

    def wait(self, count):
        until(lambda: len(self.acknowledged) >= count, lambda: f"{count} acknowledged bounces, {len(self.acknowledged)} so far")


def test_a_hundred_hangups_do_nothing(kodamad):
    kodamad.add(GONE)
    before = kodamad.pid
    with Policy(kodamad.policy) as policy:
        for _ in range(100):
            kodamad.signal(signal.SIGHUP)
            assert policy.ask(GONE).startswith("550 5.1.1 ")
        assert report_failure(kodamad, "late@example.com")
    assert kodamad.process.poll() is None and kodamad.pid == before


def test_a_reload_asked_for_during_the_start_ends_nobody(scratch):
    with Kodamad(scratch / "kodama") as daemon:
        daemon.spawn()
        # the sockets are the first that the start makes; rules and database come after them
        until(daemon.milter.exists, lambda: f"{daemon.milter}; it said\n{daemon.log}")
        daemon.signal(signal.SIGUSR1)
        daemon.wait_notice("READY=1")
        assert report_failure(daemon, "late@example.com")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_orderly_stop(kodamad, number):
    kodamad.signal(number)
    kodamad.wait_notice("STOPPING=1")
    assert kodamad.wait_end() == 0


def test_stop_does_not_wait_for_a_client_that_has_stopped_reading(kodamad):
    """A long list in a pager, for one."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(kodamad.control))
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            while True:
                client.sendall(b'{"do":"status"}\n' * 100)
        kodamad.signal(signal.SIGTERM)
        kodamad.signal(signal.SIGTERM)
        assert kodamad.wait_end() == 0


def test_killed_during_the_start_it_leaves_nothing_in_the_way(scratch):
    with Kodamad(scratch / "kodama") as daemon:
        daemon.spawn()
        until(daemon.milter.exists, lambda: f"{daemon.milter}; it said\n{daemon.log}")
        daemon.signal(signal.SIGTERM)
        daemon.wait_end()
        daemon.start()
        assert report_failure(daemon, "late@example.com")


def test_stop_straight_after_the_start_is_orderly_too(kodamad):
    """libmilter has a signal thread of its own, which is new then and quick to take what is not for it."""
    for _ in range(15):
        kodamad.stop()
        kodamad.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_under_load_is_there_after_the_end(kodamad, number):
    # more failures at once than any real day brings: the guard against a lying provider is not what is tested here
    with Load(kodamad) as load:
        load.wait(40)
        kodamad.signal(number)
        status = kodamad.wait_end()
    assert status == (0 if number == signal.SIGTERM else -signal.SIGKILL), kodamad.log
    kodamad.start()
    for recipient in load.acknowledged:
        assert "550 5.1.1" in kodamad.kodama("why", recipient).stdout


def test_killed_straight_after_a_bounce_was_accepted(kodamad):
    for number in range(10):
        assert report_failure(kodamad, f"gone{number}@example.com")
        kodamad.kill()
        kodamad.start()
        with Policy(kodamad.policy) as policy:
            assert policy.ask(f"gone{number}@example.com").startswith("550 5.1.1 ")
    assert len(kodamad.get_suppressed()) == 10


def is_refusing(daemon):
    with Policy(daemon.policy) as policy:
        return policy.ask(GONE).startswith("550")


@pytest.mark.parametrize("way", ["signal", "command"])
def test_reload_takes_the_new_configuration(kodamad, way):
    def reload():
        return kodamad.reload() if way == "signal" else kodamad.kodama("reload")

    kodamad.add(GONE)
    before = kodamad.pid
    assert is_refusing(kodamad)
    kodamad.configure("enforce = no\n")
    reload()
    assert not is_refusing(kodamad)
    kodamad.configure()
    reload()
    assert is_refusing(kodamad)
    assert kodamad.process.poll() is None and kodamad.pid == before


@pytest.mark.parametrize("bad", ["enforce = perhaps\n", "enforce = no\ncolour = red\n", "enforce = no\nmilter {\n"])
def test_bad_configuration_keeps_the_old_one_and_says_so(kodamad, bad):
    kodamad.add(GONE)
    kodamad.configure(bad)
    done = kodamad.kodama("reload", check=False)
    assert done.returncode != 0
    assert f"{kodamad.configuration}:" in done.stderr, done
    assert is_refusing(kodamad)
    # the command may have seen it by itself, and then has not asked the daemon
    before = kodamad.log.count(f"{kodamad.configuration}:")
    kodamad.signal(signal.SIGUSR1)
    until(lambda: kodamad.log.count(f"{kodamad.configuration}:") > before, lambda: f"the complaint in the log\n{kodamad.log}")
    assert is_refusing(kodamad)
    # and it is no trap: the next good one is taken
    kodamad.configure("enforce = no\n")
    kodamad.kodama("reload")
    assert not is_refusing(kodamad)


def test_bad_rules_keep_the_old_ones(kodamad):
    local = kodamad.etc / "local.rules"
    local.write_text("rule mine.broken {\n    class = no-such-class\n    text = {'x'}\n}\n")
    done = kodamad.kodama("reload", check=False)
    assert done.returncode != 0 and f"{local}:" in done.stderr
    local.write_text("rule mine.special {\n    class = user-unknown\n    text = {'the phoenix has flown'}\n"
                     "    matches = {'550 the phoenix has flown'}\n}\n")
    kodamad.kodama("reload")
    with Milter(kodamad.milter) as session:
        session.open_session()
        session.mail("")
        session.recipient("sender@example.jp")
        session.message(mails.report(GONE, "550 5.0.0 the phoenix has flown", status="5.0.0").encode())
        assert "rule=mine.special" in session.get_added("X-Bounce-Result")[0]


def test_reload_under_load_drops_no_session(kodamad):
    with Load(kodamad) as load:
        for number in range(10):
            load.wait(5 * (number + 1))
            kodamad.kodama("reload")
        load.wait(len(load.acknowledged) + 10)
        alive = [thread.is_alive() for thread in load.threads]
    assert all(alive)


def test_what_cannot_be_reloaded_is_named(kodamad):
    kodamad.configure('policy { listen = "inet:8799@127.0.0.1" }\n')
    done = kodamad.kodama("reload", check=False)
    assert "policy" in done.stdout + done.stderr and "restart" in (done.stdout + done.stderr).lower()
