/* SPDX-License-Identifier: BSD-2-Clause */
/* The refusal of a suppressed recipient, the same text on every front.  Pure. */
#ifndef KODAMA_REPLY_ACTION_H
#define KODAMA_REPLY_ACTION_H

#include "base/address.h"
#include "classify/taxonomy.h"

/* Ends every refusal that we make, so that we know our own words when they come back. */
#define REFUSAL_MARK "(kodama-suppressed)"

enum { REFUSAL_SIZE = 512 };

/*
 * "<user@example.com>: suppressed since 2026-11-21: user-unknown (kodama-suppressed)", without code and status.
 * ASCII; `template` with %r (recipient), %d (date), %c (class), NULL for the default.  Returns `text`.
 */
const char *refusal_format(const char *template, const struct address *recipient, int64_t since_s, enum class class_id,
			   char text[static REFUSAL_SIZE]);

#endif
