# SPDX-License-Identifier: BSD-2-Clause
"""A private PostgreSQL of Debian's packages, on a unix socket: started, stopped, asked."""
import os
import pathlib
import pwd
import signal
import subprocess

from .paths import run
from .wait import until


def find_programs():
    """The newest version that is installed."""
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))


class PostgreSQL:
    def __init__(self, home, password=None, port=5432):
        """password: asked for over TCP (SCRAM); on the unix socket, which has the port in its name, everybody is trusted."""
        self.port = port
        self.home = pathlib.Path(home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.user = pwd.getpwnam("postgres")
        os.chown(self.home, self.user.pw_uid, self.user.pw_gid)
        self.home.chmod(0o755)
        self.programs = find_programs()
        self.process = None
        words = []
        if password:
            (self.home / "password").write_text(password + "\n")
            words = ["--auth-host=scram-sha-256", f"--pwfile={self.home}/password"]
        run(self.programs / "initdb", "-D", self.home / "data", "--auth-local=trust", *(words or ["--auth-host=trust"]), "-U", "kodama", "-E", "UTF8", "--locale=C.UTF-8", "-N",
            **self.as_user)

    @property
    def as_user(self):
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": [], "cwd": "/"}

    @property
    def uri(self):
        return f"postgresql:///postgres?host={self.home}&user=kodama"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self, settings=("fsync=off",)):
        options = [word for setting in settings for word in ("-c", setting)]
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.home / "data", "-k", self.home, "-c", f"port={self.port}", "-c", "listen_addresses=", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.as_user)
        until(lambda: self.ask("select 1", check=False).returncode == 0, lambda: (self.home / "log").read_text())
        return self

    def stop(self):
        """At once, as a machine that goes down: no client is asked."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=30)
            self.process = None

    def ask(self, statement, check=True, **options):
        return run(self.programs / "psql", "-X", "-A", "-t", "-h", self.home, "-p", str(self.port), "-U", "kodama", "-d", "postgres", "-c", statement, check=check, **options)

    def get(self, statement):
        """The rows, as lists of texts."""
        return [line.split("|") for line in self.ask(statement).stdout.splitlines()]
