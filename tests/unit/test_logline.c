/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of a log: every form of Postfix's and Sendmail's, stamps, and what tries to pose as a field. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "base/zone.h"
#include "evidence/logline.h"

#define HEAD "Nov 21 20:30:21 mx1 "
#define RELAY "relay=mx.example.com[192.0.2.1]:25, delay=0.09, delays=0/0/0.04/0.05, "

struct wanted {
	const char *name, *text;
	enum logline_kind kind;
	enum log_status status;
	const char *program, *instance, *id, *to, *orig_to, *relay, *dsn, *said, *sender, *message_id, *login;
	bool is_doubtful;
};

static const struct wanted postfix_lines[] = {
	{ "smtp sent", HEAD "postfix/smtp[11]: 4jX3kl5Jdtz1cMg1: to=<a@example.com>, " RELAY "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 1F)",
	  LOGLINE_DELIVERY, LOG_STATUS_SENT, "smtp", "postfix", "4jX3kl5Jdtz1cMg1", "a@example.com", NULL, "mx.example.com[192.0.2.1]:25", "2.0.0",
	  "250 2.0.0 Ok: queued as 1F", .sender = NULL },
	{ "smtp bounced, conn_use, orig_to",
	  HEAD "postfix/smtp[11]: 3F2504E04F: to=<a@example.com>, orig_to=<b@example.org>, relay=mx.example.com[192.0.2.1]:25, conn_use=2, delay=1, "
	       "delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command))",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "smtp", "postfix", "3F2504E04F", "a@example.com", "b@example.org", "mx.example.com[192.0.2.1]:25", "5.1.1",
	  "host mx.example.com[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO command)", .sender = NULL },
	{ "smtp deferred, a field of tomorrow",
	  HEAD "postfix/relay/smtp[11]: 4jX3kl5Jdtz1cMg1: to=<a@example.com>, " RELAY "tls=verified, dsn=4.2.2, status=deferred (host x said: 452 4.2.2 full)",
	  LOGLINE_DELIVERY, LOG_STATUS_DEFERRED, "smtp", "postfix", "4jX3kl5Jdtz1cMg1", "a@example.com", NULL, "mx.example.com[192.0.2.1]:25", "4.2.2",
	  "host x said: 452 4.2.2 full", .sender = NULL },
	{ "lmtp to a socket", HEAD "postfix/lmtp[1]: 3F2504E04F: to=<a@example.com>, relay=mx1.example.com[private/dovecot-lmtp], delay=0.1, delays=0/0/0/0, dsn=2.0.0, "
			      "status=sent (250 2.0.0 <a@example.com> abc Saved)",
	  LOGLINE_DELIVERY, LOG_STATUS_SENT, "lmtp", "postfix", "3F2504E04F", "a@example.com", NULL, "mx1.example.com[private/dovecot-lmtp]", "2.0.0",
	  "250 2.0.0 <a@example.com> abc Saved", .sender = NULL },
	{ "local", HEAD "postfix/local[1]: 3F2504E04F: to=<x@example.com>, relay=local, delay=0, delays=0/0/0/0, dsn=5.1.1, status=bounced (unknown user: \"x\")",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "local", "postfix", "3F2504E04F", "x@example.com", NULL, "local", "5.1.1", "unknown user: \"x\"", .sender = NULL },
	{ "virtual", HEAD "postfix/virtual[1]: 3F2504E04F: to=<x@example.com>, relay=virtual, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)",
	  LOGLINE_DELIVERY, LOG_STATUS_SENT, "virtual", "postfix", "3F2504E04F", "x@example.com", NULL, "virtual", "2.0.0", "delivered to maildir", .sender = NULL },
	{ "pipe", HEAD "postfix/pipe[1]: 3F2504E04F: to=<x@example.com>, relay=sorter, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered via sorter service)",
	  LOGLINE_DELIVERY, LOG_STATUS_SENT, "pipe", "postfix", "3F2504E04F", "x@example.com", NULL, "sorter", "2.0.0", "delivered via sorter service", .sender = NULL },
	{ "error", HEAD "postfix/error[1]: 3F2504E04F: to=<x@example.com>, relay=none, delay=0, delays=0/0/0/0, dsn=5.1.1, status=bounced (suppressed (kodama-suppressed))",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "error", "postfix", "3F2504E04F", "x@example.com", NULL, "none", "5.1.1", "suppressed (kodama-suppressed)", .sender = NULL },
	{ "retry", HEAD "postfix/retry[1]: 3F2504E04F: to=<x@example.com>, relay=none, delay=9, delays=9/0/0/0, dsn=4.4.1, "
			"status=deferred (delivery temporarily suspended: connect to mx.example.com[192.0.2.1]:25: Connection timed out)",
	  LOGLINE_DELIVERY, LOG_STATUS_DEFERRED, "retry", "postfix", "3F2504E04F", "x@example.com", NULL, "none", "4.4.1",
	  "delivery temporarily suspended: connect to mx.example.com[192.0.2.1]:25: Connection timed out", .sender = NULL },
	{ "probe", HEAD "postfix/smtp[1]: 3F2504E04F: to=<x@example.com>, " RELAY "dsn=5.1.1, status=undeliverable (host x said: 550 5.1.1 no)",
	  LOGLINE_DELIVERY, LOG_STATUS_UNDELIVERABLE, "smtp", "postfix", "3F2504E04F", "x@example.com", NULL, "mx.example.com[192.0.2.1]:25", "5.1.1", "host x said: 550 5.1.1 no", .sender = NULL },
	{ "soft bounce stays in the queue", HEAD "postfix/smtp[1]: 3F2504E04F: to=<x@example.com>, " RELAY "dsn=5.1.1, status=SOFTBOUNCE (host x said: 550 5.1.1 no)",
	  LOGLINE_DELIVERY, LOG_STATUS_DEFERRED, "smtp", "postfix", "3F2504E04F", "x@example.com", NULL, "mx.example.com[192.0.2.1]:25", "5.1.1", "host x said: 550 5.1.1 no", .sender = NULL },
	{ "cut by syslog", HEAD "postfix/smtp[1]: 3F2504E04F: to=<x@example.com>, " RELAY "dsn=5.1.1, status=bounced (host x said: 550 5.1.1 no such us",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "smtp", "postfix", "3F2504E04F", "x@example.com", NULL, "mx.example.com[192.0.2.1]:25", "5.1.1", "host x said: 550 5.1.1 no such us", .sender = NULL },
	{ "cut before its status", HEAD "postfix/smtp[1]: 3F2504E04F: to=<x@example.com>, relay=mx.example.com[192", LOGLINE_GARBAGE, .to = "x@example.com" },
	{ "of another instance", HEAD "postfix-out/smtp[1]: 3F2504E04F: to=<x@example.com>, " RELAY "dsn=2.0.0, status=sent (250 ok)",
	  LOGLINE_DELIVERY, LOG_STATUS_SENT, "smtp", "postfix-out", "3F2504E04F", "x@example.com", NULL, "mx.example.com[192.0.2.1]:25", "2.0.0", "250 ok", .sender = NULL },
	{ "a login", HEAD "postfix/submission/smtpd[1]: 4jX3kl5Jdtz1cMg1: client=pc.example.com[192.0.2.9], sasl_method=PLAIN, sasl_username=alice@example.com",
	  LOGLINE_CLIENT, .program = "smtpd", .instance = "postfix", .id = "4jX3kl5Jdtz1cMg1", .login = "alice@example.com" },
	{ "a login and its sender", HEAD "postfix/nomilter/smtpd[1]: 3F2504E04F: client=x[192.0.2.9], sasl_method=PLAIN, sasl_username=alice, sasl_sender=bob",
	  LOGLINE_CLIENT, .program = "smtpd", .instance = "postfix", .id = "3F2504E04F", .login = "alice" },
	{ "no login", HEAD "postfix/smtpd[1]: 3F2504E04F: client=x[192.0.2.9]", LOGLINE_CLIENT, .program = "smtpd", .id = "3F2504E04F" },
	{ "pickup", HEAD "postfix/pickup[1]: 3F2504E04F: uid=0 from=<root>", LOGLINE_CLIENT, .program = "pickup", .id = "3F2504E04F" },
	{ "message id", HEAD "postfix/cleanup[1]: 3F2504E04F: message-id=<1@example.com>", LOGLINE_MESSAGE_ID, .id = "3F2504E04F", .message_id = "1@example.com" },
	{ "message id without brackets", HEAD "postfix/cleanup[1]: 3F2504E04F: message-id=odd one", LOGLINE_MESSAGE_ID, .message_id = "odd one" },
	{ "queue active", HEAD "postfix/qmgr[1]: 3F2504E04F: from=<s@example.org>, size=399, nrcpt=1 (queue active)", LOGLINE_FROM, .sender = "s@example.org" },
	{ "null sender", HEAD "postfix/qmgr[1]: 3F2504E04F: from=<>, size=399, nrcpt=1 (queue active)", LOGLINE_FROM, .sender = "" },
	{ "expired", HEAD "postfix/qmgr[1]: 3F2504E04F: from=<s@example.org>, status=expired, returned to sender", LOGLINE_EXPIRED, .sender = "s@example.org" },
	{ "expired by postsuper", HEAD "postfix/qmgr[1]: 3F2504E04F: from=<s@example.org>, status=force-expired, returned to sender", LOGLINE_EXPIRED, .sender = "s@example.org" },
	{ "removed", HEAD "postfix/qmgr[1]: 3F2504E04F: removed", LOGLINE_REMOVED, .id = "3F2504E04F" },
	{ "bounce", HEAD "postfix/bounce[1]: 3F2504E04F: sender non-delivery notification: 4B2504E04F", LOGLINE_NOTICE, .id = "3F2504E04F" },
	{ "delay", HEAD "postfix/bounce[1]: 3F2504E04F: sender delay notification: 4B2504E04F", LOGLINE_NOTICE, .id = "3F2504E04F" },
	{ "postmaster's copy", HEAD "postfix/bounce[1]: 3F2504E04F: postmaster non-delivery notification: 4B2504E04F", LOGLINE_NOTICE, .id = "3F2504E04F" },
	/* passed over */
	{ "reject of smtpd", HEAD "postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.9]: 550 5.1.1 <to=<v@example.com>, dsn=5.1.1>: no; from=<s@example.org> to=<x@example.com>", LOGLINE_OTHER, .program = "smtpd" },
	{ "reject with an id", HEAD "postfix/smtpd[1]: 3F2504E04F: reject: RCPT from x[192.0.2.9]: 550 5.7.1 <x@example.com>: no; from=<a> to=<b>", LOGLINE_OTHER, .program = "smtpd" },
	{ "a header that cleanup shows", HEAD "postfix/cleanup[1]: 3F2504E04F: warning: header Subject: to=<v@example.com>, " RELAY "dsn=5.1.1, status=bounced (no)", LOGLINE_OTHER, .program = "cleanup" },
	{ "a host on the way", HEAD "postfix/smtp[1]: 3F2504E04F: host mx.example.com[192.0.2.1] said: 450 4.2.0 later (in reply to RCPT TO command)", LOGLINE_OTHER, .program = "smtp" },
	{ "a warning", HEAD "postfix/smtpd[1]: warning: to=<v@example.com>, " RELAY "dsn=5.1.1, status=bounced (no)", LOGLINE_OTHER, .program = "smtpd" },
	{ "connect", HEAD "postfix/smtpd[1]: connect from x[192.0.2.9]", LOGLINE_OTHER, .program = "smtpd" },
	{ "an unknown status", HEAD "postfix/smtp[1]: 3F2504E04F: to=<x@example.com>, " RELAY "dsn=5.1.1, status=new (no)", LOGLINE_GARBAGE, .to = "x@example.com" },
	{ "another program", HEAD "dovecot: imap-login: Login: user=<x>", LOGLINE_OTHER, .program = "dovecot" },
	{ "the kernel", HEAD "kernel: [ 12.3] eth0: up", LOGLINE_OTHER, .program = "kernel" },
	/* what poses as a field */
	{ "a reply that holds a delivery", HEAD "postfix/smtp[1]: 3F2504E04F: to=<x@example.com>, " RELAY "dsn=5.0.0, status=bounced (host x said: 550 to=<v@example.com>, relay=none, dsn=5.1.1, status=bounced (gone) (in reply to RCPT TO command))",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "smtp", "postfix", "3F2504E04F", "x@example.com", NULL, "mx.example.com[192.0.2.1]:25", "5.0.0",
	  "host x said: 550 to=<v@example.com>, relay=none, dsn=5.1.1, status=bounced (gone) (in reply to RCPT TO command)", .is_doubtful = true },
	{ "a reply that holds a status", HEAD "postfix/smtp[1]: 3F2504E04F: to=<x@example.com>, " RELAY "dsn=4.0.0, status=deferred (host x said: 450 no, dsn=5.1.1, status=bounced (gone))",
	  LOGLINE_DELIVERY, LOG_STATUS_DEFERRED, "smtp", "postfix", "3F2504E04F", "x@example.com", NULL, "mx.example.com[192.0.2.1]:25", "4.0.0", "host x said: 450 no, dsn=5.1.1, status=bounced (gone)", .sender = NULL },
	{ "a quoted local part that holds a delivery", HEAD "postfix/smtp[1]: 3F2504E04F: to=<\"v@example.com>, relay=none, dsn=5.1.1, status=bounced (gone\"@example.net>, " RELAY "dsn=2.0.0, status=sent (250 ok)",
	  LOGLINE_DELIVERY, LOG_STATUS_SENT, "smtp", "postfix", "3F2504E04F", "\"v@example.com>, relay=none, dsn=5.1.1, status=bounced (gone\"@example.net", NULL, "mx.example.com[192.0.2.1]:25", "2.0.0", "250 ok", .sender = NULL },
	{ "a quote within quotes", HEAD "postfix/smtp[1]: 3F2504E04F: to=<\"a\\\">, status=sent (\"@example.net>, " RELAY "dsn=5.1.1, status=bounced (550 no)",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "smtp", "postfix", "3F2504E04F", "\"a\\\">, status=sent (\"@example.net", NULL, "mx.example.com[192.0.2.1]:25", "5.1.1", "550 no", .sender = NULL },
	{ "the same without its quotes proves nothing", HEAD "postfix/smtp[1]: 3F2504E04F: to=<v@example.com>, relay=none, dsn=5.1.1, status=bounced (gone@example.net>, " RELAY "dsn=2.0.0, status=sent (250 ok)",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "smtp", "postfix", "3F2504E04F", "v@example.com", NULL, "none", "5.1.1", "gone@example.net>, " RELAY "dsn=2.0.0, status=sent (250 ok", .is_doubtful = true },
	{ "a sender that expires", HEAD "postfix/qmgr[1]: 3F2504E04F: from=<x>, status=expired, returned to sender@example.org>, size=399, nrcpt=1 (queue active)",
	  LOGLINE_FROM, .sender = "x>, status=expired, returned to sender@example.org" },
	{ "a message id that is removed", HEAD "postfix/cleanup[1]: 3F2504E04F: message-id=<1>, to=<v@example.com>, status=bounced (x)", LOGLINE_MESSAGE_ID, .message_id = "<1>, to=<v@example.com>, status=bounced (x)" },
};

#define SM_HEAD "Nov 21 20:45:42 mx1 sm-mta[27978]: 6ALKjgGN027975: "
#define SM_MIDDLE "delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=120244, relay=mx.example.com. [192.0.2.1], "

static const struct wanted sendmail_lines[] = {
	{ "from", SM_HEAD "from=<s@example.org>, size=244, class=0, nrcpts=4, msgid=<1@example.org>, proto=ESMTP, daemon=MTA, relay=x [192.0.2.9]", LOGLINE_FROM, .program = "sm-mta", .id = "6ALKjgGN027975",
	  .sender = "s@example.org", .message_id = "1@example.org" },
	{ "from a local user", SM_HEAD "from=root, size=24, class=0, nrcpts=1, msgid=<1@example.org>, relay=root@localhost", LOGLINE_FROM, .sender = "root", .message_id = "1@example.org" },
	{ "from with a queue id's words in its quotes", SM_HEAD "from=<\"a>, size=1\"@example.org>, size=244, class=0, nrcpts=4, relay=x", LOGLINE_FROM, .sender = "\"a>, size=1\"@example.org" },
	{ "sent", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "dsn=2.0.0, stat=Sent (Ok: queued as 57)", LOGLINE_DELIVERY, LOG_STATUS_SENT, "sm-mta", "sm-mta", "6ALKjgGN027975", "<a@example.com>", NULL,
	  "mx.example.com. [192.0.2.1]", "2.0.0", "Sent (Ok: queued as 57)", .sender = NULL },
	{ "bounced", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "dsn=5.1.1, reply=550 5.1.1 <a@example.com>: no such user, stat=User unknown", LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "sm-mta", "sm-mta", "6ALKjgGN027975",
	  "<a@example.com>", NULL, "mx.example.com. [192.0.2.1]", "5.1.1", "550 5.1.1 <a@example.com>: no such user", .sender = NULL },
	{ "the first line only", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "dsn=5.1.1, reply=550-5.1.1 The email account that you, stat=User unknown", LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "sm-mta", "sm-mta",
	  "6ALKjgGN027975", "<a@example.com>", NULL, "mx.example.com. [192.0.2.1]", "5.1.1", "550-5.1.1 The email account that you", .sender = NULL },
	{ "deferred", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "dsn=4.7.0, reply=421 4.7.0 slow down, stat=Deferred: 421-4.7.0 slow", LOGLINE_DELIVERY, LOG_STATUS_DEFERRED, "sm-mta", "sm-mta", "6ALKjgGN027975",
	  "<a@example.com>", NULL, "mx.example.com. [192.0.2.1]", "4.7.0", "421 4.7.0 slow down", .sender = NULL },
	{ "another recipient's reply", SM_HEAD "to=<b@example.com>, " SM_MIDDLE "dsn=4.2.0, reply=421 4.7.0 slow down, stat=Deferred: 421-4.7.0 slow", LOGLINE_DELIVERY, LOG_STATUS_DEFERRED, "sm-mta", "sm-mta",
	  "6ALKjgGN027975", "<b@example.com>", NULL, "mx.example.com. [192.0.2.1]", "4.2.0", "Deferred", .sender = NULL },
	{ "no connection", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "dsn=4.0.0, stat=Deferred: Connection refused by mx.example.com.", LOGLINE_DELIVERY, LOG_STATUS_DEFERRED, "sm-mta", "sm-mta", "6ALKjgGN027975",
	  "<a@example.com>", NULL, "mx.example.com. [192.0.2.1]", "4.0.0", "Deferred: Connection refused by mx.example.com.", .sender = NULL },
	{ "several recipients", SM_HEAD "to=<a@example.com>,<\"b, c\"@example.com>,d@example.com, " SM_MIDDLE "dsn=2.0.0, stat=Sent (ok)", LOGLINE_DELIVERY, LOG_STATUS_SENT, "sm-mta", "sm-mta", "6ALKjgGN027975",
	  "<a@example.com>,<\"b, c\"@example.com>,d@example.com", NULL, "mx.example.com. [192.0.2.1]", "2.0.0", "Sent (ok)", .sender = NULL },
	{ "an alias", SM_HEAD "to=\"|/usr/bin/sort a, b\", ctladdr=<s@example.org> (65534/0), delay=00:00:00, mailer=prog, pri=30000, dsn=2.0.0, stat=Sent", LOGLINE_DELIVERY, LOG_STATUS_SENT, "sm-mta", "sm-mta",
	  "6ALKjgGN027975", "\"|/usr/bin/sort a, b\"", "s@example.org", NULL, "2.0.0", "Sent", .sender = NULL },
	{ "a comment of the client's", SM_HEAD "to=<x(>,v@example.com, mailer=esmtp, relay=a.b, dsn=5.1.1, stat=User unknown)@example.org>, " SM_MIDDLE "dsn=2.0.0, stat=Sent (ok)", LOGLINE_DELIVERY,
	  LOG_STATUS_BOUNCED, "sm-mta", "sm-mta", "6ALKjgGN027975", "<x(>,v@example.com", NULL, "a.b", "5.1.1", "User unknown)@example.org>, " SM_MIDDLE "dsn=2.0.0, stat=Sent (ok)", .is_doubtful = true },
	{ "a quote, quoted once more", SM_HEAD "to=<\"x\\\\\">,v@example.com, mailer=esmtp, relay=a.b, dsn=5.1.1, stat=User unknown\"@example.org>, " SM_MIDDLE "dsn=2.0.0, stat=Sent (ok)", LOGLINE_DELIVERY,
	  LOG_STATUS_BOUNCED, "sm-mta", "sm-mta", "6ALKjgGN027975", "<\"x\\\\\">,v@example.com", NULL, "a.b", "5.1.1", "User unknown\"@example.org>, " SM_MIDDLE "dsn=2.0.0, stat=Sent (ok)", .is_doubtful = true },
	{ "a list of the client's, and its member", SM_HEAD "to=v@example.com, ctladdr=<\"list+x, mailer=e, relay=a.b, dsn=5.1.1, stat=User unknown\"@example.org> (1/1), " SM_MIDDLE "dsn=2.0.0, stat=Sent (ok)",
	  LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "sm-mta", "sm-mta", "6ALKjgGN027975", "v@example.com", "\"list+x", "a.b", "5.1.1",
	  "User unknown\"@example.org> (1/1), " SM_MIDDLE "dsn=2.0.0, stat=Sent (ok)", .is_doubtful = true },
	{ "an old one without dsn", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "stat=User unknown", LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "sm-mta", "sm-mta", "6ALKjgGN027975", "<a@example.com>", NULL,
	  "mx.example.com. [192.0.2.1]", "", "User unknown", .sender = NULL },
	{ "queued", SM_HEAD "to=<a@example.com>, delay=00:00:00, mailer=esmtp, pri=30000, stat=queued", LOGLINE_OTHER, .to = "<a@example.com>" },
	{ "expired", SM_HEAD "6ALKkKGX028584: DSN: Cannot send message for 5 days", LOGLINE_EXPIRED, .id = "6ALKjgGN027975" },
	{ "a DSN", SM_HEAD "6ALKjgGN027978: DSN: User unknown", LOGLINE_NOTICE, .id = "6ALKjgGN027975" },
	{ "a warning", SM_HEAD "6ALKjh0A028100: sender notify: Warning: could not send message for past 4 hours", LOGLINE_NOTICE, .id = "6ALKjgGN027975" },
	{ "a double bounce", SM_HEAD "6ALKi7h1026882: return to sender: User unknown", LOGLINE_NOTICE, .id = "6ALKjgGN027975" },
	{ "a receipt", SM_HEAD "6ALKkInc028562: DSN: Return receipt", LOGLINE_NOTICE, .id = "6ALKjgGN027975" },
	{ "a ruleset", SM_HEAD "ruleset=check_rcpt, arg1=<x@example.com>, relay=localhost [127.0.0.1], reject=550 5.1.1 <x@example.com>... no", LOGLINE_OTHER, .program = "sm-mta" },
	{ "an error", SM_HEAD "SYSERR(root): savemail: cannot save rejected email anywhere", LOGLINE_OTHER, .program = "sm-mta" },
	{ "a reply that says it was sent", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "dsn=5.0.0, reply=550 no, stat=Sent (ok), dsn=2.0.0, stat=Service unavailable", LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "sm-mta", "sm-mta",
	  "6ALKjgGN027975", "<a@example.com>", NULL, "mx.example.com. [192.0.2.1]", "5.0.0", "550 no", .sender = NULL },
	{ "a reply that names another recipient", SM_HEAD "to=<a@example.com>, " SM_MIDDLE "dsn=5.0.0, reply=550 no, to=<v@example.com>, dsn=5.1.1, stat=Service unavailable", LOGLINE_DELIVERY, LOG_STATUS_BOUNCED, "sm-mta",
	  "sm-mta", "6ALKjgGN027975", "<a@example.com>", NULL, "mx.example.com. [192.0.2.1]", "5.0.0", "550 no, to=<v@example.com>, dsn=5.1.1", .sender = NULL },
	{ "another program that looks like it", HEAD "opendkim[7]: 3F2504E04F: DKIM-Signature field added (s=a, d=example.org)", LOGLINE_OTHER, .program = "opendkim" },
};

static void assert_span(const char *name, const char *what, struct span got, const char *wanted)
{
	if (wanted && !span_is_equal(got, span_of(wanted)))
		fail_msg("%s: %s is '%.*s', not '%s'", name, what, SPAN_ARG(got), wanted);
}

static void assert_line(const struct wanted *w, const struct logline *line)
{
	char dsn[STATUS_TEXT_SIZE];

	if (line->kind != w->kind || line->log_status != w->status)
		fail_msg("%s: kind %d status %d, not %d %d", w->name, line->kind, line->log_status, w->kind, w->status);
	assert_span(w->name, "program", line->program, w->program);
	assert_span(w->name, "instance", line->instance, w->instance);
	assert_span(w->name, "queue id", line->queue_id, w->id);
	assert_span(w->name, "to", line->to, w->to);
	assert_span(w->name, "orig_to", line->orig_to, w->orig_to);
	assert_span(w->name, "relay", line->relay, w->relay);
	assert_span(w->name, "dsn", span_of(status_format(line->status, dsn)), w->dsn);
	assert_span(w->name, "text", line->text, w->said);
	assert_span(w->name, "sender", line->sender, w->sender);
	assert_span(w->name, "message id", line->message_id, w->message_id);
	assert_span(w->name, "login", line->login, w->login);
	if (line->is_doubtful != w->is_doubtful)
		fail_msg("%s: doubtful is %d", w->name, line->is_doubtful);
}

static int64_t at(const char *text)
{
	int64_t time_s;

	assert_int_equal(timestamp_parse(span_of(text), &time_s), 0);
	return time_s;
}

static void parse_table(const struct wanted *lines, size_t count)
{
	struct logclock clock;
	struct logline line;

	logclock_init(&clock, at("2026-11-22T00:00:00Z"));
	for (size_t i = 0; i < count; i++) {
		logline_parse(span_of(lines[i].text), &clock, &line);
		assert_line(&lines[i], &line);
		if (line.kind != LOGLINE_GARBAGE || line.to.len)
			assert_span(lines[i].name, "host", line.host, "mx1");
	}
}

static void test_postfix(void **state)
{
	(void)state;
	parse_table(postfix_lines, sizeof(postfix_lines) / sizeof(postfix_lines[0]));
}

static void test_sendmail(void **state)
{
	(void)state;
	parse_table(sendmail_lines, sizeof(sendmail_lines) / sizeof(sendmail_lines[0]));
}

static bool is_of_no_recipient(const struct wanted *w)
{
	return (w->kind == LOGLINE_CLIENT && strstr(w->text, ": client=")) || (w->kind == LOGLINE_FROM && strstr(w->text, "(queue active)"));
}

/* In two steps it is the same line, or of no recipient. */
static void begin_table(const struct wanted *lines, size_t count)
{
	struct logclock clock;
	struct logline line;
	size_t passed_over = 0;

	logclock_init(&clock, at("2026-11-22T00:00:00Z"));
	/* the second time the heads are known */
	for (size_t i = 0; i < 2 * count; i++) {
		const struct wanted *w = &lines[i / 2];
		logline_begin(span_of(w->text), &clock, &line);
		if (i % 2 && is_of_no_recipient(w)) {
			assert_int_equal(line.kind, LOGLINE_OTHER);
			passed_over++;
			continue;
		}
		logline_finish(&line);
		if (!is_of_no_recipient(w))
			assert_line(w, &line);
	}
	assert_true(passed_over > 0 || lines != postfix_lines);
}

static void test_two_steps(void **state)
{
	(void)state;
	begin_table(postfix_lines, sizeof(postfix_lines) / sizeof(postfix_lines[0]));
	begin_table(sendmail_lines, sizeof(sendmail_lines) / sizeof(sendmail_lines[0]));
}

/* The journal has the tag, the host and the time apart. */
static void test_journal_says_the_same(void **state)
{
	struct logline line;

	(void)state;
	logline_parse_message(SPAN_LIT("postfix/smtp"), SPAN_LIT("3F2504E04F: to=<x@example.com>, " RELAY "dsn=2.0.0, status=sent (250 ok)"), &line);
	assert_int_equal(line.kind, LOGLINE_DELIVERY);
	assert_span("journal", "to", line.to, "x@example.com");
	assert_false(span_is_known(line.host));
	logline_parse_message(SPAN_LIT("sm-mta"), SPAN_LIT("6ALKjgGN027975: to=<a@example.com>, " SM_MIDDLE "dsn=2.0.0, stat=Sent"), &line);
	assert_int_equal(line.kind, LOGLINE_DELIVERY);
	assert_int_equal(logline_parse_message(SPAN_NONE, SPAN_LIT("x"), &line), LOGLINE_OTHER);
	assert_int_equal(logline_parse_message(SPAN_LIT("postfix/smtp"), SPAN_NONE, &line), LOGLINE_OTHER);
}

static void test_recipients_of_a_list(void **state)
{
	static const char *const wanted[] = { "a@example.com", "\"b, <c\"@example.com", "d@example.com", "\"|prog a,b\"" };
	struct logline line = { .mta = LOG_MTA_SENDMAIL };
	struct span rest = SPAN_LIT("<a@example.com>,<\"b, <c\"@example.com>,d@example.com,\"|prog a,b\""), one;
	size_t count = 0;

	(void)state;
	while (logline_take_recipient(&line, &rest, &one))
		assert_span("list", "recipient", one, wanted[count++]);
	assert_int_equal(count, 4);
}

static const struct {
	const char *name, *text, *reference, *wanted; /* wanted NULL: no stamp */
	bool is_local;
} stamps[] = {
	{ "of today", "Nov 21 20:30:21", "2026-11-21T20:30:22Z", "2026-11-21T20:30:21Z", true },
	{ "one digit of a day", "Nov  1 00:00:00", "2026-11-21T20:30:22Z", "2026-11-01T00:00:00Z", true },
	{ "December read in January", "Dec 31 23:59:59", "2027-01-01T00:00:05Z", "2026-12-31T23:59:59Z", true },
	{ "January read in December, of a clock ahead", "Jan  1 00:00:01", "2026-12-31T23:59:59Z", "2027-01-01T00:00:01Z", true },
	{ "two days ahead is last year's", "Nov 23 20:30:23", "2026-11-21T20:30:22Z", "2025-11-23T20:30:23Z", true },
	{ "a leap day read in the year after", "Feb 29 12:00:00", "2029-03-01T00:00:00Z", "2028-02-29T12:00:00Z", true },
	{ "ISO, fraction, zone", "2026-11-21T20:30:21.123456+09:00", "2026-11-22T00:00:00Z", "2026-11-21T11:30:21Z", false },
	{ "ISO, zone without a colon", "2026-11-21T20:30:21-0330", "2026-11-22T00:00:00Z", "2026-11-22T00:00:21Z", false },
	{ "ISO, UTC", "2026-11-21T20:30:21Z", "2020-01-01T00:00:00Z", "2026-11-21T20:30:21Z", false },
	{ "ISO, no zone", "2026-11-21T20:30:21", "2020-01-01T00:00:00Z", "2026-11-21T20:30:21Z", true },
	{ "no such day", "Nov 31 20:30:21", "2026-11-21T20:30:22Z", NULL, false },
	{ "no such month", "Nob 21 20:30:21", "2026-11-21T20:30:22Z", NULL, false },
	{ "no such hour", "Nov 21 24:30:21", "2026-11-21T20:30:22Z", NULL, false },
	{ "no such second", "Nov 21 20:30:61", "2026-11-21T20:30:22Z", NULL, false },
	{ "no time", "2026-11-21", "2026-11-21T20:30:22Z", NULL, false },
	{ "words", "the quick brown fox jumps", "2026-11-21T20:30:22Z", NULL, false },
	{ "nothing", "", "2026-11-21T20:30:22Z", NULL, false },
};

static void test_stamps(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		struct logclock clock;
		int64_t time_s = 0;
		bool is_local = false;
		logclock_init(&clock, at(stamps[i].reference));
		/* the second time it is compared, not read */
		for (int again = 0; again < 2; again++) {
			size_t len = logclock_take(&clock, span_of(stamps[i].text), &time_s, &is_local);
			if ((len != 0) != (stamps[i].wanted != NULL))
				fail_msg("%s: took %zu", stamps[i].name, len);
			if (!stamps[i].wanted)
				continue;
			if (len != strlen(stamps[i].text) || time_s != at(stamps[i].wanted) || is_local != stamps[i].is_local)
				fail_msg("%s: %zu bytes, %lld, local %d", stamps[i].name, len, (long long)time_s, is_local);
		}
	}
}

/* Whatever the lines before were, a stamp reads as it does in the first line of a log. */
static void test_stamps_that_come_again(void **state)
{
	static const char *const texts[] = {
		"2026-11-21T20:30:21.123456+09:00 x", "2026-11-21T20:30:22.654321+09:00 x", "2026-11-21T20:30:22.654321-09:00 x",
		"2026-11-21T20:30:22.65432x+09:00 x", "2026-11-21T20:30:22.6543210+09:00 x", "2026-11-21T20:30:22.654+09:00 x", "2026-11-21T20:30:22+09:00 x",
		"2026-11-21T20:30:61.123456+09:00 x", "2026-11-21T20:31:21.123456+09:00 x", "2026-11-21T20:30:21.123456+09:30 x",
		"2026-11-21T20:30:21.123456Z x", "2026-11-21T20:30:21.123456+09:00", "2026-11-21 20:30:21,123456+09:00 x", "Nov 21 20:30:21 x", "Nov 21 20:30:6x x",
	};
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
	struct logclock clock;

	(void)state;
	logclock_init(&clock, at("2026-11-22T00:00:00Z"));
	for (size_t i = 0; i < 2 * COUNT * COUNT; i++) {
		struct span text = span_of(texts[i % 2 ? i / 2 / COUNT % COUNT : i / 2 % COUNT]);
		struct logclock first;
		int64_t time_s = 0, wanted_s = 0;
		bool is_local = false, wanted_local = false;
		logclock_init(&first, at("2026-11-22T00:00:00Z"));
		assert_int_equal(logclock_take(&clock, text, &time_s, &is_local), logclock_take(&first, text, &wanted_s, &wanted_local));
		assert_int_equal(time_s, wanted_s);
		assert_int_equal(is_local, wanted_local);
	}
}

static void test_heads(void **state)
{
	static const struct {
		const char *text, *host;
		enum logline_kind kind;
	} heads[] = {
		{ "<22>Nov 21 20:45:42 mx1 sm-mta[1]: x", "mx1", LOGLINE_OTHER },
		{ "<22>Nov 21 20:45:42 sm-mta[1]: 6ALKjgGN027975: to=<a@example.com>, " SM_MIDDLE "dsn=2.0.0, stat=Sent", "", LOGLINE_DELIVERY },
		{ "2026-11-21T20:30:21.123456+09:00 mx1 postfix/qmgr[1]: 3F2504E04F: removed", "mx1", LOGLINE_REMOVED },
		{ "Nov 21 20:30:21 mx1 postfix/qmgr[1]: 3F2504E04F: removed", "mx1", LOGLINE_REMOVED },
		{ "Nov 21 20:30:21 mx1 postfix/qmgr: 3F2504E04F: removed", "mx1", LOGLINE_REMOVED },
		{ "Nov 21 20:30:21 mx1 last message repeated 2 times", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1", "", LOGLINE_OTHER },
		{ "Nov 21 20:30:21", "", LOGLINE_GARBAGE },
		{ "garbage", "", LOGLINE_GARBAGE },
		{ "", "", LOGLINE_GARBAGE },
		{ "<22>", "", LOGLINE_GARBAGE },
		{ "Nov 21 20:30:21 mx1 postfix/smtp[1]: 3F2504E04F: to=<", "mx1", LOGLINE_GARBAGE },
		{ "Nov 21 20:30:21 mx1 postfix/smtp[1]: 3F2504E04F: to=", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/qmgr[1]: 3F2504E04F: from=", "mx1", LOGLINE_GARBAGE },
		{ "Nov 21 20:30:21 mx1 postfix/qmgr[1]: 3F2504E04F: remove", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/qmgr[1]: 3F2504E04F: removed!", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/qmgr[1]: 3F2504E04F: removed from the queue", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/cleanup[1]: 3F2504E04F: message-id", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/cleanup[1]: 3F2504E04F: message size 9 exceeds size limit 8", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/cleanup[1]: 3F2504E04F: message-id=", "mx1", LOGLINE_MESSAGE_ID },
		{ "Nov 21 20:30:21 mx1 postfix/smtpd[1]: 3F2504E04F: cli", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/smtpd[1]: 3F2504E04F: client=", "mx1", LOGLINE_CLIENT },
		{ "Nov 21 20:30:21 mx1 postfix/pickup[1]: 3F2504E04F: uid=0 from=<root>", "mx1", LOGLINE_CLIENT },
		{ "Nov 21 20:30:21 mx1 postfix/pickup[1]: 3F2504E04F: uid=0 to=<root>", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 mx1 postfix/bounce[1]: 3F2504E04F: sender non-delivery notification: 4F2504E04F", "mx1", LOGLINE_NOTICE },
		{ "Nov 21 20:30:21 mx1 postfix/bounce[1]: 3F2504E04F: sender unknown", "mx1", LOGLINE_OTHER },
		{ "Nov 21 20:30:21 a.very.long.name.of.a.host.example.com postfix-submission/qmgr[1]: 3F2504E04F: removed",
		  "a.very.long.name.of.a.host.example.com", LOGLINE_REMOVED },
	};
	struct logclock clock;
	struct logline line;

	(void)state;
	logclock_init(&clock, at("2026-11-22T00:00:00Z"));
	for (size_t round = 0; round < 2 * sizeof(heads) / sizeof(heads[0]); round++) {
		size_t i = round / 2; /* the second time its head is known */
		if (logline_parse(span_of(heads[i].text), &clock, &line) != heads[i].kind)
			fail_msg("'%s': kind %d", heads[i].text, line.kind);
		assert_span(heads[i].text, "host", line.host, heads[i].host);
	}
}

static void assert_same_head(const char *text, const struct logline *line, const struct logline *wanted)
{
	assert_int_equal(line->kind, wanted->kind);
	if (!span_is_equal(line->host, wanted->host) || !span_is_equal(line->identifier, wanted->identifier) ||
	    !span_is_equal(line->instance, wanted->instance) || !span_is_equal(line->program, wanted->program))
		fail_msg("'%s': %.*s, %.*s, %.*s, %.*s", text, SPAN_ARG(line->host), SPAN_ARG(line->identifier), SPAN_ARG(line->instance),
			 SPAN_ARG(line->program));
}

/* Whatever the lines before were, a head reads as it does in the first line of a log. */
static void test_heads_that_come_again(void **state)
{
	static const char *const heads[] = {
		"mx1 postfix/smtp[1]", "mx2 postfix/smtp[1]", "m:1 postfix/smtp[1]", "mx1 postfix smtp[1]", "mx1postfix//smtp[1]",
		"mx1 postfix/a/smtp[1]", "mx12 ostfix/smtp[1]", " mx postfix/smtp[1]", "mx1 postfix/smtp[2]", "mx1 postfix/smtp",
		"mx1: ostfix/smtp[1]", "postfix/smtp[1]", "a b", "a b/c[1]",
		"mx1-long:1 postfix/smtp[1]", "mx1-long: ostfix/smtp[1]", "mail.example.com postfix-submission/smtp[12345]",
		"mx1.mail.region-two.example.com postfix-submission/submission/smtpd[12345]", "mx1 sm-mta[1]", "mx1 /smtp[1]", "mx1 smtp/[1]",
		"mx1 postfix/smtp[1234567]", "mx1 postfix/smtp[12345678]", "mx1 postfix/smtp[123456789]", "mx1 postfix/smtp[]", "mx1 postfix/smtp[1a]",
		"mx1 postfix/smtp[1][2]", "mx1[1] postfix/smtp[2]", "mx1 postfix/smtp1]", "mx1 postfix/smtp[1\xb1]",
	};
	enum { COUNT = sizeof(heads) / sizeof(heads[0]) };
	struct logclock clock;

	(void)state;
	logclock_init(&clock, at("2026-11-22T00:00:00Z"));
	for (size_t i = 0; i < 4 * COUNT * COUNT; i++) {
		struct logclock first;
		struct logline line, wanted;
		char text[200];
		/* each after each other one */
		snprintf(text, sizeof(text), "Nov 21 20:30:21 %s: 3F2504E04F: removed", heads[i % 2 ? i / 2 / COUNT % COUNT : i / 2 % COUNT]);
		logclock_init(&first, at("2026-11-22T00:00:00Z"));
		logline_parse(span_of(text), &first, &wanted);
		logline_parse(span_of(text), &clock, &line);
		assert_same_head(text, &line, &wanted);
	}
}

/* Every piece of every line, in memory of its own length: nothing is read past the end. */
static void test_every_beginning_of_a_line(void **state)
{
	struct logclock clock;
	struct logline line;

	(void)state;
	logclock_init(&clock, at("2026-11-22T00:00:00Z"));
	for (size_t i = 0; i < sizeof(postfix_lines) / sizeof(postfix_lines[0]) + sizeof(sendmail_lines) / sizeof(sendmail_lines[0]); i++) {
		size_t postfix_count = sizeof(postfix_lines) / sizeof(postfix_lines[0]);
		struct span text = span_of(i < postfix_count ? postfix_lines[i].text : sendmail_lines[i - postfix_count].text);
		for (size_t len = 0; len <= text.len; len++) {
			char *copy = malloc(len ? len : 1);
			assert_non_null(copy);
			memcpy(copy, text.ptr, len);
			logline_parse(span_make(copy, len), &clock, &line);
			assert_true(line.kind < LOGLINE_COUNT);
			free(copy);
		}
	}
}

static void test_relays(void **state)
{
	static const struct {
		const char *text, *host, *address;
	} relays[] = {
		{ "mx.example.com[192.0.2.1]:25", "mx.example.com", "192.0.2.1" },
		{ "mx.example.com[2001:db8::1]:25", "mx.example.com", "2001:db8::1" },
		{ "mx.example.com. [192.0.2.1]", "mx.example.com", "192.0.2.1" },
		{ "[192.0.2.1] [192.0.2.1]", "[192.0.2.1]", "192.0.2.1" },
		{ "mx.example.com. [IPv6:2001:db8::1]", "mx.example.com", "2001:db8::1" },
		{ "none", "none", NULL },
		{ "local", "local", NULL },
		{ "mx1.example.com[private/dovecot-lmtp]", "mx1.example.com", NULL },
		{ "mx1.example.com[/run/lmtp]", "mx1.example.com", NULL },
		{ "", "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(relays) / sizeof(relays[0]); i++) {
		struct log_relay relay = log_relay_parse(span_of(relays[i].text));
		assert_span(relays[i].text, "host", relay.host, relays[i].host);
		assert_span(relays[i].text, "address", relay.address, relays[i].address ? relays[i].address : "");
		assert_int_equal(span_is_known(relay.address), relays[i].address != NULL);
	}
}

/* Summer time: 02:30 on the wall is an hour apart from the one before the change. */
static void test_wall_clock(void **state)
{
	struct zone zone = { 0 };

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	assert_int_equal(zone_to_utc(&zone, at("2026-11-21T20:30:21Z")), at("2026-11-21T19:30:21Z"));
	assert_int_equal(zone_to_utc(&zone, at("2026-07-01T12:00:00Z")), at("2026-07-01T10:00:00Z"));
	assert_int_equal(zone_to_utc(&zone, at("2026-03-29T01:59:59Z")), at("2026-03-29T00:59:59Z"));
	assert_int_equal(zone_to_utc(&zone, at("2026-03-29T03:00:00Z")), at("2026-03-29T01:00:00Z"));
	assert_int_equal(zone_from_utc(at("2026-07-01T10:00:00Z")), at("2026-07-01T12:00:00Z"));
	setenv("TZ", "UTC", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postfix),
		cmocka_unit_test(test_sendmail),
		cmocka_unit_test(test_two_steps),
		cmocka_unit_test(test_journal_says_the_same),
		cmocka_unit_test(test_recipients_of_a_list),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_stamps_that_come_again),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_heads_that_come_again),
		cmocka_unit_test(test_every_beginning_of_a_line),
		cmocka_unit_test(test_relays),
		cmocka_unit_test(test_wall_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
