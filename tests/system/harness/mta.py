# SPDX-License-Identifier: BSD-2-Clause
"""What the private MTAs have in common: how mail is given to them, and where it is looked for afterwards."""
import contextlib
import email
import itertools
import os
import re
import smtplib
import socket

from .wait import until

# one file a recipient, whole when it has its name
SPOOL = """\
#!/bin/sh
file=$(mktemp "$1/.XXXXXXXXXX") || exit 75
{ printf 'X-Envelope: <%s> <%s>\\n' "$2" "$3" && cat; } >"$file" || exit 75
mv "$file" "$1/$(basename "$file" | tr -d .).eml"
"""


# Below the ports that the system gives out to clients (32768 and up): else a connection of another test could be given one of these between
# its choice and its use.  Each process of the tests has a hundred of its own to begin with.
PORTS = itertools.cycle(range(10000, 30000))
for _ in range(os.getpid() * 37 % 200 * 100):
    next(PORTS)


def free_port():
    for port in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    return None


class Mta:
    """home: its folder, with the log, and in `spool` the mails for example.jp; port: where it listens."""

    def write_spool_script(self):
        script = self.home / "spool.sh"
        script.write_text(SPOOL)
        script.chmod(0o755)

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

    # --- looking

    def get_queue(self):
        raise NotImplementedError

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

    def wait_bounce(self, recipient, holds=""):
        """The DSN about that recipient, parsed; one with that text in it."""
        wanted = re.compile(rf"^Final-Recipient: rfc822; ?{re.escape(recipient)}$", re.M | re.I)
        found = until(lambda: [text for _, text in self.get_spooled() if wanted.search(text) and holds in text],
                      lambda: f"a report about {recipient}\n{self.log}")
        return email.message_from_string(found[0])

    def get_log_lines(self, pattern):
        return [line for line in self.log.splitlines() if re.search(pattern, line)]
