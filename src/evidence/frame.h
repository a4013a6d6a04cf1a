/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sending MTA's words around a remote's reply: which command was answered, which host answered, where the
 * reply begins and where it ends.  One table of phrases, matched at the starts of words.  Pure; any thread.
 */
#ifndef KODAMA_EVIDENCE_FRAME_H
#define KODAMA_EVIDENCE_FRAME_H

#include "evidence/reply.h"

struct frame {
	enum smtp_command command; /* that the phrase names */
	struct span host;          /* that it names */
	bool is_opening;           /* the reply begins right after it */
	bool is_closing;           /* it follows a reply, and ends it */
	bool is_soft;              /* the command counts only where nothing else names one */
	bool is_after_host;        /* frame_find_host_before() tells the host */
};

/* A phrase at the start of `text`: its length, 0 if there is none.  *ret_frame is untouched then. */
size_t frame_take(struct span text, struct frame *ret_frame);

/* The name of a command ("RCPT TO", "end of DATA", "HELO") at the start of `text`: its length, 0 if none. */
size_t frame_take_command(struct span text, enum smtp_command *ret_command);

/* The host's name or address that `text` ends with; SPAN_NONE if it ends with something else. */
struct span frame_find_host_before(struct span text);

#endif
