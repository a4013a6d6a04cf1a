# SPDX-License-Identifier: BSD-2-Clause
"""Real traffic in small: milter, policy service, status map and log at once, and what happens when the daemon reloads or dies in it."""
import re
import threading

import pytest

from conftest import reachable
from harness import load
from harness.follower import Follower, follow
from harness.postfix import Postfix
from harness.wait import until

ROUNDS, GOOD_COUNT, DEAD_COUNT = 4, 45, 5
# what is promised of a mail with one recipient, whatever kodamad does
LIMIT_S = 5.0


@pytest.fixture(scope="module")
def remote():
    with load.CountingRemote() as server:
        yield server


@pytest.fixture(scope="module")
def postfix(tmp_path_factory, remote):
    with Postfix(reachable(tmp_path_factory.mktemp("w")), remote.port, settings=load.make_settings()) as mta:
        until(lambda: mta.log, "Postfix's log")
        (mta.home / "mail.log").chmod(0o644)
        yield mta


@pytest.fixture(scope="module")
def daemon(tmp_path_factory, postfix):
    home = reachable(tmp_path_factory.mktemp("k"))
    with Follower(home, postfix.sockets, extra=follow(postfix.home / "mail.log")) as kodamad:
        kodamad.start()
        kodamad.wait_read(postfix.home / "mail.log")
        yield kodamad


def push(postfix, remote, first, meanwhile=None):
    """All rounds; the numbers of their domains, which no other test uses.  meanwhile: runs in their midst."""
    rounds = range(first, first + ROUNDS)
    remote.arrived.clear()

    def work():
        for number in rounds:
            load.send_round(postfix, number, GOOD_COUNT, DEAD_COUNT)
    sender = threading.Thread(target=work)
    sender.start()
    if meanwhile:
        until(lambda: len(remote.arrived) > GOOD_COUNT // 2, "the first mails")
        meanwhile()
    sender.join()
    load.wait_done(postfix, remote, ROUNDS * GOOD_COUNT)
    return rounds


def check_all_arrived_once(remote, rounds):
    good = load.get_recipients(load.GOOD, rounds, GOOD_COUNT)
    assert set(remote.arrived) == good
    assert set(remote.arrived.values()) == {1}


def wait_each_failure_once(daemon, rounds):
    dead = load.get_recipients(load.DEAD, rounds, DEAD_COUNT)
    until(lambda: dead <= set(daemon.get_suppressed()), lambda: f"{len(dead)} suppressed; {daemon.get_suppressed()}\n{daemon.log}")
    domains = tuple("@" + load.get_domain(number) for number in rounds)
    assert {address: count for address, count in load.count_outcomes(daemon).items() if address.endswith(domains)} == dict.fromkeys(dead, 1)


def get_warnings(postfix):
    return [line for line in postfix.log.splitlines() if re.search(r"warning: (milter|problem talking|socketmap)", line)]


def check_delays(postfix, rounds):
    log = "\n".join(line for line in postfix.log.splitlines() if any(f"@{load.get_domain(number)}>" in line for number in rounds))
    delays = load.get_delays(log)
    assert len(delays) >= ROUNDS * (GOOD_COUNT + DEAD_COUNT)
    assert max(taken for taken, _ in delays) < LIMIT_S


def test_all_fronts_at_once(daemon, postfix, remote):
    rounds = push(postfix, remote, 100)
    check_all_arrived_once(remote, rounds)
    check_delays(postfix, rounds)
    wait_each_failure_once(daemon, rounds)
    assert get_warnings(postfix) == []
    # and the next mail to one of the dead is not taken
    victim = sorted(load.get_recipients(load.DEAD, rounds, DEAD_COUNT))[0]
    assert postfix.send(victim, "Subject: again\n\nhello\n")[victim][0] == 550


def test_reloads_under_load_drop_no_session(daemon, postfix, remote):
    def reload():
        for _ in range(10):
            daemon.kodama("reload")

    before = len(get_warnings(postfix))
    rounds = push(postfix, remote, 200, reload)
    check_all_arrived_once(remote, rounds)
    wait_each_failure_once(daemon, rounds)
    assert get_warnings(postfix)[before:] == []


@pytest.mark.parametrize("first, end", [(300, "stop"), (400, "kill")], ids=["stopped", "killed"])
def test_restart_under_load_loses_no_mail_and_no_failure(daemon, postfix, remote, first, end):
    """The mails that pass while nobody looks leave their lines in the log, and those are read afterwards."""
    def restart():
        getattr(daemon, end)()
        daemon.start()

    rounds = push(postfix, remote, first, restart)
    check_all_arrived_once(remote, rounds)
    check_delays(postfix, rounds)
    wait_each_failure_once(daemon, rounds)
