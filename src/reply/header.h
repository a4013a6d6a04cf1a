/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * X-Bounce-Result and X-Bounce-Advice (DESIGN section 8): ASCII, keys in a fixed order, absent when unknown; no remote
 * text but the recipient, as RFC 6533 utf-8-addr-xtext.  Pure.
 */
#ifndef KODAMA_REPLY_HEADER_H
#define KODAMA_REPLY_HEADER_H

#include "decide/decision.h"
#include "reply/edits.h"

enum { RESULTS_MAX = 50, ADVICE_MAX = 4000 /* bytes of an advice; the rest is cut */ };

#define HEADER_RESULT "X-Bounce-Result"
#define HEADER_ADVICE "X-Bounce-Advice"
#define HEADER_TOKEN "X-Kodama-Token"
#define HEADER_SUPPRESSED "X-Kodama-Suppressed"

/* One of ours by name, any case: to be removed from what comes from outside. */
bool header_is_ours(struct span name);

struct result {
	const struct outcome *outcome;
	const struct verdict *verdict;
	const struct decision *decision; /* NULL: not known (queued on disk), no decision is written */
	bool is_backscatter_likely;
};

/*
 * The header edits for the results of one message: a Result each, at most RESULTS_MAX and then `more=N`, one Advice per
 * distinct rule.  host: our name.  -ENOMEM.
 */
int header_write(const struct result *results, size_t count, const char *host, enum language language, struct arena *arena, struct edits *edits)
	__attribute__((warn_unused_result));

/*
 * The value of X-Kodama-Suppressed, in a mail to a suppressed recipient: action is "removed" (the others get the mail) or
 * "marked" (all do).  SPAN_NONE when out of memory.
 */
struct span header_format_suppressed(struct span recipient, enum class class_id, int64_t since_s, const char *action, const char *host,
				     struct arena *arena);

/* The value of one X-Bounce-Result, folded with "\n "; for tests and `kodama ingest --annotate`. */
struct span header_format_result(const struct result *result, const char *host, struct arena *arena);

#endif
