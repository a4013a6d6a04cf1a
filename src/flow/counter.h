/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened since the start, in numbers: for `kodama status`.  Any thread.
 *
 * A new counter is a line here and a row of the table in counter.c; a new front is also a group.  `kodama status` shows
 * them by group, in this order.
 */
#ifndef KODAMA_FLOW_COUNTER_H
#define KODAMA_FLOW_COUNTER_H

#include "classify/taxonomy.h"
#include "decide/decision.h"

enum counter_group {
	GROUP_MILTER,
	GROUP_POLICY,
	GROUP_SOCKETMAP,
	GROUP_MAILLOG,
	GROUP_INGEST,
	GROUP_OUTCOMES, /* from here on no fronts */
	GROUP_DAEMON,
	GROUP_COUNT
};

enum counter {
	COUNTER_MILTER_OPEN,        /* a gauge: sessions that are open now */
	COUNTER_MILTER_SESSIONS,
	COUNTER_MILTER_MESSAGES,
	COUNTER_MILTER_CANDIDATES,  /* messages whose body was read */
	COUNTER_MILTER_BOUNCES,     /* messages with outcomes */
	COUNTER_MILTER_REFUSED,     /* recipients refused */
	COUNTER_MILTER_REMOVED,     /* recipients taken out */
	COUNTER_MILTER_FORGED,      /* messages with header fields of ours from outside */
	COUNTER_MILTER_SIGNED,      /* outbound messages that got a token */
	COUNTER_MILTER_BACKSCATTER, /* bounces of mail that we did not send */
	COUNTER_MILTER_TEMPFAILED,  /* bounces sent back because nothing could keep their outcomes */
	COUNTER_MILTER_FAILED_OPEN, /* messages accepted although something failed inside */
	COUNTER_POLICY_REQUESTS,
	COUNTER_POLICY_REFUSED,
	COUNTER_POLICY_MALFORMED,
	COUNTER_MAP_REQUESTS,
	COUNTER_MAP_REFUSED,        /* look-ups answered with a refusal */
	COUNTER_MAP_CORRECTED,      /* statuses answered with another one */
	COUNTER_MAP_MALFORMED,
	COUNTER_MAILLOG_LINES,
	COUNTER_MAILLOG_GARBAGE,    /* lines that are none of a log, or too long */
	COUNTER_MAILLOG_REFUSED,    /* journal lines about deliveries, of users that are not allowed */
	COUNTER_MAILLOG_DELIVERED,  /* recipients, from here on */
	COUNTER_MAILLOG_RELAYED,    /* taken by a relay that delivers nothing itself */
	COUNTER_MAILLOG_DEFERRED,
	COUNTER_MAILLOG_FAILED,
	COUNTER_MAILLOG_COMMITS,
	COUNTER_MAILLOG_PAUSES,     /* commits that failed: reading waits for the store */
	COUNTER_MAILLOG_GAPS,       /* the rest of a log that was rotated away could not be found */
	COUNTER_INGEST_MESSAGES,    /* that came whole */
	COUNTER_INGEST_BOUNCES,     /* with outcomes */
	COUNTER_INGEST_TEMPFAILED,  /* to be brought again, because nothing could keep their outcomes */
	COUNTER_INGEST_REFUSED,     /* no message, or one that is too large */
	COUNTER_OUTCOMES,
	COUNTER_QUEUED,             /* outcomes that went to the queue on disk */
	COUNTER_LOST,               /* outcomes that neither the store nor the queue took */
	COUNTER_DRY_RUN,            /* refusals that enforce = no kept back */
	COUNTER_RELOADS,
	COUNTER_RELOADS_FAILED,
	COUNTER_COUNT
};

const char *counter_group_get_name(enum counter_group group); /* "milter" */
enum counter_group counter_get_group(enum counter counter);
const char *counter_get_name(enum counter counter); /* "messages": within its group */
void counter_add(enum counter counter, uint64_t n);
void counter_drop(enum counter counter); /* of a gauge: one less */
uint64_t counter_get(enum counter counter);

void counter_add_class(enum class class_id);
uint64_t counter_get_class(enum class class_id);
void counter_add_decision(enum decision_kind kind);
uint64_t counter_get_decision(enum decision_kind kind);

#endif
