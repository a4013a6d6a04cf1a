# SPDX-License-Identifier: BSD-2-Clause
"""Starting: the configuration is refused with its place, readiness is true, privileges are gone."""
import grp
import os
import pathlib
import pwd
import socket
import stat

import pytest

from harness.kodamad import GROUP, USER, Kodamad
from harness.milter import Milter
from harness.policy import Policy

# what stands in the last line of kodama.conf -> a word of the complaint
BAD_LINES = {
    "unknown-key": ('colour = "red"', "colour"),
    "unknown-key-in-section": ('milter { sockett = "unix:/run/m" }', "sockett"),
    "unknown-section": ("bounces { }", "bounces"),
    "not-a-boolean": ("enforce = perhaps", "enforce"),
    "not-a-number": ('policy { connections = "many" }', "connections"),
    "number-too-small": ("policy { connections = 0 }", "connections"),
    "number-too-large": ("policy { connections = 100001 }", "connections"),
    "not-a-duration": ("policy { idle-timeout = soon }", "idle-timeout"),
    "no-such-choice": ('preset = "lenient"', "preset"),
    "no-such-class": ("suppress x { classes = {user-unknwon} }", "user-unknwon"),
    "not-a-socket": ('milter { socket = "/run/milter" }', "socket"),
    "not-a-network": ('trusted-networks = {"10.0.0.0/99"}', "10.0.0.0/99"),
    "not-an-address": ('exempt-recipients = {"nobody at all"}', "nobody at all"),
    "list-for-one": ('language = {"en", "ja"}', ""),
    "unclosed": ("milter {", ""),
    "stray-brace": ("}", ""),
}


@pytest.mark.parametrize("line, word", BAD_LINES.values(), ids=BAD_LINES)
def test_bad_configuration_is_refused_with_file_and_line(scratch, line, word):
    with Kodamad(scratch / "kodama") as daemon:
        daemon.configure(line + "\n")
        number = len(daemon.configuration.read_text().splitlines())
        daemon.spawn()
        assert daemon.wait_end() != 0
        # what is not closed is only missed at the end
        places = {f"{daemon.configuration}:{number}:", f"{daemon.configuration}:{number + 1}:"}
        said = [text for text in daemon.log.splitlines() if any(place in text for place in places)]
        assert said and word in said[0], daemon.log
        checked = daemon.kodama("config", "check", check=False)
        assert checked.returncode != 0
        assert any(place in checked.stderr for place in places) and word in checked.stderr, checked.stderr


def test_good_configuration_is_said_to_be_good(kodamad):
    assert kodamad.kodama("config", "check").returncode == 0
    assert 'preset' in kodamad.kodama("config", "show").stdout


def test_missing_configuration_is_refused_by_name(scratch):
    with Kodamad(scratch / "kodama") as daemon:
        daemon.configuration.unlink()
        daemon.spawn()
        assert daemon.wait_end() != 0
        assert str(daemon.configuration) in daemon.log


def test_configuration_that_a_reload_could_not_read_is_told_at_the_start(scratch):
    with Kodamad(scratch / "kodama") as daemon:
        daemon.configuration.chmod(0o600)
        daemon.start()
        daemon.wait_log("no-reload-possible")
        refused = daemon.kodama("reload", check=False)
        assert refused.returncode == 1
        # who has asked is root, and can read it
        assert str(daemon.configuration) in refused.stderr and f"the daemon's user must be able to read it (chgrp {GROUP}" in refused.stderr


def test_missing_account_is_told_with_what_makes_it(scratch):
    with Kodamad(scratch / "kodama", extra='user = "no-such-user"\n') as daemon:
        daemon.spawn()
        assert daemon.wait_end() != 0
        assert "no-such-user: there is no such user (adduser" in daemon.log


def test_bad_rules_stop_the_start_with_file_and_line(scratch):
    with Kodamad(scratch / "kodama") as daemon:
        local = daemon.etc / "local.rules"
        local.write_text("# mine\nrule mine.broken {\n    class = user-unknown\n    text = {'(unclosed'}\n}\n")
        daemon.spawn()
        assert daemon.wait_end() != 0
        assert f"{local}:" in daemon.log and "mine.broken" in daemon.log


@pytest.mark.parametrize("uri, word", [("postgresql://kodama:hidden@127.0.0.1:1/kodama", "postgresql"), ("mysql://kodama:hidden@127.0.0.1/kodama", "mysql")])
def test_unusable_database_stops_the_start_without_a_word_of_its_password(scratch, uri, word):
    with Kodamad(scratch / "kodama", extra=f'store {{ uri = "{uri}" }}\n') as daemon:
        daemon.spawn()
        assert daemon.wait_end() == 1
        assert "store uri" in daemon.log and word in daemon.log and str(daemon.configuration) in daemon.log
        assert "hidden" not in daemon.log


def test_queue_of_another_daemon_stops_the_start_by_name(kodamad, scratch):
    with Kodamad(scratch / "other", extra=f'queue {{ dir = "{kodamad.state}/queue" }}\n') as daemon:
        daemon.spawn()
        assert daemon.wait_end() == 1
        assert f"queue dir {kodamad.state}/queue" in daemon.log and "another process" in daemon.log


def test_taken_socket_stops_the_start_by_name(kodamad, scratch):
    with Kodamad(scratch / "second", kodamad.sockets) as second:
        second.spawn()
        assert second.wait_end() != 0
        assert "milter.sock" in second.log or "policy.sock" in second.log, second.log
    with Milter(kodamad.milter) as session:
        assert session.open_session()[0] == b"c"


def test_stale_sockets_of_a_killed_daemon_are_replaced(kodamad):
    kodamad.kill()
    assert kodamad.milter.exists() and kodamad.policy.exists()
    kodamad.start()
    with Policy(kodamad.policy) as policy:
        assert policy.ask("user@example.com") == "DUNNO"


def test_a_file_in_place_of_a_socket_is_left_alone(scratch):
    with Kodamad(scratch / "kodama") as daemon:
        daemon.milter.write_text("somebody's")
        daemon.spawn()
        assert daemon.wait_end() != 0
        assert daemon.milter.read_text() == "somebody's"


def test_ready_means_that_every_front_answers(scratch):
    with Kodamad(scratch / "kodama") as daemon:
        daemon.start()
        with Milter(daemon.milter) as session, Policy(daemon.policy) as policy:
            assert session.open_session()[0] == b"c"
            assert policy.ask("user@example.com") == "DUNNO"
        assert daemon.kodama("status").returncode == 0


def test_what_was_suppressed_is_refused_from_the_first_request_on(kodamad):
    kodamad.add("gone@example.com")
    kodamad.stop()
    kodamad.start()
    with Policy(kodamad.policy) as policy:
        assert policy.ask("gone@example.com").startswith("550 5.1.1 ")


def test_privileges_are_dropped_in_every_thread(kodamad):
    user, group = pwd.getpwnam(USER), grp.getgrnam(GROUP)
    tasks = list(pathlib.Path(f"/proc/{kodamad.pid}/task").iterdir())
    assert len(tasks) > 1
    for task in tasks:
        status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
        assert status["Uid"].split() == [str(user.pw_uid)] * 4
        assert status["Gid"].split() == [str(group.gr_gid)] * 4
        assert "0" not in status["Groups"].split()
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0


def test_files_and_sockets_have_their_owners_and_modes(kodamad):
    user = pwd.getpwnam(USER)
    kodamad.add("gone@example.com")

    def look(path):
        found = os.lstat(path)
        return stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), found.st_uid

    assert look(kodamad.state) == (stat.S_IFDIR, 0o700, user.pw_uid)
    for path in kodamad.state.rglob("*"):
        kind, mode, owner = look(path)
        assert (mode, owner) == (0o700 if kind == stat.S_IFDIR else 0o600, user.pw_uid), path
    assert kodamad.database.exists()
    for path in (kodamad.milter, kodamad.policy):
        assert look(path)[:2] == (stat.S_IFSOCK, 0o660), path
        assert os.lstat(path).st_gid == grp.getgrnam("postfix").gr_gid, path
    assert look(kodamad.control)[:2] == (stat.S_IFSOCK, 0o660)


def test_other_users_cannot_reach_a_socket(kodamad):
    games = pwd.getpwnam("games")
    for path in (kodamad.milter, kodamad.policy, kodamad.control):
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(games.pw_gid)
            os.setuid(games.pw_uid)
            with socket.socket(socket.AF_UNIX) as link:
                try:
                    link.connect(str(path))
                except PermissionError:
                    os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, path
