# SPDX-License-Identifier: BSD-2-Clause
"""The list in bulk: import, export, forget, an access map, and what root leaves behind; with the daemon and without."""
import json
import os
import pty
import pwd
import re
import sqlite3
import subprocess
import time

import pytest

from harness import mails
from harness.kodamad import Kodamad, USER
from harness.milter import Milter
from harness.paths import DEADLINE_S, KODAMA
from harness.policy import Policy
from harness.wait import until

SENDGRID = ('email,reason,status,created\r\n'
            'gone@example.com,"550 5.1.1 ""no such"" user",5.1.1,1443651125\r\n'
            'full@example.com,452 mailbox full,4.2.2,1443651125\r\n'
            'no address,550,5.1.1,1443651125\r\n'
            'caf\xe9@example.com,550,5.1.1,1443651125\r\n'
            'last@example.com,550,5.1.1,1443651125\r\n').encode("latin-1")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    for path in (folder, folder.parent, folder.parent.parent):
        path.chmod(0o755)
    return folder


@pytest.fixture(params=["running", "stopped"])
def list_of(request, home):
    """One daemon for all tests of a kind; each empties the list by `forget`."""
    with Kodamad(home / request.node.name.replace("[", "-").replace("]", "")[-40:]) as daemon:
        daemon.start()
        if request.param == "stopped":
            daemon.stop()
        yield daemon


def bounce(daemon, recipient, diagnostic, **options):
    with Milter(daemon.milter) as session:
        session.open_session()
        session.mail("")
        session.recipient("sender@example.jp")
        session.message(mails.report(recipient, diagnostic, **options).encode())


def owner_names(folder):
    return {pwd.getpwuid((folder / name).stat().st_uid).pw_name for name in os.listdir(folder)}


@pytest.mark.parametrize("words, said", [
    (["list"], "no address is suppressed"),
    (["remove", "--class=mailbox-full", "--dry-run"], "nothing would be removed"),
    (["release", "--domain=example.com", "--dry-run"], "nothing would be released"),
])
def test_nothing_is_told_where_people_read(list_of, words, said):
    text = list_of.kodama("suppress", *words)
    assert text.stdout == "" and text.stderr.startswith("kodama: ") and said in text.stderr
    lines = list_of.kodama("suppress", *words, "--format=json")
    assert "row" not in lines.stdout and lines.stderr == ""
    list_of.add("a@example.com")
    assert (list_of.kodama("suppress", *words).stderr == "") == (words == ["list"])
    list_of.kodama("forget", "a@example.com")


def test_a_report_of_nothing_says_why_that_may_be(list_of):
    text = list_of.kodama("report", "--since=1h").stdout
    assert text.startswith("Nothing was counted since ") and "maillog" in text and "0.0 %" not in text
    assert json.loads(list_of.kodama("report", "--since=1h", "--format=json").stdout)["days"] == []


def test_the_list_in_bulk(list_of, scratch):
    daemon = list_of
    path = scratch / "bounces.csv"
    path.write_bytes(SENDGRID)
    tried = daemon.kodama("suppress", "import", "--dry-run", path, check=False)
    assert tried.returncode == 1 and daemon.get_suppressed() == []
    done = daemon.kodama("suppress", "import", path, check=False)
    assert done.returncode == 1
    assert f"{path}:4: " in done.stderr and f"{path}:5: it is not valid UTF-8" in done.stderr
    assert "5 read, 2 added, 0 there already, 1 passed over, 2 refused" in done.stderr
    assert daemon.get_suppressed() == ["gone@example.com", "last@example.com"]
    # once more changes nothing
    assert "0 added, 2 there already" in daemon.kodama("suppress", "import", path, check=False).stderr

    why = daemon.kodama("why", "gone@example.com").stdout
    assert 'sendgrid: 550 5.1.1 "no such" user' in why and "kodama suppress remove" in why

    exported = {form: daemon.kodama("suppress", "export", f"--format={form}").stdout for form in ("csv", "json")}
    access = daemon.kodama("export", "postfix").stdout
    assert "gone@example.com\t550 5.1.1 suppressed since 2015-09-30 (kodama-suppressed)\n" in access
    for address in ("gone@example.com", "last@example.com"):
        assert daemon.kodama("forget", address).stdout == f"{address} is forgotten\n"
    assert daemon.get_suppressed() == []
    assert "gone" not in daemon.kodama("why", "gone@example.com").stdout.replace("mail to gone@example.com", "")
    for form, text in exported.items():
        copy = scratch / f"copy.{form}"
        copy.write_text(text)
        daemon.kodama("suppress", "import", copy)
        assert daemon.kodama("suppress", "export", f"--format={form}").stdout == text
        daemon.kodama("forget", "gone@example.com", "last@example.com")

    # more than one request holds
    many = "".join(f"user{number}@example.com\n" for number in range(7000))
    done = daemon.kodama("suppress", "import", "-", input=many)
    assert "7000 added" in done.stderr and len(daemon.get_suppressed()) == 7000
    assert owner_names(daemon.state) == {USER}


def query(daemon, text):
    link = sqlite3.connect(f"file:{daemon.database}?mode=ro", uri=True)
    try:
        return link.execute(text).fetchall()
    finally:
        link.close()


def test_an_import_that_is_killed_and_run_again_is_as_one_that_was_not(list_of, scratch):
    daemon, count = list_of, 20000
    is_running = daemon.process.poll() is None
    path = scratch / "many"
    path.write_text("".join(f"user{number}@example{number % 7}.com\n" for number in range(count)))
    importing = subprocess.Popen([KODAMA, "suppress", "--etc", daemon.etc, "import", path], stderr=subprocess.PIPE, text=True)
    until(lambda: query(daemon, "SELECT 1 FROM addresses LIMIT 1"), "the first of them")
    if is_running:
        daemon.kill()
    else:
        importing.kill()
    said = importing.communicate()[1]
    assert importing.returncode and (not is_running or "kodama: " in said)
    if is_running:
        daemon.start()
    done = daemon.kodama("suppress", "import", path).stderr
    added, there = (int(number) for number in re.search(r"20000 read, (\d+) added, (\d+) there already, 0 passed over, 0 refused", done).groups())
    assert added + there == count and there > 0
    # each stands there once, was put there once, and is in force
    assert query(daemon, "SELECT count(*) FROM addresses") == query(daemon, "SELECT count(*) FROM enforced") == [(count,)]
    assert query(daemon, "SELECT count(*), count(DISTINCT address) FROM audit WHERE what = 'import'") == [(count, count)]
    if not is_running:
        daemon.start()
    with Policy(daemon.policy) as policy:
        for number in range(0, count, 997):
            assert policy.ask(f"user{number}@example{number % 7}.com").startswith("550 ")


def test_an_import_shows_how_far_it_is(list_of, scratch):
    """On a terminal, once it takes longer than a moment: what has been stored, not what has been read."""
    path = scratch / "many"
    path.write_text("".join(f"user{number}@example.com\n" for number in range(14000)))
    lock = sqlite3.connect(list_of.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    master, slave = pty.openpty()
    begun = time.monotonic()
    importing = subprocess.Popen([KODAMA, "suppress", "--etc", list_of.etc, "import", path], stderr=slave, env={**os.environ, "TERM": "xterm"})
    os.close(slave)
    until(lambda: time.monotonic() - begun > 0.7, "more than a moment")
    lock.close()
    seen = b""
    try:
        while block := os.read(master, 65536):
            seen += block
    except OSError:
        pass  # the other side is closed: Linux says EIO
    os.close(master)
    assert importing.wait(timeout=DEADLINE_S) == 0
    shown = [int(share) for share in re.findall(rb"\] +(\d+)%", seen)]
    assert shown and shown == sorted(shown) and shown[0] < 50 and b"14000 added" in seen, seen


def test_an_import_is_refused_at_the_next_mail(list_of):
    if list_of.process.poll() is not None:
        list_of.start()
    with Policy(list_of.policy) as policy:
        assert policy.ask("new@example.com") == "DUNNO"
        list_of.kodama("suppress", "import", "-", input="new@example.com\n")
        start = time.monotonic()
        until(lambda: policy.ask("new@example.com") != "DUNNO", "the refusal")
        assert time.monotonic() - start < 1


def test_bulk_undo_shows_what_it_would_do_and_does_it(kodamad):
    for number in range(3):
        bounce(kodamad, f"u{number}@example.com", "550-5.1.1 The email account that you tried to reach does not exist. - gsmtp",
               queue_id=f"4jX3rL3M9mz1cMc{number}")
    names = [f"u{number}@example.com" for number in range(3)]
    report = kodamad.kodama("report").stdout
    assert "google" in report and "user-unknown" in report and names[0] in report
    assert json.loads(kodamad.kodama("report", "--format=json").stdout)
    assert kodamad.get_suppressed() == names
    shown = kodamad.kodama("suppress", "remove", "--domain=example.com", "--since=2020-01-01", "--dry-run", "--format=json").stdout.splitlines()
    assert [json.loads(line).get("address") for line in shown][:3] == names
    assert kodamad.get_suppressed() == names
    assert "0 off the list" in kodamad.kodama("suppress", "remove", "--class=mailbox-full").stdout
    assert "3 off the list" in kodamad.kodama("suppress", "remove", "--provider=google", "--note=their outage").stdout
    assert kodamad.get_suppressed() == []
    assert "their outage" in kodamad.kodama("why", names[0]).stdout
    assert kodamad.kodama("suppress", "remove", check=False).returncode == 2


def test_root_leaves_nothing_that_the_daemon_cannot_open(scratch):
    """A folder that is not there yet, as on a first start; and a database that root once made."""
    with Kodamad(scratch / "first") as daemon:
        os.rmdir(daemon.state)
        daemon.kodama("suppress", "add", "a@example.com")
        assert owner_names(daemon.state) == {USER}
        for name in os.listdir(daemon.state):
            os.chown(daemon.state / name, 0, 0)
        daemon.kodama("suppress", "add", "b@example.com")
        assert owner_names(daemon.state) == {USER}
        daemon.start()
        assert daemon.get_suppressed() == ["a@example.com", "b@example.com"]


def test_root_makes_no_database_where_the_daemon_could_not(scratch):
    with Kodamad(scratch / "roots") as daemon:
        os.chown(daemon.state, 0, 0)
        done = daemon.kodama("suppress", "add", "a@example.com", check=False)
        assert done.returncode == 1 and done.stderr.strip()
        assert os.listdir(daemon.state) == []


def test_what_nothing_proves_is_told_while_it_is_remembered(kodamad):
    bounce(kodamad, "victim@example.com", "550 5.1.1 no such user", host="elsewhere.example.net")
    assert kodamad.get_suppressed() == []
    why = kodamad.kodama("why", "victim@example.com").stdout
    assert "unproved" in why and "nothing proves that it is about mail of ours" in why and "would be accepted" in why
