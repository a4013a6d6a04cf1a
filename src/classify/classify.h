/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classifying one failure: the rule set's strongest match, and the rules of safety (DESIGN section 5).
 * Pure; any thread; one scratch per call at a time; the query's text is hostile, time and memory are bounded.
 */
#ifndef KODAMA_CLASSIFY_CLASSIFY_H
#define KODAMA_CLASSIFY_CLASSIFY_H

#include "classify/ruleset.h"
#include "evidence/outcome.h"

/* The longest folded text that patterns see; of a longer one the rest is ignored, and the effect is never `now`. */
enum { CLASSIFY_TEXT_MAX = 16 * 1024 };

/* Working memory of one call after the other: PCRE2 match data, folded text.  Not shared between threads. */
struct scratch;
struct scratch *scratch_new(void);
void scratch_free(struct scratch *scratch);

/* What is known of a failure. */
struct query {
	struct span text;       /* the remote's words, frame off or on: a frame is taken off first */
	uint16_t reply;         /* 0 unknown: then the text's own */
	struct status status;   /* unknown: then the text's own */
	enum smtp_command command;
	enum action action;     /* unknown: from the reply code, else from the status (RFC 5321 4.2.1, RFC 3463 2) */
	enum kind kind;
	enum feedback feedback; /* of kind arf */
	bool is_generic;        /* found by the generic reader */
	bool is_expired;        /* what no rule knows is then class expired */
	struct span recipient;
	struct span remote_mta;
	struct span provider;   /* named by the caller; empty or "generic": find out */
};

/* The query that an outcome makes; borrows its spans. */
struct query query_of(const struct outcome *outcome);

/*
 * Always gives a verdict; `unclassified` with basis none where nothing is known.
 * A provider that the query names and no rule knows is borrowed from the scratch, until its next call.
 */
void classify(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct verdict *ret_verdict);

/* The provider alone, as far as the host and the recipient's domain tell it: the rule set's name of it, "" for none. */
const char *classify_find_provider(const struct ruleset *ruleset, struct span remote_mta, struct span domain);

/* action with the rules above applied: never ACTION_UNKNOWN when reply or status is known. */
enum action query_get_action(const struct query *query);

#endif
