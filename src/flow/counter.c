/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters: relaxed atomics; nobody draws conclusions from one before another.  Any thread. */
#include "flow/counter.h"

#include <assert.h>

static const char *const names[] = {
	[COUNTER_MILTER_SESSIONS] = "milter-sessions",
	[COUNTER_MILTER_MESSAGES] = "milter-messages",
	[COUNTER_MILTER_CANDIDATES] = "milter-candidates",
	[COUNTER_MILTER_BOUNCES] = "milter-bounces",
	[COUNTER_MILTER_REFUSED] = "milter-refused",
	[COUNTER_MILTER_REMOVED] = "milter-removed",
	[COUNTER_MILTER_FORGED] = "milter-forged",
	[COUNTER_MILTER_TEMPFAILED] = "milter-tempfailed",
	[COUNTER_MILTER_FAILED_OPEN] = "milter-failed-open",
	[COUNTER_POLICY_REQUESTS] = "policy-requests",
	[COUNTER_POLICY_REFUSED] = "policy-refused",
	[COUNTER_POLICY_MALFORMED] = "policy-malformed",
	[COUNTER_DRY_RUN] = "dry-run",
	[COUNTER_OUTCOMES] = "outcomes",
	[COUNTER_QUEUED] = "queued",
	[COUNTER_LOST] = "lost",
	[COUNTER_RELOADS] = "reloads",
	[COUNTER_RELOADS_FAILED] = "reloads-failed",
};
static_assert(sizeof(names) / sizeof(names[0]) == COUNTER_COUNT, "a name for each counter");

static uint64_t values[COUNTER_COUNT];
static uint64_t classes[CLASS_COUNT];
static uint64_t decisions[DECISION_COUNT];

const char *counter_get_name(enum counter counter)
{
	return names[counter];
}

void counter_add(enum counter counter, uint64_t n)
{
	__atomic_add_fetch(&values[counter], n, __ATOMIC_RELAXED);
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
