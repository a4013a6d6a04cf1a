# SPDX-License-Identifier: BSD-2-Clause
"""What an operator finds at night: a store that is lost, held or may not be written; what is said of it, and what goes on."""
import json
import os
import sqlite3
import subprocess

import pytest

from harness.kodamad import Kodamad
from harness.paths import KODAMA
from harness.policy import Policy
from harness.wait import until

GONE = "gone@example.com"


def get_events(daemon, name):
    return [line for line in daemon.log.splitlines() if f" {name} " in line]


def read_only(folder, *command):
    """The command, where nothing may be written into that folder."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    return subprocess.run(["unshare", "--mount", "--propagation=private", "sh", "-c", script, str(folder), *map(str, command)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


# --- a list that is lost

def test_first_start_is_ordinary(kodamad):
    [told] = get_events(kodamad, "store-begun")
    assert " info: " in told and 'why="there was none"' in told and "hint" not in told
    kodamad.stop()
    kodamad.start()
    assert len(get_events(kodamad, "store-begun")) == 1


@pytest.mark.parametrize("loss, level, word", [("removed", "warning", "no database, although a key"), ("emptied", "error", "was there, and empty")])
def test_database_that_is_lost_is_told_loudly(kodamad, loss, level, word):
    kodamad.add(GONE)
    kodamad.kill()
    for path in kodamad.state.glob("kodama.db*"):
        path.unlink() if loss == "removed" or path != kodamad.database else path.write_bytes(b"")
    if loss == "emptied":
        os.utime(kodamad.database, (1, 1))
    kodamad.start()
    told = get_events(kodamad, "store-begun")[-1]
    assert f" {level}: " in told and word in told and str(kodamad.database) in told and "put a backup back" in told
    # and in the status, for whoever comes later
    problems = json.loads(kodamad.kodama("status", "--format=json").stdout)["problems"]
    assert "store-begun" in json.dumps(problems)


def test_database_that_is_emptied_is_told_by_the_command_too(kodamad):
    kodamad.stop()
    kodamad.database.write_bytes(b"")
    os.utime(kodamad.database, (1, 1))
    done = kodamad.kodama("suppress", "list")
    assert "store-begun" in done.stderr and "was there, and empty" in done.stderr


# --- a database that somebody holds

def hold(daemon):
    """Stopped, and somebody has its database; started again it does not wait long for each try."""
    daemon.stop()
    daemon.configure("store { busy-timeout = 1s }\n")
    link = sqlite3.connect(daemon.database, isolation_level=None)
    link.execute("PRAGMA locking_mode = EXCLUSIVE")
    link.execute("BEGIN EXCLUSIVE")
    return link


def test_start_waits_for_a_database_that_is_held(kodamad):
    kodamad.add(GONE)
    link = hold(kodamad)
    kodamad.spawn()
    kodamad.wait_log("store-locked")
    assert "fuser" in get_events(kodamad, "store-locked")[0]
    link.close()
    kodamad.wait_notice("READY=1")
    assert kodamad.get_suppressed() == [GONE]
    with Policy(kodamad.policy) as policy:
        assert policy.ask(GONE).startswith("550")


def test_start_that_waits_can_be_stopped_and_ends_with_the_reason(kodamad):
    link = hold(kodamad)
    kodamad.spawn()
    kodamad.wait_log("store-locked")
    kodamad.signal(15)
    kodamad.wait_end()
    assert "start-failed" in kodamad.log and "database is locked" in kodamad.log and "fuser" in kodamad.log
    link.close()


# --- a file system that may not be written

def test_list_is_read_where_nothing_may_be_written(kodamad):
    kodamad.add(GONE)
    kodamad.stop()

    def kodama(*words):
        return read_only(kodamad.state, KODAMA, words[0], "--etc", kodamad.etc, *words[1:])

    for words in (["suppress", "list"], ["suppress", "check", GONE], ["why", GONE], ["export", "postfix"]):
        done = kodama(*words)
        assert done.returncode == 0 and GONE in done.stdout, (words, done.stderr)
    assert kodama("report").returncode == 0
    for words in (["suppress", "add", "other@example.com"], ["suppress", "remove", GONE], ["forget", GONE]):
        done = kodama(*words)
        assert done.returncode == 1 and "Read-only file system" in done.stderr and str(kodamad.database) in done.stderr, (words, done.stderr)


def test_list_whose_last_changes_would_be_missed_is_refused_by_name(kodamad):
    """Killed: what it wrote last is beside the file, and SQLite may not take it in."""
    kodamad.add(GONE)
    kodamad.kill()
    log = kodamad.state / "kodama.db-wal"
    assert log.stat().st_size > 0
    done = read_only(kodamad.state, KODAMA, "suppress", "--etc", kodamad.etc, "list")
    assert done.returncode == 1 and str(log) in done.stderr and "copy both elsewhere" in done.stderr
