# SPDX-License-Identifier: BSD-2-Clause
"""Kodamad on a log, what it has learned from it, and log lines as an MTA would write them."""
import json
import os
import re
import sqlite3
import time

from .kodamad import Kodamad
from .wait import until


def follow(log, trust="yes", start="end", extra=""):
    """Configuration: everything is on loopback here, so loopback delivers."""
    return f'maillog {{ file = "{log}"  trust = {trust}  start = {start} }}\ndelivers = {{"127.0.0.1"}}\n{extra}'


class Follower(Kodamad):
    """What it knows is read from its database, beside it: a test sees what a crash would leave."""

    def query(self, text, *values):
        link = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return link.execute(text, values).fetchall()
        finally:
            link.close()

    def get_group(self, name):
        """One part of kodama status."""
        return json.loads(self.kodama("status", "--format=json").stdout)[name]

    def get_status(self):
        """The follower's."""
        return self.get_group("maillog")

    def get_outcomes(self, address):
        return self.query("SELECT class, decision, proof, source FROM outcomes WHERE address = ? ORDER BY id", address)

    def get_counts(self):
        """{class: number} of all that was counted."""
        return dict(self.query("SELECT class, SUM(count) FROM counts GROUP BY class"))

    def get_place(self):
        """Bytes of the file that are committed."""
        rows = self.query("SELECT value FROM positions WHERE name LIKE 'log:%'") if self.database.exists() else []
        return int(rows[0][0].split()[2]) if rows else None

    def wait_read(self, log):
        """Everything in the file is committed."""
        until(lambda: self.get_place() == os.path.getsize(log), lambda: f"{log} to be read; at {self.get_place()}\n{self.log}")

    def wait_outcomes(self, address, count=1):
        return until(lambda: (lambda rows: rows if len(rows) >= count else None)(self.get_outcomes(address)),
                     lambda: f"{count} outcomes of {address}; there are {self.query('SELECT address, class, decision FROM outcomes')}\n{self.log}")


class LogFile:
    """A log that a test writes: lines of Postfix on the host mx, of a minute ago."""

    def __init__(self, path):
        self.path = path
        path.touch()
        path.chmod(0o644)
        self.number = 0

    def write(self, *lines):
        with open(self.path, "ab") as log:
            log.write(b"".join(line if isinstance(line, bytes) else line.encode() + b"\n" for line in lines))

    def line(self, text, program="postfix/smtp", age_s=60):
        return f"{time.strftime('%b %e %H:%M:%S', time.localtime(time.time() - age_s))} mx {program}[123]: {text}"

    def make_id(self):
        self.number += 1
        return f"4jX{self.number:07d}z1cMMW"

    def message(self, *deliveries, sender="sender@example.jp", queue_id=None, message_id=None, age_s=60, removed=True):
        """The lines of a message; a delivery is (recipient, status, text) and any of relay, orig_to, dsn, program.  Its queue id."""
        queue_id = queue_id or self.make_id()
        lines = [self.line(f"{queue_id}: client=localhost[127.0.0.1]", "postfix/smtpd", age_s),
                 self.line(f"{queue_id}: message-id=<{message_id or queue_id + '@example.jp'}>", "postfix/cleanup", age_s),
                 self.line(f"{queue_id}: from=<{sender}>, size=399, nrcpt={len(deliveries)} (queue active)", "postfix/qmgr", age_s)]
        for recipient, status, text, *more in deliveries:
            lines.append(self.delivery(queue_id, recipient, status, text, age_s=age_s, **(more[0] if more else {})))
        if removed:
            lines.append(self.line(f"{queue_id}: removed", "postfix/qmgr", age_s))
        self.write(*lines)
        return queue_id

    def delivery(self, queue_id, recipient, status, text, relay="127.0.0.1[127.0.0.1]:25", orig_to=None, dsn=None, program="postfix/smtp", age_s=60):
        code = re.search(r"\b([245]\.\d+\.\d+)\b", text)
        dsn = dsn or (code.group(1) if code else {"sent": "2.0.0", "deferred": "4.0.0"}.get(status, "5.0.0"))
        orig = f"orig_to=<{orig_to}>, " if orig_to else ""
        return self.line(f"{queue_id}: to=<{recipient}>, {orig}relay={relay}, delay=0.09, delays=0/0/0.04/0.05, dsn={dsn}, "
                         f"status={status} ({text})", program, age_s)


def said(reply, command="RCPT TO"):
    return f"host mx.example.com[192.0.2.1] said: {reply} (in reply to {command} command)"


SENT = "250 2.0.0 Ok: queued as 4jX"
UNKNOWN = said("550 5.1.1 No such user here")
FULL = said("552 5.2.2 Mailbox full")
BUSY = said("451 4.3.2 Please try again later")
