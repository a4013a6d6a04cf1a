# SPDX-License-Identifier: BSD-2-Clause
"""What an operator finds at night: a store that is lost, held or may not be written; what is said of it, and what goes on."""
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from harness import mails
from harness.kodamad import Kodamad
from harness.milter import Milter
from harness.paths import KODAMA
from harness.policy import Policy
from harness.wait import until

GONE = "gone@example.com"


def get_events(daemon, name):
    return [line for line in daemon.log.splitlines() if f" {name} " in line]


def fail(daemon, recipient):
    with Milter(daemon.milter) as session:
        session.open_session()
        session.mail("")
        session.recipient("sender@example.jp")
        session.message(mails.report(recipient, "550 5.1.1 No such user here").encode())


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


def test_database_that_is_gone_is_told_by_the_command_that_comes_first(kodamad):
    """It makes a new one, of which the daemon could not know that it is none of old."""
    kodamad.stop()
    for path in kodamad.state.glob("kodama.db*"):
        path.unlink()
    done = kodamad.kodama("suppress", "list")
    assert "store-begun" in done.stderr and "although a key" in done.stderr and "put a backup back" in done.stderr
    assert "store-begun" not in kodamad.kodama("suppress", "list").stderr


@pytest.mark.parametrize("loss", ["moved", "emptied", "log removed"])
def test_database_that_is_lost_under_the_daemon_is_told_and_nothing_is_lost_with_it(kodamad, loss):
    """What would be committed into a file without a name waits in the queue on disk; the list in memory serves."""
    elsewhere, log = kodamad.state / "elsewhere", kodamad.state / "kodama.db-wal"
    kodamad.add(GONE)
    if loss == "moved":
        kodamad.database.rename(elsewhere)
    elif loss == "emptied":
        # else it would come back whole from the log beside it
        with contextlib.closing(sqlite3.connect(kodamad.database)) as link:
            assert link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        os.truncate(kodamad.database, 0)
    else:
        log.unlink()
    kodamad.wait_log("while it was in use")
    [told] = get_events(kodamad, "store-away")
    assert str(log if loss == "log removed" else kodamad.database) in told
    with Policy(kodamad.policy) as policy:
        assert policy.ask(GONE).startswith("550")
    fail(kodamad, "later@example.com")
    if loss == "log removed":
        # all that was in it is in the file by now
        kodamad.wait_log("store-back")
    else:
        assert "recipient=later@example.com class=user-unknown action=queued" in kodamad.log
        assert "does not take what is learned" in kodamad.kodama("status").stdout
    if loss == "moved":
        elsewhere.rename(kodamad.database)
        kodamad.wait_log("store-back")
    if loss == "emptied":
        # as its operator is told to: begun anew, and what waited is in it
        kodamad.stop()
        kodamad.start()
        assert get_events(kodamad, "store-begun")[1:]
    until(lambda: kodamad.get_suppressed() == (["later@example.com"] if loss == "emptied" else [GONE, "later@example.com"]), "all that was learned")
    kodamad.kill()
    kodamad.start()
    assert "later@example.com" in kodamad.get_suppressed()


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


# --- half an installation, and files that are another's

@pytest.mark.parametrize("folder", ["rules.d", "formats.d"])
def test_start_without_rules_is_refused(scratch, folder):
    """By codes alone good recipients would be suppressed for what their servers say of us."""
    with Kodamad(scratch / "kodama") as daemon:
        for path in (daemon.etc / folder).iterdir():
            path.unlink()
        daemon.spawn()
        assert daemon.wait_end() == 1
        assert f"{daemon.etc}/{folder}: nothing is in it" in daemon.log and "make install" in daemon.log


@pytest.mark.parametrize("what", ["file", "folder", "is a folder"])
def test_database_that_may_not_be_used_is_told_with_its_owner(scratch, what):
    with Kodamad(scratch / "kodama") as daemon:
        if what == "file":
            daemon.database.touch(mode=0o600)
        if what == "folder":
            os.chown(daemon.state, 0, 0)
        if what == "is a folder":
            daemon.database.mkdir()
        daemon.spawn()
        assert daemon.wait_end() == 1
        path = daemon.state if what == "folder" else daemon.database
        assert (f"{path}: it is a folder" if what == "is a folder" else f"{path} is root's, mode 0{'7' if what == 'folder' else '6'}00, and this process is uid") in daemon.log


def test_a_log_that_is_no_file_is_told(scratch):
    with Kodamad(scratch / "kodama", extra=f'maillog {{ file = "{scratch}" }}\n') as daemon:
        daemon.start()
        daemon.wait_log("it is no regular file")


def test_a_log_that_is_gone_is_told_in_the_status(scratch):
    log = scratch / "mail.log"
    log.touch(mode=0o644)
    with Kodamad(scratch / "kodama", extra=f'maillog {{ file = "{log}" }}\n') as daemon:
        daemon.start()
        log.unlink()
        until(lambda: f"none has its name: {log}" in daemon.kodama("status").stdout, "the remark")
        log.touch(mode=0o644)
        until(lambda: "none has its name" not in daemon.kodama("status").stdout, "no remark")


def test_what_waits_is_kept_where_the_queue_was_removed(kodamad):
    link = hold(kodamad)
    link.close()
    kodamad.start()
    shutil.rmtree(kodamad.state / "queue")
    link = sqlite3.connect(kodamad.database, isolation_level=None)
    link.execute("BEGIN EXCLUSIVE")
    fail(kodamad, "later@example.com")
    assert "recipient=later@example.com class=user-unknown action=queued" in kodamad.log
    kodamad.kill()
    link.close()
    kodamad.start()
    until(lambda: kodamad.get_suppressed() == ["later@example.com"], "what waited")


# --- a full disk

def test_full_disk_is_told_once_and_mail_flows(scratch):
    mounted = 'mount -t tmpfs -o size=500k,uid=65534,mode=700 tmpfs "$0" && exec "$@"'
    with Kodamad(scratch / "kodama") as daemon:
        daemon.start(wrapper=["unshare", "--mount", "--propagation=private", "sh", "-c", mounted, str(daemon.state)])
        until(lambda: fail(daemon, f"user{len(daemon.log)}@example.com") or "outcomes-lost" in daemon.log, "a full disk")
        for _ in range(20):
            fail(daemon, "more@example.com")
        status = json.loads(daemon.kodama("status", "--format=json").stdout)
        names = [problem["text"].split()[0] for problem in status["problems"]]
        assert len(names) == len(set(names)) and {"store-away", "outcomes-lost"} <= set(names)
        assert max(problem["times"] for problem in status["problems"]) > 20
        assert any("make room" in sentence for sentence in status["attention"])
        # it does not come back by a transaction in which nothing is written
        assert "store-back" not in daemon.log
