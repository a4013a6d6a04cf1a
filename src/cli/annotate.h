/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message as a mailer hands it to a program, maybe with mbox's "From " line, with LF or CRLF: has it been here before,
 * and how it looks with our header fields on top.  All else stays byte for byte.  Pure; one thread; every byte is hostile.
 */
#ifndef KODAMA_CLI_ANNOTATE_H
#define KODAMA_CLI_ANNOTATE_H

#include "base/buffer.h"

/* Which host's `kodama ingest --annotate` a message has passed. */
#define HEADER_INGESTED "X-Kodama-Ingested"

/* More hops than any mail makes that does not run in a circle (RFC 5321 section 6.3). */
enum { ANNOTATE_HOPS_MAX = 100 };

/* It bears our mark of this host, or has come through too many. */
bool annotate_is_loop(struct span message, const char *host);

/*
 * fields: "Name: value" lines, folded, with LF.  They go to the top, below mbox's line, with the line end of the message, our
 * mark behind them; fields of ours that were there before are left out, because anybody may have written them.
 * *out is cut when it is too small.
 */
void annotate(struct span message, struct span fields, const char *host, struct buffer *out);

#endif
