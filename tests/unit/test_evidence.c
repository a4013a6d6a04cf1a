/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a mail to outcomes: delivery reports, feedback reports, automatic replies, and what is evidence of nothing.
 * A table of messages and of the outcomes that each must yield; each is also read byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/timestamp.h"
#include "evidence/evidence.h"

struct evidence_case {
	const char *name;
	const char *message;
	const char *wanted; /* as render() writes it */
};

#define FROM_DAEMON "From: MAILER-DAEMON@mx.example.jp (Mail Delivery System)\nDate: Sat, 21 Nov 2026 20:36:02 +0000 (UTC)\n"
#define FEEDBACK \
	"From: fbl@example.net\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n" \
	"--b\nContent-Type: message/feedback-report\n\n"
#define REPORT FROM_DAEMON "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
#define TEXT(text) "--b\n\n" text "\n"
#define STATUS(text) "--b\nContent-Type: message/delivery-status\n\n" text "\n"
#define ORIGINAL "--b\nContent-Type: message/rfc822\n\nReturn-Path: <s@example.jp>\nFrom: Sender <s@example.jp>\nTo: Reader <r@example.org>\n" \
	"Subject: x\nMessage-ID: <1@example.jp>\nX-Kodama-Token: v=1; k=a\n\nbody\n"
#define END "--b--\n"
#define MESSAGE "Reporting-MTA: dns; mx.example.jp\n"

static const struct evidence_case cases[] = {
	/* --- RFC 3464, as Postfix writes it */
	{ "Postfix, whole",
	  REPORT TEXT("see below") STATUS(MESSAGE "X-Postfix-Queue-ID: 4jX3rL3M9mz1cMcN\nX-Postfix-Sender: rfc822; s@example.jp\nOriginal-Envelope-Id: id+2B1\n"
	  "Arrival-Date: Fri, 20 Nov 2026 20:36:02 +0000 (UTC)\n\nFinal-Recipient: rfc822; r@example.org\nOriginal-Recipient: rfc822;o+2Bx@example.com\n"
	  "Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.org\nDiagnostic-Code: smtp; 550-5.1.1 No such\n    user here. See 550 5.1.1 example.org/x\n")
	  ORIGINAL END,
	  "dsn r@example.org orig=o+x@example.com from=s@example.jp failed 550 5.1.1 'No such user here. See example.org/x' remote=mx.example.org "
	  "by=mx.example.jp queue=4jX3rL3M9mz1cMcN envid=id+1 id=1@example.jp at=2026-11-21T20:36:02Z token=v=1; k=a\n" },
	{ "several recipients, all actions",
	  REPORT STATUS(MESSAGE "\nFinal-Recipient: rfc822; a@example.org\nAction: delayed\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 4.2.2 Mailbox full\n"
	  "Last-Attempt-Date: Sat, 21 Nov 2026 10:00:00 +0000\n\nFinal-Recipient: rfc822; b@example.org\nAction: delivered\nStatus: 2.1.5\n\n"
	  "Final-Recipient: rfc822; c@example.org\nAction: Relayed (to a system that reports nothing)\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; d@example.org\nAction: expanded\nStatus: 2.1.5\n") END,
	  "dsn a@example.org delayed 452 4.2.2 'Mailbox full' by=mx.example.jp at=2026-11-21T10:00:00Z\n"
	  "dsn b@example.org delivered 2.1.5 by=mx.example.jp at=2026-11-21T20:36:02Z\n"
	  "dsn c@example.org relayed 2.0.0 by=mx.example.jp at=2026-11-21T20:36:02Z\n"
	  "dsn d@example.org expanded 2.1.5 by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "Postfix's own words", REPORT STATUS(MESSAGE "\nFinal-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.4.4\n"
	  "Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error\n    for name=example.org type=A: Host not found\n") END,
	  "dsn r@example.org failed 5.4.4 'Host or domain name not found. Name service error for name=example.org type=A: Host not found' "
	  "by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "expired as Postfix reports it", REPORT STATUS(MESSAGE "\nFinal-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 4.4.1\n"
	  "Diagnostic-Code: X-Postfix; connect to mx.example.org[192.0.2.1]:25: Connection timed out\n") END,
	  "dsn r@example.org failed 4.4.1 'connect to mx.example.org[192.0.2.1]:25: Connection timed out' connect remote=mx.example.org by=mx.example.jp "
	  "at=2026-11-21T20:36:02Z\n" },

	/* --- the status: the field's or the reply's */
	{ "the reply's status is more exact than 5.0.0", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.0.0\n"
	  "Diagnostic-Code: smtp; 550 5.7.1 no\n") END, "dsn r@example.org failed 550 5.7.1 'no' at=2026-11-21T20:36:02Z\n" },
	{ "the reply's status is what the remote said", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.1.1\n"
	  "Diagnostic-Code: smtp; 550 5.7.1 listed\n") END, "dsn r@example.org failed 550 5.7.1 'listed' at=2026-11-21T20:36:02Z\n" },
	{ "a generic one in the reply says less than the field", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.1.1\n"
	  "Diagnostic-Code: smtp; 550 5.0.0 no\n") END, "dsn r@example.org failed 550 5.1.1 'no' at=2026-11-21T20:36:02Z\n" },
	{ "a reporter that made a 5 of a 4 decided it", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.7.43\n"
	  "Diagnostic-Code: smtp; 452 4.2.2 full\n") END, "dsn r@example.org failed 452 5.7.43 'full' at=2026-11-21T20:36:02Z\n" },
	{ "status with a comment", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.2.1 (mailbox disabled)\n") END,
	  "dsn r@example.org failed 5.2.1 at=2026-11-21T20:36:02Z\n" },
	{ "no status, no action", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nStatus: none\nAction: lost\nDiagnostic-Code: smtp; 550 no\n") END,
	  "dsn r@example.org 550 'no' at=2026-11-21T20:36:02Z\n" },

	/* --- reporters that are not exact */
	{ "no empty lines between recipients", REPORT STATUS(MESSAGE "Final-Recipient: rfc822; a@example.org\nAction: failed\nStatus: 5.1.1\n"
	  "Final-Recipient: rfc822; b@example.org\nAction: failed\nStatus: 5.1.2\n") END,
	  "dsn a@example.org failed 5.1.1 by=mx.example.jp at=2026-11-21T20:36:02Z\ndsn b@example.org failed 5.1.2 by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "an empty line too many", REPORT STATUS(MESSAGE "\nFinal-Recipient: rfc822; a@example.org\nAction: failed\n\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n") END,
	  "dsn a@example.org failed 550 5.1.1 'no' by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "Action first", REPORT STATUS(MESSAGE "\nAction: failed\nStatus: 5.1.1\nOriginal-recipient: rfc822;a@example.org\nFinal-recipient: rfc822;a@example.org\n\n"
	  "Action: failed\nStatus: 5.1.2\nFinal-recipient: rfc822;b@example.org\n") END,
	  "dsn a@example.org orig=a@example.org failed 5.1.1 by=mx.example.jp at=2026-11-21T20:36:02Z\ndsn b@example.org failed 5.1.2 by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "continuation lines without white space", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nDiagnostic-Code: smtp; 550-5.1.1 No such\n550 5.1.1 user\nStatus: 5.1.1\n") END,
	  "dsn r@example.org failed 550 5.1.1 'No such user' at=2026-11-21T20:36:02Z\n" },
	{ "no type in front", REPORT STATUS("Final-Recipient: <r@example.org>\nAction: failed\nDiagnostic-Code: 550 5.1.1 <r@example.org>... User unknown\n") END,
	  "dsn r@example.org failed 550 5.1.1 '<r@example.org>... User unknown' at=2026-11-21T20:36:02Z\n" },
	{ "source route: what was asked for serves", REPORT STATUS("Original-Recipient: rfc822;r@example.org\nFinal-Recipient: rfc822;@relay.example.org:r@inside\nAction: failed\n") END,
	  "dsn r@example.org orig=r@example.org failed at=2026-11-21T20:36:02Z\n" },
	{ "no Final-Recipient", REPORT STATUS("Original-Recipient: rfc822;r@example.org\nAction: failed\n") END,
	  "dsn r@example.org orig=r@example.org failed at=2026-11-21T20:36:02Z\n" },
	{ "a program as recipient: the original's only one", REPORT STATUS("Final-Recipient: rfc822;|/usr/bin/procmail r@example.com\nAction: failed\nStatus: 5.3.0\n") ORIGINAL END,
	  "dsn r@example.org from=s@example.jp failed 5.3.0 id=1@example.jp at=2026-11-21T20:36:02Z token=v=1; k=a from-original\n" },
	{ "a program as recipient and nobody else", REPORT STATUS("Final-Recipient: rfc822;|/usr/bin/procmail\nAction: failed\nStatus: 5.3.0\n") END,
	  "dsn failed 5.3.0 at=2026-11-21T20:36:02Z\n" },
	{ "no Diagnostic-Code: the text says it", REPORT TEXT("Sorry.\n\nr@example.org: 550 5.7.26 no\n  authentication\n\nBye.") STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.0.0\n") END,
	  "dsn r@example.org failed 550 5.7.26 'no authentication' at=2026-11-21T20:36:02Z\n" },
	{ "encoded words in a diagnostic", REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nDiagnostic-Code: smtp; 550 5.1.1 =?utf-8?Q?k=C3=A4se?=\n") END,
	  "dsn r@example.org failed 550 5.1.1 'k\u00e4se' at=2026-11-21T20:36:02Z\n" },
	{ "structure lost in a gateway", FROM_DAEMON "\nSorry.\n\nReporting-MTA: dns; mx.example.jp\n\nFinal-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.1.1\n\nSubject: x\n",
	  "dsn r@example.org failed 5.1.1 by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "wrapped by a gateway", FROM_DAEMON "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/report; boundary=b\n\n"
	  STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.1.1\n") END "--o\n\ndisclaimer\n--o--\n",
	  "dsn r@example.org failed 5.1.1 at=2026-11-21T20:36:02Z\n" },

	/* --- RFC 6533 */
	{ "UTF-8 addresses", REPORT "--b\nContent-Type: message/global-delivery-status\n\nFinal-Recipient: utf-8; \u7528\u6237@example.org\n"
	  "Original-Recipient: utf-8; \\x{7528}\\x{6237}@example.org\nAction: failed\nStatus: 5.1.1\n" END,
	  "dsn \u7528\u6237@example.org orig=\u7528\u6237@example.org failed 5.1.1 at=2026-11-21T20:36:02Z\n" },

	/* --- Sendmail */
	{ "Sendmail's first line is completed from the transcript",
	  REPORT TEXT("   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n>>> DATA\n<<< 550-5.1.1 No such\n<<< 550-5.1.1 user at\n<<< 550 5.1.1 all\n"
	  "550 5.1.1 <a@example.org>... User unknown\n<<< 550-5.1.1 No such\n<<< 550 5.1.1 luck\n550 5.1.1 <b@example.org>... User unknown\n")
	  STATUS(MESSAGE "\nFinal-Recipient: RFC822; b@example.org\nX-Actual-Recipient: rfc822; b@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: SMTP; 550-5.1.1 No such\n\n"
	  "Final-Recipient: RFC822; a@example.org\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: SMTP; 550-5.1.1 No such\n") END,
	  "dsn b@example.org failed 550 5.1.1 'No such luck' by=mx.example.jp at=2026-11-21T20:36:02Z\n"
	  "dsn a@example.org failed 550 5.1.1 'No such user at all' by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "Sendmail: a first line that the transcript has not", REPORT TEXT("   ----- Transcript of session follows -----\n<<< 550-x\n") STATUS(MESSAGE "\nFinal-Recipient: RFC822; b@example.org\nAction: failed\n"
	  "Status: 5.1.1\nDiagnostic-Code: SMTP; 550-5.1.1 No such\n") END, "dsn b@example.org failed 550 5.1.1 'No such' by=mx.example.jp at=2026-11-21T20:36:02Z\n" },
	{ "Sendmail, expired: an empty Diagnostic-Code has its own reply, an absent one another's",
	  REPORT TEXT("   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n>>> DATA\n<<< 421-4.7.0 try\n<<< 421 4.7.0 later\n<a@example.org>... Deferred: 421-4.7.0 try\n"
	  "<b@example.org>... Deferred: 421-4.7.0 try\nMessage could not be delivered for 5 days\n")
	  STATUS("Final-Recipient: RFC822; a@example.org\nAction: failed\nStatus: 4.4.7\n\nFinal-Recipient: RFC822; b@example.org\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: SMTP; \n") END,
	  "dsn a@example.org failed 4.4.7 at=2026-11-21T20:36:02Z\ndsn b@example.org failed 421 4.4.7 'try later' at=2026-11-21T20:36:02Z\n" },
	{ "Sendmail's own words in the transcript", REPORT TEXT("   ----- Transcript of session follows -----\n<a@example.org>... Deferred: Connection refused by example.org.\n")
	  STATUS("Final-Recipient: RFC822; a@example.org\nAction: delayed\nStatus: 4.4.1\n") END,
	  "dsn a@example.org delayed 4.4.1 'Deferred: Connection refused by example.org.' at=2026-11-21T20:36:02Z\n" },
	{ "Sendmail's mailer: an exit code says less than its verdict", REPORT TEXT("   ----- Transcript of session follows -----\n554 5.3.0 unknown mailer error 255\n")
	  STATUS("Final-Recipient: RFC822; a@example.org\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: X-Unix; 255\n") END,
	  "dsn a@example.org failed 554 5.3.0 'unknown mailer error 255' at=2026-11-21T20:36:02Z\n" },

	/* --- what is no evidence */
	{ "a person's mail", "From: a@example.org\nTo: b@example.org\nSubject: hello\n\n550 5.1.1 <x@example.org> User unknown\n", "" },
	{ "a bounce that somebody attached", "From: a@example.org\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nlook at this\n--o\nContent-Type: message/rfc822\n\n"
	  REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.1.1\n") END "--o--\n", "" },
	{ "a bounce attached to a bounce-like mail", FROM_DAEMON "Content-Type: message/rfc822\n\n" REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\n") END, "" },
	{ "the parts of a report, forwarded by a person", "From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nfyi\n"
	  STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.1.1\n") END, "" },
	{ "a report quoted in a person's text", "From: a@example.org\n\nReporting-MTA: dns; mx.example.jp\n\nFinal-Recipient: rfc822; r@example.org\nAction: failed\n", "" },
	{ "a read receipt", "From: a@example.org\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n"
	  "--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; a@example.org\nDisposition: manual-action/MDN-sent-manually; displayed\n--b--\n", "" },
	{ "a report without recipients", REPORT STATUS(MESSAGE "Arrival-Date: Sat, 21 Nov 2026 20:36:02 +0000\n") END, "" },

	/* --- feedback */
	{ "a complaint", "From: fbl@example.net\nDate: Sat, 21 Nov 2026 20:36:02 +0000\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\ncomplaint\n"
	  "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nOriginal-Mail-From: <s@example.jp>\nOriginal-Rcpt-To: <r@example.org>\n"
	  "Original-Rcpt-To: q@example.org\nOriginal-Rcpt-To: <r@example.org>\nReporting-MTA: dns; mx.example.net\n" ORIGINAL END,
	  "arf r@example.org from=s@example.jp by=mx.example.net id=1@example.jp at=2026-11-21T20:36:02Z token=v=1; k=a\n"
	  "arf q@example.org from=s@example.jp by=mx.example.net id=1@example.jp at=2026-11-21T20:36:02Z token=v=1; k=a\n" },
	{ "a complaint that names nobody", "From: fbl@example.net\nDate: Sat, 21 Nov 2026 20:36:02 +0000\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
	  "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n" ORIGINAL END,
	  "arf r@example.org from=s@example.jp id=1@example.jp at=2026-11-21T20:36:02Z token=v=1; k=a from-original\n" },
	{ "a complaint about nothing that we can see", "From: fbl@example.net\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
	  "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nReceived-Date: Sat, 21 Nov 2026 20:36:02 +0000\n" END, "arf at=2026-11-21T20:36:02Z\n" },
	{ "not spam", "From: fbl@example.net\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
	  "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: not-spam\nOriginal-Rcpt-To: r@example.org\n" END, "arf r@example.org not-spam\n" },
	{ "an authentication failure is no complaint", "From: dmarc@example.net\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
	  "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: auth-failure\nOriginal-Rcpt-To: r@example.org\n" END, "arf r@example.org auth-failure\n" },
	{ "a scanner's find is no complaint", FEEDBACK "Feedback-Type: virus\nOriginal-Rcpt-To: r@example.org\n" END, "arf r@example.org virus\n" },
	{ "fraud is a complaint", FEEDBACK "Feedback-Type: Fraud (phishing)\nOriginal-Rcpt-To: r@example.org\n" END, "arf r@example.org\n" },
	{ "who opts out complains", FEEDBACK "Feedback-Type: opt-out\nOriginal-Rcpt-To: r@example.org\n" END, "arf r@example.org\n" },
	{ "a report of no type", FEEDBACK "Original-Rcpt-To: r@example.org\n" END, "arf r@example.org\n" },
	{ "a type that we do not know", FEEDBACK "Feedback-Type: x-odd\nOriginal-Rcpt-To: r@example.org\n" END, "arf r@example.org other\n" },
	{ "a provider's own form", "From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.1\nContent-Type: multipart/mixed; boundary=b\n\n"
	  "--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: r@example.org\nMessage-ID: <1@example.jp>\n\nx\n--b--\n", "arf r@example.org id=1@example.jp\n" },
	{ "somebody who looks like it", "From: staff@example.org\nSubject: complaint about message from 192.0.2.1\nContent-Type: multipart/mixed; boundary=b\n\n"
	  "--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: r@example.org\n\nx\n--b--\n", "" },
	{ "a complaint that somebody forwarded", "From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
	  "Original-Rcpt-To: r@example.org\n--b--\n", "" },

	/* --- automatic replies */
	{ "RFC 3834", "Return-Path: <>\nFrom: Reader <r@example.org>\nDate: Sat, 21 Nov 2026 20:36:02 +0000\nAuto-Submitted: auto-replied (vacation)\nIn-Reply-To: <1@example.jp>\nSubject: Re: x\n\naway\n",
	  "autoreply r@example.org id=1@example.jp at=2026-11-21T20:36:02Z\n" },
	{ "a subject and the null sender", "Return-Path: <>\nFrom: r@example.org\nSubject: Automatic reply: x\n\naway\n", "autoreply r@example.org\n" },
	{ "a subject in Japanese", "Return-Path: <>\nFrom: r@example.org\nSubject: =?iso-2022-jp?B?GyRCPCtGMDF+RXobKEI=?=\n\naway\n", "autoreply r@example.org\n" },
	{ "a subject alone is a person's", "From: r@example.org\nSubject: Out of office next week\n\nHello\n", "" },
	{ "a person who says so", "From: r@example.org\nAuto-Submitted: no\nX-Autoreply: yes\nSubject: x\n\nHello\n", "" },
	{ "a notification is no reply", "From: shop@example.org\nAuto-Submitted: auto-generated\nSubject: Your order\n\nHello\n", "" },
	{ "a mail system that calls itself auto-replied", "From: Mail Delivery Subsystem <mailer-daemon@mail.example.net>\nAuto-Submitted: auto-replied\nSubject: Delivery Status Notification (Failure)\n\nx\n", "" },
	{ "a report that calls itself auto-replied", "Auto-Submitted: auto-replied\n" REPORT STATUS("Final-Recipient: rfc822; r@example.org\nAction: failed\nStatus: 5.1.1\n") END,
	  "dsn r@example.org failed 5.1.1 at=2026-11-21T20:36:02Z\n" },
};

static void add(struct buffer *out, const char *label, struct span text)
{
	if (span_is_known(text))
		buffer_printf(out, " %s%.*s", label, SPAN_ARG(text));
}

static const struct span feedback_names[] = { [FEEDBACK_COMPLAINT] = { 0 },		   [FEEDBACK_NOT_SPAM] = SPAN_LIT("not-spam"),
					      [FEEDBACK_AUTH_FAILURE] = SPAN_LIT("auth-failure"), [FEEDBACK_VIRUS] = SPAN_LIT("virus"),
					      [FEEDBACK_OTHER] = SPAN_LIT("other") };

static void render_outcome(const struct outcome *outcome, struct buffer *out)
{
	char status[STATUS_TEXT_SIZE], stamp[TIMESTAMP_SIZE];

	buffer_add(out, span_of(kind_get_name(outcome->kind)));
	add(out, "", outcome->recipient);
	add(out, "orig=", outcome->original_recipient);
	add(out, "from=", outcome->sender);
	if (outcome->action)
		add(out, "", span_of(action_get_name(outcome->action)));
	if (outcome->reply)
		buffer_printf(out, " %u", outcome->reply);
	if (status_is_known(outcome->status))
		add(out, "", span_of(status_format(outcome->status, status)));
	if (span_is_known(outcome->text))
		buffer_printf(out, " '%.*s'", SPAN_ARG(outcome->text));
	if (outcome->command)
		add(out, "", span_of(smtp_command_get_name(outcome->command)));
	add(out, "remote=", outcome->remote_mta);
	add(out, "by=", outcome->reporting_mta);
	add(out, "queue=", outcome->queue_id);
	add(out, "envid=", outcome->envelope_id);
	add(out, "id=", outcome->message_id);
	if (outcome->time_s)
		add(out, "at=", span_of(timestamp_format(outcome->time_s, stamp)));
	add(out, "token=", outcome->token);
	add(out, "", feedback_names[outcome->feedback]);
	if (outcome->is_from_original)
		buffer_add(out, SPAN_LIT(" from-original"));
	buffer_add_char(out, '\n');
}

static void check(const struct evidence_case *c, const struct mail *mail)
{
	struct outcomes outcomes = { 0 };
	struct buffer out;

	buffer_init(&out, 1 << 20);
	assert_int_equal(evidence_read(mail, NULL, &outcomes), 0);
	for (size_t i = 0; i < outcomes.count; i++)
		render_outcome(&outcomes.items[i], &out);
	if (strcmp(buffer_get_text(&out), c->wanted) != 0)
		fail_msg("%s:\n%s\nwanted:\n%s", c->name, buffer_get_text(&out), c->wanted);
	buffer_done(&out);
}

static void test_mails_yield_their_outcomes(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span message = span_of(cases[i].message);

		check(&cases[i], mail_read(reader, message, SPAN_NONE));
		mail_begin(reader, SPAN_NONE);
		for (size_t k = 0; k < message.len; k++)
			mail_add_bytes(reader, span_slice(message, k, k + 1));
		check(&cases[i], mail_end(reader));
	}
	mail_reader_free(reader);
}

/* Whatever yields an outcome must have been a candidate at the end of its header: the milter drops the rest. */
static void test_evidence_is_a_candidate(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)mail_read(reader, span_of(cases[i].message), SPAN_NONE);
		if (*cases[i].wanted && !mail_is_candidate(reader))
			fail_msg("%s is no candidate", cases[i].name);
	}
	(void)mail_read(reader, SPAN_LIT("From: a@example.org\nSubject: x\n\nhello\n"), SPAN_LIT("a@example.org"));
	assert_false(mail_is_candidate(reader));
	mail_reader_free(reader);
}

/* More recipients than the list holds: what was read stays, and the list says that it is cut. */
static void test_more_recipients_than_the_list_holds(void **state)
{
	struct mail_reader *reader = mail_reader_new(NULL);
	struct outcomes outcomes = { 0 };
	struct buffer message;

	(void)state;
	buffer_init(&message, 1 << 22);
	buffer_add(&message, SPAN_LIT(REPORT "--b\nContent-Type: message/delivery-status\n"));
	for (unsigned i = 0; i < OUTCOMES_MAX + 500; i++)
		buffer_printf(&message, "\nFinal-Recipient: rfc822; u%u@example.org\nAction: failed\nStatus: 5.1.1\n", i);
	assert_int_equal(evidence_read(mail_read(reader, buffer_get(&message), SPAN_NONE), NULL, &outcomes), 0);
	assert_int_equal(outcomes.count, OUTCOMES_MAX);
	assert_true(outcomes.is_cut);
	assert_true(span_is_equal(outcomes.items[OUTCOMES_MAX - 1].recipient, SPAN_LIT("u999@example.org")));
	buffer_done(&message);
	mail_reader_free(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mails_yield_their_outcomes),
		cmocka_unit_test(test_evidence_is_a_candidate),
		cmocka_unit_test(test_more_recipients_than_the_list_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
