# SPDX-License-Identifier: BSD-2-Clause
"""The unit under a real systemd: the first process of namespaces of its own, with no unit but ours, so that nothing of this machine is started.
What the unit takes from kodamad (files, calls, capabilities) is what it can do without."""
import json
import re
import shutil
import subprocess

import pytest

from harness.paths import BUILD, reachable, run
from harness.wait import until

GROUP = 64001
# what our unit names, and what every unit has; empty
TARGETS = ("sysinit.target", "basic.target", "shutdown.target", "network.target", "multi-user.target", "syslog.socket")

BEGIN = """\
mount --make-rprivate / && mount -t tmpfs run /run && mount -t proc proc /proc && mount -t cgroup2 cgroup /sys/fs/cgroup || exit
mount --bind {installed}{prefix} {prefix} && mount --bind {home}/passwd /etc/passwd && mount --bind {home}/group /etc/group || exit
mount -t tmpfs spool /var/spool && mount -t tmpfs lib /var/lib && install -d -o postfix -g postfix /var/spool/postfix || exit
exec env -i PATH="$PATH" container=other SYSTEMD_UNIT_PATH={home}/units /lib/systemd/systemd --system --unit=boot.target \
    --log-target=console --log-color=no --show-status=no --default-standard-output=null
"""


class Machine:
    """installed: where make install has put everything, the prefix at its place below."""

    def __init__(self, home, installed):
        unit = next(installed.rglob("kodamad.service")).read_text()
        self.home, self.prefix = home, re.search(r"^ExecStart=(/.*)/sbin/kodamad", unit, re.M)[1]
        units = home / "units"
        units.mkdir()
        for name in TARGETS:
            kind = "[Socket]\nListenDatagram=/run/none\n" if name.endswith(".socket") else ""
            (units / name).write_text(f"[Unit]\nDefaultDependencies=no\n{kind}")
        (units / "boot.target").write_text("[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\nWants=kodamad.service\n")
        (units / "kodamad.service").write_text(unit)
        # there is no journal; and who has another user may not be looked into by LeakSanitizer
        (units / "kodamad.service.d").mkdir()
        (units / "kodamad.service.d/log.conf").write_text(f"[Service]\nStandardError=append:{home}/log\nEnvironment=ASAN_OPTIONS=detect_leaks=0\n")
        for name, line in (("passwd", f"kodama:x:{GROUP}:{GROUP}::/nonexistent:/usr/sbin/nologin\n"), ("group", f"kodama:x:{GROUP}:\n")):
            with open(f"/etc/{name}", encoding="utf-8") as file:
                (home / name).write_text("".join(each for each in file if not each.startswith("kodama:")) + line)
        (home / "begin.sh").write_text(BEGIN.format(installed=installed, prefix=self.prefix, home=home))

    def __enter__(self):
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "sh", self.home / "begin.sh"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, kind, *_):
        self.process.kill()
        self.process.wait()
        if kind is not None:
            print(f"--- {self.home}/log\n{self.log}")

    @property
    def log(self):
        return (self.home / "log").read_text(errors="replace")

    def get_children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            return children.read().split()

    def run(self, *command, **options):
        inside = until(self.get_children, lambda: f"systemd\n{self.log}")[0]
        return run("nsenter", "-t", inside, "--pid", "--mount", "--uts", "--ipc", *command, **options)

    def kodama(self, *arguments):
        return self.run(f"{self.prefix}/bin/kodama", *arguments).stdout

    def show(self):
        """What systemd says of the unit, at one moment."""
        names = "ActiveState,MainPID,Result"
        lines = self.run("systemctl", "show", "-p", names, "kodamad.service", check=False).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)

    def wait_active(self, not_pid="0"):
        """Its process, another one than that."""
        def is_active():
            said = self.show()
            return said.get("ActiveState") == "active" and said["MainPID"] not in ("0", not_pid) and said["MainPID"]
        return until(is_active, lambda: f"kodamad under systemd: {self.show()}\n{self.log[-5000:]}")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    installed = reachable(tmp_path_factory.mktemp("in"))
    run("make", "-C", BUILD, "install", f"DESTDIR={installed}")
    home = reachable(tmp_path_factory.mktemp("sd"))
    # the daemon's user must be able to read it
    shutil.chown(next(installed.rglob("kodama.conf")), "root", GROUP)
    with Machine(home, installed) as machine:
        yield machine


def test_unit_starts_reloads_comes_back_and_stops(machine):
    pid = machine.wait_active()
    machine.kodama("suppress", "add", "gone@example.com")
    status = json.loads(machine.kodama("status", "--format=json"))
    assert machine.run("stat", "-c", "%U %a", "/var/spool/postfix/kodama/milter.sock").stdout == "kodama 660\n", status
    machine.run("systemctl", "reload", "kodamad.service")
    assert machine.wait_active() == pid
    # it is not root, and cannot become it
    lines = machine.run("cat", f"/proc/{pid}/status").stdout
    assert re.search(r"^Uid:\s+64001\s+64001\s+64001\s+64001$", lines, re.M) and re.search(r"^CapEff:\s+0+$", lines, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", lines, re.M) and re.search(r"^Seccomp:\s+2$", lines, re.M)
    machine.run("systemctl", "kill", "-s", "KILL", "kodamad.service")
    assert machine.wait_active(pid) != pid
    assert "gone@example.com" in machine.kodama("suppress", "list")
    machine.run("systemctl", "stop", "kodamad.service")
    assert machine.show() == {"ActiveState": "inactive", "MainPID": "0", "Result": "success"}
