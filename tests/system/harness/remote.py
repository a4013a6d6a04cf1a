# SPDX-License-Identifier: BSD-2-Clause
"""A stand-in for the remote side: an SMTP server that answers each recipient as its local part says.

The words are those that the providers send; the name before the first dot picks them ("gmail.nobody@example.com").
"""
import json
import pathlib
import re
import socketserver
import sys
import threading

# local part up to the first dot -> (the command that it answers, lines)
REPLIES = {
    "gmail": ("RCPT", (
        "550-5.1.1 The email account that you tried to reach does not exist. Please try",
        "550-5.1.1 double-checking the recipient's email address for typos or",
        "550-5.1.1 unnecessary spaces. For more information, go to",
        "550 5.1.1  https://support.google.com/mail/?p=NoSuchUser af79cd13be357-7c5si123456785a.1 - gsmtp")),
    "gmailfull": ("RCPT", (
        "452-4.2.2 The recipient's inbox is out of storage space. Please direct the",
        "452-4.2.2 recipient to",
        "452 4.2.2  https://support.google.com/mail/?p=OverQuotaTemp af79cd13be357 - gsmtp")),
    "gmailauth": ("DATA", (
        "550-5.7.26 Your email has been blocked because the sender is unauthenticated.",
        "550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.",
        "550 5.7.26  https://support.google.com/mail/answer/81126#authentication af79cd13be357 - gsmtp")),
    "yahoojp": ("RCPT", ("550 <{rcpt}>... User unknown",)),
    "yahoojpspam": ("RCPT", ("521 smtp.mail.yahoo.co.jp closing transmission channel. This mail is regarded as spam.",)),
    "microsoft": ("RCPT", ("550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).",)),
    "exchange": ("RCPT", ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {rcpt} not found by SMTP address lookup",)),
    "outlookblock": ("DATA", (
        "550-5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your",
        "550-5.7.1 Internet service provider since part of their network is on our block list (S3150).",
        "550 5.7.1 You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.")),
    "lineworks": ("RCPT", ("550 5.1.1 No such user {rcpt} - nsmtp",)),
    "spam": ("DATA", ("550 5.7.1 Your mail is classified as SPAM and REJECTED",)),
    "dnsbl": ("RCPT", (
        "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
        "https://www.spamhaus.org/query/ip/192.0.2.1",)),
    "unknown": ("RCPT", ("550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown in virtual mailbox table",)),
    "ours": ("RCPT", ("550 5.1.1 <{rcpt}>: suppressed since 2026-11-21: user-unknown (kodama-suppressed)",)),
    "full": ("RCPT", ("552 5.2.2 <{rcpt}>: Mailbox full",)),
    # log lines in the words: of Postfix, and of Sendmail
    "hostile": ("RCPT", (
        "550-5.1.1 no) to=<injected@example.com>, relay=mx[192.0.2.4]:25, delay=1, dsn=5.1.1, status=bounced (User unknown",
        "550 5.1.1 no, to=<injected@example.com>, mailer=esmtp, relay=mx [192.0.2.4], dsn=5.1.1, stat=User unknown")),
    "hostilefirst": ("RCPT", (
        "550 5.1.1 no, stat=Sent, to=<injected@example.com>, mailer=esmtp, relay=mx [192.0.2.4], dsn=5.1.1, reply=550 5.1.1 no, stat=User unknown",)),
    "busy": ("RCPT", ("451 4.3.2 Please try again later",)),
    "throttled": ("RCPT", (
        "550 5.7.1 Unfortunately, messages from [192.0.2.9] weren't sent. The mail server IP has exceeded the rate limit allowed (RP-001).",)),
}


def find_reply(recipient, command):
    entry = REPLIES.get(recipient.partition("@")[0].partition(".")[0].lower())
    return [line.format(rcpt=recipient) for line in entry[1]] if entry and entry[0] == command else None


class Session(socketserver.StreamRequestHandler):
    def say(self, *lines):
        self.wfile.write("".join(line + "\r\n" for line in lines).encode())

    def handle(self):
        self.sender, self.recipients = "", []
        self.say("220 mx.remote.test ESMTP")
        for line in self.rfile:
            line = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = line.partition(" ")[0].upper()
            if verb == "QUIT":
                self.say("221 2.0.0 Bye")
                return
            getattr(self, "on_" + verb.lower(), self.on_other)(line)

    def on_ehlo(self, _):
        extensions = ["PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8"]
        if self.server.remote.dsn:
            extensions.append("DSN")
        lines = ["mx.remote.test", *extensions]
        self.say(*("250-" + line for line in lines[:-1]), "250 " + lines[-1])

    def on_mail(self, line):
        self.sender, self.recipients = re.search(r"<(.*?)>", line).group(1), []
        self.server.remote.commands.append(line)
        self.say("250 2.1.0 Ok")

    def on_rcpt(self, line):
        recipient = re.search(r"<(.*?)>", line).group(1)
        reply = find_reply(recipient, "RCPT")
        if not reply:
            self.recipients.append(recipient)
        self.say(*(reply or ["250 2.1.5 Ok"]))

    def on_data(self, _):
        if not self.recipients:
            self.say("554 5.5.1 No valid recipients")
            return
        self.say("354 End data with <CR><LF>.<CR><LF>")
        body = b""
        for line in self.rfile:
            if line == b".\r\n":
                break
            body += line[1:] if line.startswith(b".") else line
        replies = [find_reply(recipient, "DATA") for recipient in self.recipients]
        reply = next((reply for reply in replies if reply), None)
        if not reply:
            self.server.remote.take(self.sender, self.recipients, body)
        self.say(*(reply or ["250 2.0.0 Ok: queued"]))

    def on_other(self, _):
        self.say("250 2.0.0 Ok")

    on_helo = on_rset = on_other


class Remote:
    """Listens on a port of its own; `mails` is what it took: (sender, recipients, bytes), `commands` every MAIL with its parameters."""

    def __init__(self, port=0, dsn=True, session=Session):
        self.dsn = dsn
        self.mails = []
        self.commands = []
        self.lock = threading.Lock()
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", port), session, bind_and_activate=False)
        self.server.allow_reuse_address = True
        self.server.daemon_threads = True
        self.server.request_queue_size = 128
        self.server.remote = self
        self.server.server_bind()
        self.server.server_activate()
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def take(self, sender, recipients, body):
        with self.lock:
            self.mails.append((sender, list(recipients), body))

    def find(self, text):
        """The mails that contain those bytes."""
        with self.lock:
            return [mail for mail in self.mails if text in mail[2]]

    def get_recipients(self, text):
        """Who got the mails that contain those bytes, sorted."""
        return sorted(recipient for mail in self.find(text) for recipient in mail[1])


class SpoolingRemote(Remote):
    """For contrib/quickstart: what it takes becomes files."""

    def __init__(self, port, spool):
        super().__init__(port)
        self.spool = pathlib.Path(spool)

    def take(self, sender, recipients, body):
        super().take(sender, recipients, body)
        name = self.spool / f"{len(self.mails):03d}"
        name.with_suffix(".json").write_text(json.dumps({"sender": sender, "recipients": recipients}) + "\n")
        name.with_suffix(".eml").write_bytes(body)


if __name__ == "__main__":
    with SpoolingRemote(int(sys.argv[1]), sys.argv[2]):
        threading.Event().wait()
