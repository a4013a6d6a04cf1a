/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first half of a decision: what the operator's word makes of one event, whatever the address's history is.
 * A ruling is small and whole: it can wait in a queue on disk and be applied later, after a reload or a restart.
 * Pure; any thread.
 */
#ifndef KODAMA_DECIDE_RULING_H
#define KODAMA_DECIDE_RULING_H

#include "decide/limits.h"

struct ruling {
	enum decision_kind kind;  /* counted: it goes to the history; else that is the decision */
	enum reason reason;
	bool is_success;          /* goes to the history as a delivery */
	bool is_final;            /* a failure, a complaint or a delivery: the last word on this recipient of this message */
	bool is_kept;             /* a proved final failure or complaint: a row of the outcomes */
	bool is_shared_too;       /* the same fact also counts for all streams */
	bool is_dry_run;          /* enforce = no */
	bool needs_success;       /* careful: only if the provider took other mail of ours */
	enum effect effect;       /* after the rules of proof */
	char section[SECTION_NAME_SIZE];
	unsigned after;
	int64_t within_s, for_s;
	struct address address;   /* whom it counts against; len 0: nobody */
};

struct ruling ruling_make(const struct limits *limits, const struct event *event);

/* Would the event change nothing because nothing proves it?  Such never reach the writer's thread. */
bool ruling_is_unproved(const struct limits *limits, const struct event *event);

/* How much a proof is worth: none 0, shared 1, more than those 2 and up. */
unsigned proof_get_rank(enum proof proof);

/* Told by another host than ours, in a report: what it tells of was over when the report came. */
bool event_is_returned(const struct event *event);

/* When it happened: the report's own time where our MTA wrote it and it is not in the future, else when it came. */
int64_t event_get_time(const struct event *event);

/*
 * What names the failure: token, host/instance/queue id, Message-ID, or, without them, the event's nonce.
 * A match of any, with the recipient, within its time is the same failure seen again.
 */
enum { EVENT_KEYS_MAX = 3, EVENT_KEY_SIZE = 320 };

struct event_key {
	char text[EVENT_KEY_SIZE]; /* "fq:mx1.example.jp/3F2504E04F" */
	int64_t valid_s;           /* 21 days; 7 where the queue id is a short one, that is used again */
};

/* For failures and complaints; with `of_success`, the keys that a success of the same message has. */
size_t event_get_keys(const struct event *event, bool of_success, struct event_key ret_keys[static EVENT_KEYS_MAX]);

#endif
