# SPDX-License-Identifier: BSD-2-Clause
"""A private instance of Debian's Sendmail on loopback, with the lines of contrib/sendmail/kodama.mc as they stand.

It cannot be installed beside Postfix: contrib/install-packages unpacks it.  It runs in namespaces of its own, because it
wants a host name with a dot, logs to /dev/log and nowhere else, and leaves no process behind when its first one ends.
"""
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess
import sysconfig
import threading

from .mta import Mta, free_port
from .paths import KODAMA, TOP, run
from .wait import until

DOCUMENTED = TOP / "contrib/sendmail/kodama.mc"
UNPACKED = pathlib.Path(os.environ.get("KODAMA_UNPACKED", "/var/cache/kodama-unpacked"))
PROGRAM = UNPACKED / "usr/libexec/sendmail/sendmail"
CF = UNPACKED / "usr/share/sendmail/cf"
SOCKETS = "/run/kodama"  # in the documented lines
HOST = "mx.example.jp"

MC = """\
divert(-1)
include(`{cf}/m4/cf.m4')
divert(0)dnl
VERSIONID(`Kodama tests')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`QUEUE_DIR', `{home}/queue')dnl
define(`STATUS_FILE', `{home}/statistics')dnl
define(`HELP_FILE', `{home}/helpfile')dnl
define(`ALIAS_FILE', `{home}/aliases')dnl
define(`confPID_FILE', `{home}/sendmail.pid')dnl
define(`confSERVICE_SWITCH_FILE', `{home}/service.switch')dnl
define(`confCONTROL_SOCKET_NAME', `')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
dnl the tests stand below /tmp
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
define(`confDONT_PROBE_INTERFACES', `true')dnl
define(`confTO_IDENT', `0')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
dnl a busy machine is no reason to wait, or to refuse
define(`confQUEUE_LA', `9999')dnl
define(`confREFUSE_LA', `9999')dnl
define(`confDELAY_LA', `9999')dnl
define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl
define(`ESMTP_MAILER_ARGS', `TCP $h {relay_port}')dnl
define(`_DEF_LOCAL_MAILER_FLAGS', `lsDFMA5:/|@q')dnl
define(`LOCAL_MAILER_FLAGS', `Pmn9')dnl
define(`LOCAL_MAILER_PATH', `/bin/sh')dnl
define(`LOCAL_MAILER_ARGS', `sh {home}/spool.sh {home}/spool $g $u@example.jp')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`stickyhost')dnl
FEATURE(`promiscuous_relay')dnl
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port={port}')dnl
DAEMON_OPTIONS(`Name=plain, Addr=127.0.0.1, Port={plain_port}, InputMailFilters=')dnl
{more}
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
Cw{host} example.jp
"""

# of sendmail(1), which hands everything to the daemon by SMTP
SUBMIT_MC = """\
divert(-1)
include(`{cf}/m4/cf.m4')
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`MSP_QUEUE_DIR', `{home}/clientmqueue')dnl
define(`confSERVICE_SWITCH_FILE', `{home}/service.switch')dnl
define(`confRUN_AS_USER', `nobody:nogroup')dnl
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl
FEATURE(`msp', `[127.0.0.1]')dnl
"""

# a /dev with a log that is ours, and names that no server is asked for
BEGIN = """\
hostname {host} && mount -t tmpfs dev {home}/dev && cd {home}/dev || exit
mknod null c 1 3 && mknod zero c 1 5 && mknod random c 1 8 && mknod urandom c 1 9 && mknod tty c 5 0 && chmod 666 * || exit
ln -s /proc/self/fd fd && ln -s {home}/log.sock log && mount --bind {home}/dev /dev && cd / || exit
mount --bind {home}/hosts /etc/hosts && mount --bind {home}/nsswitch.conf /etc/nsswitch.conf || exit
"$@"
"""


def install_program(folder):
    """The command, where a mailer's user can reach it.  LeakSanitizer may not look into a process that has changed its user, and a
    mailer keeps no environment that would tell it so."""
    binary, program = folder / "kodama.bin", folder / "kodama"
    shutil.copy(KODAMA, binary)
    program.write_text(f'#!/bin/sh\nASAN_OPTIONS=detect_leaks=0 exec {binary} "$@"\n')
    for path in (binary, program):
        path.chmod(0o755)
    return program


class Sendmail(Mta):
    """home: its folder.  relay_port: where all mail goes but that for example.jp, which goes to `spool`.
    kodama: with the documented lines, the sockets in `sockets`.  aliases: {local part: what it stands for}.
    settings: m4 for sendmail.mc.  options: for its command line.  plain_port: where no milter is asked."""

    def __init__(self, home, relay_port, kodama=True, aliases=None, settings="", options=()):
        self.home = pathlib.Path(home)
        self.queue, self.spool, self.sockets = self.home / "queue", self.home / "spool", self.home / "sockets"
        for folder in (self.home, self.queue, self.spool, self.sockets, self.home / "dev"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.spool, nobody.pw_uid, nobody.pw_gid)
        run(TOP / "contrib/install-packages", "unpack")
        self.environment = {**os.environ, "LD_LIBRARY_PATH": f"{UNPACKED}/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"}
        self.port, self.plain_port = free_port(), free_port()
        self.write_spool_script()
        (self.home / "service.switch").write_text("hosts files\naliases files\n")
        (self.home / "hosts").write_text(f"127.0.0.1 {HOST} localhost\n")
        (self.home / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\nservices: files\n")
        (self.home / "helpfile").write_text("")
        self.options = options
        documented = DOCUMENTED.read_text().replace(SOCKETS, str(self.sockets)) if kodama else ""
        (self.home / "clientmqueue").mkdir(mode=0o770, exist_ok=True)
        os.chown(self.home / "clientmqueue", nobody.pw_uid, nobody.pw_gid)
        self.submit_cf = self._make_cf("submit", SUBMIT_MC.format(cf=CF, home=self.home, host=HOST, port=self.port))
        self.cf = self._make_cf("sendmail", MC.format(cf=CF, home=self.home, host=HOST, relay_port=relay_port, port=self.port,
                                 plain_port=self.plain_port, more=documented + settings))
        self.set_aliases(aliases or {})
        self.process = None
        self._listen_to_log()

    def _make_cf(self, name, mc):
        (self.home / f"{name}.mc").write_text(mc)
        cf = self.home / f"{name}.cf"
        cf.write_text(run("m4", f"-D_CF_DIR_={CF}/", self.home / f"{name}.mc").stdout)
        return cf

    def set_aliases(self, aliases):
        """At any time; nobody and the owners of programs get what has no other way."""
        lines = {"postmaster": "sender", "mailer-daemon": "sender", **aliases}
        (self.home / "aliases").write_text("".join(f"{name}: {target}\n" for name, target in lines.items()))
        run(*self._place(), PROGRAM, "-C", self.cf, "-bi", env=self.environment)

    def _place(self, *namespaces):
        """What runs the command behind it in a place of its own."""
        return ("unshare", "--uts", "--mount", *namespaces, "sh", "-c", BEGIN.format(host=HOST, home=self.home), "sh")

    def _listen_to_log(self):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        link.bind(str(self.home / "log.sock"))
        (self.home / "log.sock").chmod(0o666)
        threading.Thread(target=self._write_log, args=(link,), daemon=True).start()

    def _write_log(self, link):
        """As a syslog daemon does: the time that the program said, the host, the rest."""
        with open(self.home / "mail.log", "ab", buffering=0) as log:
            while True:
                line = link.recv(65536).rstrip(b"\0\n")
                log.write(re.sub(rb"^<\d+>(\w{3} [ \d]\d \S+) ", rb"\1 mx ", line) + b"\n")

    # --- life

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is not None:
            print(f"--- {self.home}/mail.log\n{self.log}")

    def start(self):
        # the shell is the first process of the namespace: when it ends, the kernel ends all others
        place = self._place("--pid", "--fork", "--kill-child")
        self.process = subprocess.Popen([*place, PROGRAM, "-C", self.cf, "-L", "sm-mta", "-bD", "-q1s", *self.options],
                                        stdin=subprocess.DEVNULL, env=self.environment)
        until(self.is_listening, lambda: f"Sendmail on its port\n{self.log}")

    def stop(self):
        """At once, with all that it has started; its queue stays."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            # what a queue runner that was killed was just writing: Sendmail would wait for its end
            for left in self.queue.glob("tf*"):
                left.unlink()

    # --- sending

    def _enter(self, *command, **options):
        """Runs something where the daemon runs."""
        inside = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0]
        return run("nsenter", "-t", inside, "--uts", "--mount", *command, env=self.environment, **options)

    def sendmail(self, recipients, message, sender="sender@example.jp"):
        """By sendmail(1) without a submission program (MSP): what no milter ever sees."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        self._enter(PROGRAM, "-C", self.cf, "-L", "sendmail", "-i", "-f", sender, "--", *recipients, input=message)

    def submit(self, recipients, message, sender="sender@example.jp"):
        """By sendmail(1) as Debian sets it up: a submission program (MSP), which speaks SMTP with the daemon.  Its exit status."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        # its exit status tells its caller of a refusal at once
        return self._enter(PROGRAM, "-C", self.submit_cf, "-L", "sm-msp", "-Ac", "-i", "-f", sender, "--", *recipients,
                           input=message, check=False).returncode

    # --- looking

    def get_queue(self):
        """The names of the queue files of what is queued."""
        return sorted(path.name for path in self.queue.glob("[qhQ]f*")) + sorted(
            path.name for path in (self.home / "clientmqueue").glob("[qhQ]f*"))
