/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole story of one classification: the reply found, every rule that matched, the winner, why the others lost.
 * Pure; any thread.  The command writes it as text or JSON.
 */
#ifndef KODAMA_CLASSIFY_EXPLAIN_H
#define KODAMA_CLASSIFY_EXPLAIN_H

#include "classify/classify.h"

/* Why a candidate did not win; a static English clause each. */
struct candidate {
	const char *rule;
	enum class class_id;
	enum scope scope;
	enum effect effect;
	enum basis basis;
	bool is_provider_bound;
	size_t from, to;       /* bytes of the folded text that the match covers; 0, 0 for status and reply rules */
	const char *lost;      /* "" for the winner */
};

struct explanation {
	struct reply reply;            /* as found in the text, completed with what the query knew */
	struct span folded;            /* the text that patterns saw */
	const char *provider_source;   /* "given", "remote host", "text", "recipient domain", "" */
	const char *safety;            /* the rule of safety that lowered the effect; "" for none */
	struct candidate *candidates;  /* strongest first; in the arena */
	size_t candidate_count;
	struct verdict verdict;        /* the same that classify() gives */
};

/* -ENOMEM past the arena's limit. */
int explain(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct arena *arena,
	    struct explanation *ret_explanation) __attribute__((warn_unused_result));

#endif
