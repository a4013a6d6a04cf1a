/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sendmail's transcript of the session, in the text part of its reports.  Its Diagnostic-Code holds only the first
 * line of a reply, or none; the transcript has all of it.  Pure; any thread; the text is hostile.
 */
#ifndef KODAMA_EVIDENCE_TRANSCRIPT_H
#define KODAMA_EVIDENCE_TRANSCRIPT_H

#include "evidence/reply.h"

/* What follows "----- Transcript of session follows -----" in `text`; SPAN_NONE if there is none. */
struct span transcript_find(struct span text);

/*
 * The whole reply whose first line is `first_line` ("550-5.1.1 The email"): its lines joined by blanks, in
 * `arena`.  Where several begin so, the one after which `recipient` is named.  `first_line` itself if there is none.
 */
struct span transcript_complete(struct span transcript, struct span first_line, struct span recipient, struct arena *arena);

/*
 * What Sendmail says of the recipient ("<a@example.org>... Deferred: Connection refused": the words after the
 * dots), for a report without a Diagnostic-Code; part of `transcript`, SPAN_NONE if there is nothing.
 */
struct span transcript_find_words(struct span transcript, struct span recipient);

/* Its own last verdict, "554 5.3.0 unknown mailer error 255"; only right where the report has one recipient. */
struct span transcript_find_verdict(struct span transcript);

/*
 * The command that the recipient's reply answered, where only the text part tells: Postfix's "(in reply to RCPT TO
 * command)" in the paragraph that begins with "<recipient>:", or the last ">>>" before the "<<<" that begins like
 * `reply`, the Diagnostic-Code.  COMMAND_UNKNOWN if neither is there.
 */
enum smtp_command transcript_find_command(struct span text, struct span transcript, struct span recipient, struct span reply);

#endif
