/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second half of a decision: a recipient's history (of one stream), and what a ruling does to it.
 * Pure; time is an argument; any thread.
 */
#ifndef KODAMA_DECIDE_HISTORY_H
#define KODAMA_DECIDE_HISTORY_H

#include "decide/ruling.h"

enum { HISTORY_TALLIES = 16, RULE_NAME_SIZE = 128, PROVIDER_NAME_SIZE = 64 };

/* Failures in a row under one section. */
struct tally {
	char section[SECTION_NAME_SIZE];
	unsigned count;
	int64_t first_s, last_s;
};

struct history {
	enum decision_kind kind;     /* none, suppressed or held */
	int64_t since_s, until_s;
	unsigned times;              /* suppressions without a success between them: each is twice as long */
	char section[SECTION_NAME_SIZE];
	/* the verdict that it is suppressed for, else the last one */
	enum class class_id;
	char rule[RULE_NAME_SIZE], provider[PROVIDER_NAME_SIZE];
	int64_t last_failure_s, last_success_s; /* 0: never */
	struct tally tallies[HISTORY_TALLIES];
	size_t tally_count;
};

/* What the ruling leaves to be looked up. */
struct facts {
	int64_t time_s;               /* when it happened (event_get_time) */
	bool is_returned;             /* told by another host: of a mail that had been delivered to it before, if in the same second */
	bool is_proof_raised;         /* counted before on a weaker proof: it may suppress, not count again */
	bool is_shared;          /* who says so shares the token with others: his word alone brings back no suppression */
	bool has_provider_success;    /* the provider took other mail of ours within a day */
	bool is_surge;                /* the surge guard holds what is suppressed now */
};

/* Changes *history, says what was decided. */
struct decision history_apply(struct history *history, const struct ruling *ruling, const struct verdict *verdict,
			      const struct facts *facts);

bool history_is_suppressed(const struct history *history, int64_t now_s);

/* Nothing stands against the address: the row need not be kept. */
bool history_is_clean(const struct history *history);

/*
 * A success turned out to be a relay's promise: what it had wiped out comes back, and what happened since stays.
 * before: the history as it was when the success came.
 */
void history_take_back(struct history *history, const struct history *before);

#endif
