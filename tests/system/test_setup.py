# SPDX-License-Identifier: BSD-2-Clause
"""kodama setup postfix: on a real Postfix that knows nothing of Kodama."""
import shlex
import shutil

import pytest

from harness.kodamad import Kodamad
from harness.mta import free_port
from harness.paths import KODAMA, run
from harness.postfix import Postfix
from harness.wait import until

GONE = "gone@example.com"
SUBMISSION = """\
127.0.0.1:{port} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory, remote):
    """A Postfix without our lines, with a listener of its own restrictions, and a daemon beside it."""
    home = tmp_path_factory.mktemp("setup")
    home.parent.chmod(0o755)
    home.chmod(0o755)
    mta = Postfix(home / "p", remote.port, kodama=False)
    mta.submission_port = free_port()
    with (mta.etc / "master.cf").open("a") as master:
        master.write(SUBMISSION.format(port=mta.submission_port))
    with mta, Kodamad(home / "kodama", mta.sockets) as daemon:
        # as it is shipped: the sample's commented line
        text = daemon.configuration.read_text()
        daemon.configuration.write_text(text.replace('local-domains    = {"example.jp"}\n', "#local-domains = {}\n"))
        daemon.start()
        daemon.add(GONE)
        mta.daemon = daemon
        yield mta


def run_setup(mta, *options, check=True):
    return run(KODAMA, "setup", "postfix", "--etc", mta.daemon.etc, "--postfix", mta.etc, *options, check=check)


def wait_lines(mta, wanted):
    """Until a new smtpd answers with the new configuration."""
    mta.postfix("reload")
    until(lambda: (mta.send(GONE, "Subject: x\n\n", port=mta.submission_port) == {}) != wanted, "the new configuration in force")


def test_printed_only_nothing_changes(host):
    before = (host.etc / "main.cf").read_text()
    printed = run_setup(host).stdout
    assert "smtpd_milters = { unix:kodama/milter.sock, " in printed
    assert (host.etc / "main.cf").read_text() == before
    assert not (host.etc / "main.cf.before-kodama").exists()


def test_applied_it_works_and_removed_all_is_as_before(host):
    before, master = (host.etc / "main.cf").read_text(), (host.etc / "master.cf").read_text()
    applied = run_setup(host, "--apply").stdout
    assert (host.etc / "main.cf.before-kodama").read_text() == before
    assert 'local-domains = {"example.jp"}' in host.daemon.configuration.read_text()

    # a listener with restrictions of its own: the command that stands in the warning is one that works
    line = next(line for line in applied.splitlines() if "submission" in line or str(host.submission_port) in line)
    arguments = shlex.split(line[line.index("postconf -P"):])
    run("postconf", "-c", host.etc, *arguments[1:])
    wait_lines(host, True)
    for port in (host.port, host.submission_port):
        refused = host.send([GONE, "ok.setup@example.com"], "Subject: x\n\nx\n", port=port)
        assert list(refused) == [GONE] and "(kodama-suppressed)" in refused[GONE][1]
    # Postfix's own bounce passes the milter
    host.send("exchange.setup@example.com", "Subject: y\n\ny\n")
    assert "X-Bounce-Result: mx.example.jp;" in host.wait_bounce("exchange.setup@example.com").as_string()

    assert "nothing to change" in run_setup(host, "--apply").stdout
    assert (host.etc / "main.cf.before-kodama").read_text() == before

    run_setup(host, "--remove")
    (host.etc / "master.cf").write_text(master)
    wait_lines(host, False)
    assert sorted((host.etc / "main.cf").read_text().split("\n")) == sorted(before.split("\n"))
    assert host.send(GONE, "Subject: x\n\nx\n") == {}


def test_a_folder_without_postfix_is_named(host, tmp_path):
    result = run(KODAMA, "setup", "postfix", "--etc", host.daemon.etc, "--postfix", tmp_path, check=False)
    assert result.returncode == 1 and "main.cf" in result.stderr


def test_both_ways_at_once_is_wrong_usage(host):
    assert run_setup(host, "--apply", "--remove", check=False).returncode == 2


def test_a_main_cf_that_cannot_be_kept_is_not_touched(host, tmp_path):
    folder = tmp_path / "etc"
    shutil.copytree(host.etc, folder)
    (folder / "main.cf.before-kodama").unlink(missing_ok=True)
    (folder / "main.cf.before-kodama").mkdir()
    before = (folder / "main.cf").read_text()
    result = run(KODAMA, "setup", "postfix", "--etc", host.daemon.etc, "--postfix", folder, "--apply", check=False)
    assert result.returncode == 1 and "main.cf.before-kodama" in result.stderr
    assert (folder / "main.cf").read_text() == before


def test_a_map_that_is_not_served_is_not_set_up(host):
    configuration = host.daemon.configuration.read_text()
    host.daemon.configuration.write_text(configuration + 'socketmap { listen = "" }\n')
    try:
        result = run_setup(host, "--status-map", check=False)
        assert result.returncode == 1 and "socketmap" in result.stderr
    finally:
        host.daemon.configuration.write_text(configuration)
    assert "socketmap:unix:" in run_setup(host, "--status-map").stdout


def test_a_log_that_the_daemon_may_not_read_is_told(host):
    configuration = host.daemon.configuration.read_text()
    log = host.home / "mail.log"
    host.daemon.configuration.write_text(configuration + f'maillog {{ file = "{log}" }}\n')
    mode = log.stat().st_mode
    try:
        log.chmod(0o600)
        assert f"may not read {log}" in run_setup(host).stdout
        log.chmod(0o644)
        assert "mail.log" not in run_setup(host).stdout
    finally:
        log.chmod(mode)
        host.daemon.configuration.write_text(configuration)


def test_a_socket_that_postfix_may_not_open_is_told(host):
    assert "may not open" not in run_setup(host).stdout
    mode = host.daemon.milter.stat().st_mode
    try:
        host.daemon.milter.chmod(0o600)
        assert f"Postfix's user postfix may not open {host.daemon.milter}" in run_setup(host).stdout
    finally:
        host.daemon.milter.chmod(mode)


def test_a_configuration_that_believes_no_bounce_is_told(host):
    configuration = host.daemon.configuration.read_text()
    assert "suppress nobody" not in run_setup(host).stdout
    try:
        host.daemon.configuration.write_text(configuration.replace("local-submission = trusted", ""))
        assert "suppress nobody" in run_setup(host).stdout
        host.daemon.configuration.write_text(configuration.replace("local-submission = trusted", 'outbound-networks = {"192.0.2.0/24"}'))
        assert "suppress nobody" not in run_setup(host).stdout
    finally:
        host.daemon.configuration.write_text(configuration)
