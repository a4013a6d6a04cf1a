# SPDX-License-Identifier: BSD-2-Clause
"""Mails that tests send: plain ones, and delivery reports that somebody else might have written."""
import itertools

NUMBER = itertools.count(1)


def plain(subject, recipient="user@example.com", body="hello\n", headers=""):
    return (f"From: Sender <sender@example.jp>\nTo: {recipient}\nSubject: {subject}\n"
            f"Date: Sat, 21 Nov 2026 20:36:01 +0000\nMessage-ID: <{next(NUMBER)}.{abs(hash(subject))}@example.jp>\n{headers}\n{body}")


def report(recipient, diagnostic="550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown", status="5.1.1",
           action="failed", host="mx.example.jp", queue_id="4jX3rL3M9mz1cMcN", headers="", subject="Undelivered Mail Returned to Sender"):
    """A delivery report for one recipient (or several, in a list), as Postfix words it."""
    recipients = [recipient] if isinstance(recipient, str) else recipient
    fields = "\n".join(
        f"Final-Recipient: rfc822; {rcpt}\nOriginal-Recipient: rfc822;{rcpt}\nAction: {action}\nStatus: {status}\n"
        f"Remote-MTA: dns; mx.example.com\nDiagnostic-Code: smtp; {diagnostic.format(rcpt=rcpt)}\n" for rcpt in recipients)
    return f"""\
From: Mail Delivery System <MAILER-DAEMON@{host}>
To: sender@example.jp
Subject: {subject}
Date: Sat, 21 Nov 2026 20:36:02 +0000 (UTC)
Message-Id: <report.{next(NUMBER)}@{host}>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"
{headers}
This is a MIME-encapsulated message.

--b1
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered.

--b1
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
X-Postfix-Queue-ID: {queue_id}
X-Postfix-Sender: rfc822; sender@example.jp
Arrival-Date: Sat, 21 Nov 2026 20:36:01 +0000 (UTC)

{fields}
--b1
Content-Description: Undelivered Message
Content-Type: message/rfc822

From: Sender <sender@example.jp>
To: {', '.join(recipients)}
Subject: hello
Message-ID: <orig.{queue_id}@example.jp>

hello

--b1--
"""
