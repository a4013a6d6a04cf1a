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
bool decision_find(struct span name, enum decision_kind *ret_kind);

#define TIME_FOREVER INT64_MAX

/* a + b, for times and durations that may be for ever */
int64_t time_add(int64_t time_s, int64_t duration_s);

/* Why it was decided so: a closed list, so that a decision can be written down and read back. */
enum reason {
	REASON_NONE,
	REASON_NOT_FINAL,
	REASON_OTHER_SCOPE,
	REASON_NO_EFFECT,
	REASON_NO_ADDRESS,
	REASON_UNPROVED,
	REASON_LOCAL_DOMAIN,
	REASON_EXEMPT_SENDER,
	REASON_EXEMPT_LOGIN,
	REASON_EXEMPT_RECIPIENT,
	REASON_EXEMPT_DOMAIN,
	REASON_NO_SECTION,
	REASON_WEAK_BASIS,
	REASON_DUPLICATE,
	REASON_OLDER_THAN_SUCCESS,
	REASON_COUNTED,
	REASON_AT_ONCE,
	REASON_THRESHOLD,
	REASON_AGAIN,
	REASON_ALREADY,
	REASON_SURGE,
	REASON_SUCCESS_RESET,
	REASON_SUCCESS_NOTHING,
	REASON_PROOF_RAISED,
	REASON_COUNT
};

const char *reason_get_text(enum reason reason); /* a static English clause */

struct decision {
	enum decision_kind kind;
	int64_t until_s;     /* suppressed, held, dry-run: end, or TIME_FOREVER */
	unsigned count;      /* counted: so many ... */
	unsigned after;      /* ... of so many */
	bool is_duplicate;   /* seen before: nothing was counted again */
	enum reason reason;
	const char *why;     /* its text, for the log and `kodama why` */
};

/* One outcome on its way into the history: what the writer needs, nothing borrowed that dies before the call ends. */
struct event {
	const struct outcome *outcome;
	const struct verdict *verdict;
	struct span stream;        /* "": streams are not in use; "*": in use, this one's is unknown */
	struct span login;         /* SASL login of the sender where known, for exempt-logins */
	bool is_exempt_login;      /* the login was one of exempt-logins when the mail was sent */
	struct span host;          /* the reporting instance: host or host/instance; part of the queue id's key */
	int64_t received_s;        /* our clock when the evidence came */
	bool is_own_word;          /* of our MTA, and of no other host: its delivery agents speak of mailboxes of our own */
	bool is_reported_by_us;    /* the reporting MTA is ours: Final-Recipient is the address that we mailed */
	struct span token_recipient; /* the address that a valid token binds; SPAN_NONE without one */
	struct span token_id;      /* names the token's message, the same in header and ENVID; SPAN_NONE: outcome->token does */
	struct span nonce;         /* the writer's own: names this event where nothing else does */
};

#endif
