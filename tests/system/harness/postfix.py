# SPDX-License-Identifier: BSD-2-Clause
"""A private instance of Debian's Postfix on loopback, with the lines of contrib/postfix/main.cf as they stand."""
import json
import os
import pathlib
import pwd
import re
import stat

from .mta import Mta, free_port
from .paths import TOP, run
from .wait import until

DOCUMENTED = TOP / "contrib/postfix/main.cf"

MAIN = """\
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/mail.log
maillog_file_prefixes = {home}
myhostname = mx.example.jp
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
relay_domains = example.jp
biff = no
relayhost = [127.0.0.1]:{relay_port}
smtp_tls_security_level = none
smtp_dns_support_level = disabled
smtp_host_lookup = native
transport_maps = inline:{{ {{example.jp=spool:}} }}
smtpd_peername_lookup = no
in_flow_delay = 0
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
{more}
"""

MASTER = """\
127.0.0.1:{port} inet n - {chroot} - - smtpd
127.0.0.1:{plain_port} inet n - n - - smtpd
  -o smtpd_milters=
  -o smtpd_recipient_restrictions=
  -o syslog_name=postfix/plain
pickup unix n - n 1 1 pickup
cleanup unix n - {chroot} - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
spool unix - n n - - pipe flags=Rq user=nobody argv={home}/spool.sh {home}/spool ${{sender}} ${{recipient}}
"""


def keep_last(text):
    """Each parameter once, as it stands last.  Else every process warns of it, postlogd too, which sends that line to itself: where
    its socket is full at that moment it waits for itself for ever, and all of Postfix for it."""
    settings = {}
    for line in re.findall(r"^\w.*(?:\n[ \t].*)*", text, re.M):
        settings[line.partition("=")[0].strip()] = line
    return "\n".join(settings.values()) + "\n"


class Postfix(Mta):
    """home: its folder.  relay_port: where all mail goes but that for example.jp, which goes to `spool`.  `kodama`: with the documented lines."""

    def __init__(self, home, relay_port, kodama=True, chroot=False, settings=""):
        self.home = pathlib.Path(home)
        self.etc, self.queue, self.spool = self.home / "etc", self.home / "queue", self.home / "spool"
        self.sockets = self.queue / "kodama"
        for folder in (self.home, self.etc, self.queue, self.home / "data", self.spool, self.sockets):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        postfix, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        os.chown(self.home / "data", postfix.pw_uid, postfix.pw_gid)
        os.chown(self.spool, nobody.pw_uid, nobody.pw_gid)
        self.port, self.plain_port = free_port(), free_port()
        self.write_spool_script()
        more = (DOCUMENTED.read_text() if kodama else "enable_long_queue_ids = yes\n") + settings
        (self.etc / "main.cf").write_text(keep_last(MAIN.format(home=self.home, relay_port=relay_port, more=more)))
        (self.etc / "master.cf").write_text(MASTER.format(home=self.home, port=self.port, plain_port=self.plain_port,
                                                          chroot="y" if chroot else "n"))

    def __enter__(self):
        self.postfix("start")
        until(self.is_listening, "Postfix on its port")
        return self

    def __exit__(self, kind, *_):
        self.postfix("stop", check=False)
        if kind is not None:
            print(f"--- {self.home}/mail.log\n{self.log}")

    def postfix(self, *arguments, check=True):
        # without a terminal or a controlling session it would ask for none
        return run("postfix", "-c", self.etc, *arguments, check=check)

    def sendmail(self, recipients, message, sender="sender@example.jp"):
        """By sendmail(1), as cron and scripts do."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        run("/usr/sbin/sendmail", "-C", self.etc, "-i", "-f", sender, "--", *recipients, input=message)

    def flush(self):
        run("postqueue", "-c", self.etc, "-f")

    def get_queue(self):
        """What is queued: objects of postqueue -j."""
        return [json.loads(line) for line in run("postqueue", "-c", self.etc, "-j").stdout.splitlines()]


def get_mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)
