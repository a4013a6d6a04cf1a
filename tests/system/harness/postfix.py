# SPDX-License-Identifier: BSD-2-Clause
"""A private instance of Debian's Postfix on loopback, with the lines of contrib/postfix/main.cf as they stand."""
import email
import json
import os
import pathlib
import pwd
import re
import smtplib
import socket
import stat

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

# one file a recipient, whole when it has its name
SPOOL = """\
#!/bin/sh
file=$(mktemp "$1/.XXXXXXXXXX") || exit 75
{ printf 'X-Envelope: <%s> <%s>\\n' "$2" "$3" && cat; } >"$file" || exit 75
mv "$file" "$1/$(basename "$file" | tr -d .).eml"
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postfix:
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
        script = self.home / "spool.sh"
        script.write_text(SPOOL)
        script.chmod(0o755)
        more = (DOCUMENTED.read_text() if kodama else "enable_long_queue_ids = yes\n") + settings
        (self.etc / "main.cf").write_text(MAIN.format(home=self.home, relay_port=relay_port, more=more))
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

    def is_listening(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def log(self):
        path = self.home / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- sending

    def client(self, port=None, source="127.0.0.1"):
        """An SMTP client; source: the address it comes from (all of 127/8 is ours)."""
        return smtplib.SMTP("127.0.0.1", port or self.port, "client.example.jp", timeout=60, source_address=(source, 0))

    def send(self, recipients, message, sender="sender@example.jp", source="127.0.0.1", port=None):
        """By SMTP.  The refused ones: {recipient: (code, text)}; all of them refused is no exception here."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        with self.client(port, source) as client:
            try:
                refused = client.sendmail(sender, recipients, message)
            except smtplib.SMTPRecipientsRefused as all_refused:
                refused = all_refused.recipients
        return {recipient: (code, text.decode()) for recipient, (code, text) in refused.items()}

    def sendmail(self, recipients, message, sender="sender@example.jp"):
        """By sendmail(1), as cron and scripts do."""
        recipients = [recipients] if isinstance(recipients, str) else recipients
        run("/usr/sbin/sendmail", "-C", self.etc, "-i", "-f", sender, "--", *recipients, input=message)

    def flush(self):
        run("postqueue", "-c", self.etc, "-f")

    # --- looking

    def get_queue(self):
        """What is queued: objects of postqueue -j."""
        return [json.loads(line) for line in run("postqueue", "-c", self.etc, "-j").stdout.splitlines()]

    def wait_empty(self):
        until(lambda: not self.get_queue(), lambda: f"an empty queue; {self.get_queue()}\n{self.log}")

    def get_spooled(self):
        """The mails for example.jp: (path, text), in no order."""
        return [(path, path.read_text(errors="surrogateescape")) for path in self.spool.glob("*.eml")]

    def find_spooled(self, *texts):
        return [text for _, text in self.get_spooled() if all(wanted in text for wanted in texts)]

    def wait_spooled(self, *texts):
        """The mail that holds all these texts, once it is there."""
        found = until(lambda: self.find_spooled(*texts), lambda: f"a mail with {texts}\n{self.log}")
        return found[0]

    def wait_bounce(self, recipient):
        """The DSN about that recipient, parsed."""
        return email.message_from_string(self.wait_spooled(f"Final-Recipient: rfc822; {recipient}"))

    def get_log_lines(self, pattern):
        return [line for line in self.log.splitlines() if re.search(pattern, line)]


def get_mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)
