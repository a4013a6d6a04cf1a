/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is decided about a recipient, and what it was decided from.  Value types; pure; any thread.
 */
#ifndef KODAMA_DECIDE_DECISION_H
#define KODAMA_DECIDE_DECISION_H

#include "base/address.h"
#include "classify/verdict.h"
#include "evidence/outcome.h"

enum decision_kind {
	DECISION_NONE,       /* no effect on the recipient: other scope, not final, a duplicate, no address of ours */
	DECISION_COUNTED,
	DECISION_SUPPRESSED,
	DECISION_HELD,       /* the surge guard: recorded, not enforced */
	DECISION_EXEMPT,
	DECISION_UNPROVED,
	DECISION_DRY_RUN,    /* would be suppressed, but enforce = no */
	DECISION_COUNT
};

const char *decision_get_name(enum decision_kind kind); /* "dry-run" */

#define TIME_FOREVER INT64_MAX

struct decision {
	enum decision_kind kind;
	int64_t until_s;     /* suppressed, held, dry-run: end, or TIME_FOREVER */
	unsigned count;      /* counted: so many ... */
	unsigned after;      /* ... of so many */
	bool is_duplicate;   /* seen before: nothing was counted again */
	const char *why;     /* static English clause, for the log and `kodama why` */
};

/* One outcome on its way into the history: what the writer needs, nothing borrowed that dies before the call ends. */
struct event {
	const struct outcome *outcome;
	const struct verdict *verdict;
	struct span stream;        /* "" is the stream "*" */
	struct span host;          /* the reporting instance: host or host/instance; part of the queue id's key */
	int64_t received_s;        /* our clock when the evidence came */
	bool is_reported_by_us;    /* the reporting MTA is ours: Final-Recipient is the address that we mailed */
	struct span token_recipient; /* the address that a valid token binds; SPAN_NONE without one */
};

#endif
