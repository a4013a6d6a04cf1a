/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters: relaxed atomics; nobody draws conclusions from one before another.  Any thread. */
#include "flow/counter.h"

#include <assert.h>

static const char *const groups[] = {
	[GROUP_MILTER] = "milter",
	[GROUP_POLICY] = "policy",
	[GROUP_SOCKETMAP] = "socketmap",
	[GROUP_MAILLOG] = "maillog",
	[GROUP_INGEST] = "ingest",
	[GROUP_OUTCOMES] = "outcomes",
	[GROUP_DAEMON] = "daemon",
};
static_assert(sizeof(groups) / sizeof(groups[0]) == GROUP_COUNT, "a name for each group");

static const struct {
	enum counter_group group;
	const char *name;
} rows[] = {
	[COUNTER_MILTER_OPEN] = { GROUP_MILTER, "open" },
	[COUNTER_MILTER_SESSIONS] = { GROUP_MILTER, "sessions" },
	[COUNTER_MILTER_MESSAGES] = { GROUP_MILTER, "messages" },
	[COUNTER_MILTER_CANDIDATES] = { GROUP_MILTER, "candidates" },
	[COUNTER_MILTER_BOUNCES] = { GROUP_MILTER, "bounces" },
	[COUNTER_MILTER_REFUSED] = { GROUP_MILTER, "refused" },
	[COUNTER_MILTER_REMOVED] = { GROUP_MILTER, "removed" },
	[COUNTER_MILTER_FORGED] = { GROUP_MILTER, "forged" },
	[COUNTER_MILTER_SIGNED] = { GROUP_MILTER, "signed" },
	[COUNTER_MILTER_BACKSCATTER] = { GROUP_MILTER, "backscatter" },
	[COUNTER_MILTER_TEMPFAILED] = { GROUP_MILTER, "tempfailed" },
	[COUNTER_MILTER_FAILED_OPEN] = { GROUP_MILTER, "failed-open" },
	[COUNTER_POLICY_REQUESTS] = { GROUP_POLICY, "requests" },
	[COUNTER_POLICY_REFUSED] = { GROUP_POLICY, "refused" },
	[COUNTER_POLICY_MALFORMED] = { GROUP_POLICY, "malformed" },
	[COUNTER_MAP_REQUESTS] = { GROUP_SOCKETMAP, "requests" },
	[COUNTER_MAP_REFUSED] = { GROUP_SOCKETMAP, "refused" },
	[COUNTER_MAP_CORRECTED] = { GROUP_SOCKETMAP, "corrected" },
	[COUNTER_MAP_MALFORMED] = { GROUP_SOCKETMAP, "malformed" },
	[COUNTER_MAILLOG_LINES] = { GROUP_MAILLOG, "lines" },
	[COUNTER_MAILLOG_GARBAGE] = { GROUP_MAILLOG, "garbage" },
	[COUNTER_MAILLOG_REFUSED] = { GROUP_MAILLOG, "refused" },
	[COUNTER_MAILLOG_DELIVERED] = { GROUP_MAILLOG, "delivered" },
	[COUNTER_MAILLOG_RELAYED] = { GROUP_MAILLOG, "relayed" },
	[COUNTER_MAILLOG_DEFERRED] = { GROUP_MAILLOG, "deferred" },
	[COUNTER_MAILLOG_FAILED] = { GROUP_MAILLOG, "failed" },
	[COUNTER_MAILLOG_COMMITS] = { GROUP_MAILLOG, "commits" },
	[COUNTER_MAILLOG_PAUSES] = { GROUP_MAILLOG, "pauses" },
	[COUNTER_MAILLOG_GAPS] = { GROUP_MAILLOG, "gaps" },
	[COUNTER_INGEST_MESSAGES] = { GROUP_INGEST, "messages" },
	[COUNTER_INGEST_BOUNCES] = { GROUP_INGEST, "bounces" },
	[COUNTER_INGEST_TEMPFAILED] = { GROUP_INGEST, "tempfailed" },
	[COUNTER_INGEST_REFUSED] = { GROUP_INGEST, "refused" },
	[COUNTER_OUTCOMES] = { GROUP_OUTCOMES, "read" },
	[COUNTER_QUEUED] = { GROUP_OUTCOMES, "queued" },
	[COUNTER_LOST] = { GROUP_OUTCOMES, "lost" },
	[COUNTER_DRY_RUN] = { GROUP_DAEMON, "dry-run" },
	[COUNTER_RELOADS] = { GROUP_DAEMON, "reloads" },
	[COUNTER_RELOADS_FAILED] = { GROUP_DAEMON, "reloads-failed" },
};
static_assert(sizeof(rows) / sizeof(rows[0]) == COUNTER_COUNT, "a row for each counter");

static uint64_t values[COUNTER_COUNT];
static uint64_t classes[CLASS_COUNT];
static uint64_t decisions[DECISION_COUNT];

const char *counter_group_get_name(enum counter_group group)
{
	return groups[group];
}

enum counter_group counter_get_group(enum counter counter)
{
	return rows[counter].group;
}

const char *counter_get_name(enum counter counter)
{
	return rows[counter].name;
}

void counter_add(enum counter counter, uint64_t n)
{
	__atomic_add_fetch(&values[counter], n, __ATOMIC_RELAXED);
}

void counter_drop(enum counter counter)
{
	__atomic_sub_fetch(&values[counter], 1, __ATOMIC_RELAXED);
}

uint64_t counter_get(enum counter counter)
{
	return __atomic_load_n(&values[counter], __ATOMIC_RELAXED);
}

void counter_add_class(enum class class_id)
{
	__atomic_add_fetch(&classes[class_id], 1, __ATOMIC_RELAXED);
}

uint64_t counter_get_class(enum class class_id)
{
	return __atomic_load_n(&classes[class_id], __ATOMIC_RELAXED);
}

void counter_add_decision(enum decision_kind kind)
{
	__atomic_add_fetch(&decisions[kind], 1, __ATOMIC_RELAXED);
}

uint64_t counter_get_decision(enum decision_kind kind)
{
	return __atomic_load_n(&decisions[kind], __ATOMIC_RELAXED);
}
