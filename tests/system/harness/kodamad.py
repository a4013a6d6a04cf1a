# SPDX-License-Identifier: BSD-2-Clause
"""The daemon from the build folder, with a configuration of its own, started and watched as a service manager would."""
import grp
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import threading

from .paths import DEADLINE_S, ETC, KODAMA, KODAMAD, run
from .wait import until

# No account is made on the machine that runs the tests: the daemon becomes an unprivileged one that every Debian has.
USER = "nobody"
GROUP = "nogroup"
SOCKET_GROUP = "postfix"  # the default of milter group and policy group

CONFIGURATION = """\
host             = "mx.example.jp"
user             = "{user}"
group            = "{group}"
local-submission = trusted
local-domains    = {{"example.jp"}}
trusted-networks = {{"127.0.0.1/32"}}
milter  {{ socket = "unix:{sockets}/milter.sock" }}
policy  {{ listen = "unix:{sockets}/policy.sock" }}
socketmap {{ listen = "unix:{sockets}/map.sock" }}
ingest  {{ listen = "unix:{run}/ingest.sock" }}
control {{ socket = "unix:{run}/control.sock"  group = "{group}" }}
store   {{ uri = "sqlite:{state}/kodama.db" }}
queue   {{ dir = "{state}/queue" }}
"""


class Kodamad:
    """home: its folder. sockets: where the MTA finds them. extra: configuration added at the end."""

    def __init__(self, home, sockets=None, extra=""):
        self.home = pathlib.Path(home)
        self.etc = self.home / "etc"
        self.run = self.home / "run"
        self.state = self.home / "state"
        self.sockets = pathlib.Path(sockets) if sockets else self.home / "sockets"
        for folder in (self.home, self.etc, self.run, self.state, self.sockets):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        user = pwd.getpwnam(USER)
        for folder, mode in ((self.run, 0o755), (self.state, 0o700), (self.sockets, 0o755)):
            folder.chmod(mode)
            os.chown(folder, user.pw_uid, user.pw_gid)
        os.chown(self.sockets, user.pw_uid, grp.getgrnam(SOCKET_GROUP).gr_gid)
        # copied, because the daemon's user may not be able to reach the source tree
        shutil.copytree(ETC, self.etc, dirs_exist_ok=True, ignore=shutil.ignore_patterns("local.mk"))
        run("chmod", "-R", "go+rX", self.etc)
        self.milter = self.sockets / "milter.sock"
        self.policy = self.sockets / "policy.sock"
        self.map = self.sockets / "map.sock"
        self.ingest = self.run / "ingest.sock"
        self.control = self.run / "control.sock"
        self.database = self.state / "kodama.db"
        self.log_path = self.home / "kodamad.log"
        self.configuration = self.etc / "kodama.conf"
        self.configure(extra)
        self.process = None
        self.notices = []

    def configure(self, extra="", text=CONFIGURATION):
        self.configuration.write_text(text.format(user=USER, group=GROUP, run=self.run,
                                                  sockets=self.sockets, state=self.state) + extra)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        # the tests of the orderly stop call stop(); for all others this is the end that they must survive anyway
        if self.process and self.process.poll() is None:
            self.kill()
        if kind is not None:
            print(f"--- {self.log_path}\n{self.log}")
        else:
            assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log

    # --- life

    def spawn(self, *arguments, environment=None, wrapper=()):
        """Starts it and does not wait."""
        self._listen()
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.home / "notify.sock"), **(environment or {})}
        # once it is another user LeakSanitizer may not look into it (ptrace); the unit tests look for leaks
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*wrapper, str(KODAMAD), "--etc", str(self.etc), "--foreground", *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        return self

    def start(self, *arguments, **options):
        """Starts it and waits until it says that it is ready."""
        self.spawn(*arguments, **options)
        self.wait_notice("READY=1")
        return self

    def _listen(self):
        path = self.home / "notify.sock"
        path.unlink(missing_ok=True)
        self.notices = []
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(str(path))
        path.chmod(0o666)
        # all the time: a service manager that does not read would hold up the daemon
        threading.Thread(target=self._collect_notices, args=(notify, self.notices), daemon=True).start()

    @staticmethod
    def _collect_notices(notify, notices):
        while True:
            notices.extend(notify.recv(65536).decode().split("\n"))

    def wait_notice(self, notice, deadline_s=DEADLINE_S):
        """Waits for a line of sd_notify; those that came before it are forgotten."""
        def arrived():
            if notice in self.notices:
                del self.notices[:self.notices.index(notice) + 1]
                return True
            if self.process.poll() is not None:
                raise AssertionError(f"kodamad ended with {self.process.returncode} before {notice}\n{self.log}")
            return False
        until(arrived, lambda: f"{notice} from kodamad; it said\n{self.log}", deadline_s)

    def wait_end(self):
        return self.process.wait(timeout=DEADLINE_S)

    def stop(self):
        """The orderly stop; a sanitizer's complaint is an exit status too."""
        self.signal(signal.SIGTERM)
        status = self.wait_end()
        assert status == 0, f"kodamad ended with {status}\n{self.log}"

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait_end()

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        """By SIGUSR1; returns when it says that it is done."""
        self.notices.clear()
        self.signal(signal.SIGUSR1)
        self.wait_notice("READY=1")

    # --- what it says

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, text):
        until(lambda: text in self.log, lambda: f"{text!r} in the log:\n{self.log}")

    # --- the command, as its operator runs it

    def kodama(self, *arguments, **options):
        return run(KODAMA, arguments[0], "--etc", self.etc, *arguments[1:], **options)

    def get_suppressed(self):
        """The addresses on the list, sorted."""
        lines = self.kodama("suppress", "list", "--format=json").stdout.splitlines()
        return sorted(json.loads(line)["address"] for line in lines)

    def add(self, address, *arguments):
        self.kodama("suppress", "add", address, *arguments)
