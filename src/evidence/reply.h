/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMTP reply inside a text.  A diagnostic is often a frame around the remote's words:
 * 'host x[1.2.3.4] said: 550-5.1.1 No such 550 5.1.1 user (in reply to RCPT TO command)', 'smtp; 550 ...',
 * '<<< 550 ...', 'Remote host said: ...', '#550 5.1.1 ... ##'.  This reader takes the frame off, joins
 * the continuation lines, and tells code, status, words and command apart (RFC 5321 section 4.2, RFC 2034).
 * A frame is the sending MTA's own words; a code or a status that stands only in the middle of prose is not
 * taken for a reply.  Pure; any thread; the text is hostile; time is linear in its length.
 */
#ifndef KODAMA_EVIDENCE_REPLY_H
#define KODAMA_EVIDENCE_REPLY_H

#include "base/arena.h"
#include "evidence/status.h"

/* The SMTP command (or the stage of it) that the reply answered. */
enum smtp_command {
	COMMAND_UNKNOWN,
	COMMAND_CONNECT,
	COMMAND_EHLO,
	COMMAND_STARTTLS,
	COMMAND_AUTH,
	COMMAND_MAIL,
	COMMAND_RCPT,
	COMMAND_DATA,
	COMMAND_END_OF_DATA,
	COMMAND_COUNT
};

/* "connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "end-of-data"; "" for unknown. */
const char *smtp_command_get_name(enum smtp_command command);

/* By those names, by the verb ("RCPT TO", "MAIL FROM", "HELO"), any case; unknown otherwise. */
enum smtp_command smtp_command_find(struct span name);

struct reply {
	uint16_t code;             /* 200 to 599; 0 unknown */
	struct status status;      /* of the reply itself */
	struct span text;          /* the remote's words: code, status and continuation prefixes out, white
				    * space folded to one blank; all of the input where no reply stands in it */
	enum smtp_command command; /* as the frame names it */
	struct span remote_mta;    /* host as the frame names it; unknown otherwise */
	bool is_inner;             /* it stands in the middle of words that are no known frame's */
};

/* The longest text that is looked at, in bytes; the rest is ignored. */
enum { REPLY_TEXT_MAX = 64 * 1024 };

/* Fills *ret_reply; spans point into `text` or the arena.  -ENOMEM past the arena's limit. */
int reply_find(struct span text, struct arena *arena, struct reply *ret_reply) __attribute__((warn_unused_result));

#endif
