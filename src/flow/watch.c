/* SPDX-License-Identifier: BSD-2-Clause */
/* Watching for one recipient.  Any thread; pthread.h stays here. */
#include "flow/watch.h"

#include <assert.h>
#include <pthread.h>

enum { WATCHED_MAX = 320 };

static const char *const names[] = {
	[SIGHTING_NONE] = "",
	[SIGHTING_MILTER] = "milter",
	[SIGHTING_POLICY] = "policy",
	[SIGHTING_SOCKETMAP] = "socketmap",
	[SIGHTING_BOUNCE] = "bounce",
	[SIGHTING_LOG] = "maillog",
	[SIGHTING_INGEST] = "ingest",
};
static_assert(sizeof(names) / sizeof(names[0]) == SIGHTING_COUNT, "a name for each sighting");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char watched[WATCHED_MAX]; /* under the lock */
static size_t watched_len;
static bool is_watching;          /* atomic, relaxed: a mail that passes at this very moment may be missed */
static unsigned seen;             /* atomic: 1 << enum sighting */
static int64_t last[SOURCE_COUNT];

const char *sighting_get_name(enum sighting sighting)
{
	return names[sighting];
}

void watch_begin(struct span recipient)
{
	bool is_on = recipient.len > 0 && recipient.len < WATCHED_MAX;

	pthread_mutex_lock(&lock);
	watched_len = is_on ? recipient.len : 0;
	if (is_on)
		memcpy(watched, recipient.ptr, recipient.len);
	__atomic_store_n(&seen, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&is_watching, is_on, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
}

bool watch_has_seen(enum sighting sighting)
{
	return __atomic_load_n(&seen, __ATOMIC_RELAXED) & (1u << sighting);
}

void watch_note(enum sighting sighting, struct span recipient)
{
	if (!__atomic_load_n(&is_watching, __ATOMIC_RELAXED))
		return;
	if (recipient.len >= 2 && recipient.ptr[0] == '<' && recipient.ptr[recipient.len - 1] == '>')
		recipient = span_slice(recipient, 1, recipient.len - 1);
	pthread_mutex_lock(&lock);
	if (span_is_equal_nocase(recipient, span_make(watched, watched_len)))
		__atomic_or_fetch(&seen, 1u << sighting, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
}

void watch_note_evidence(enum source source, int64_t now_s)
{
	__atomic_store_n(&last[source], now_s, __ATOMIC_RELAXED);
}

int64_t watch_get_last(enum source source)
{
	return __atomic_load_n(&last[source], __ATOMIC_RELAXED);
}

enum sighting sighting_of_source(enum source source)
{
	static const enum sighting sightings[SOURCE_COUNT] = {
		[SOURCE_MILTER] = SIGHTING_BOUNCE,
		[SOURCE_LOG] = SIGHTING_LOG,
		[SOURCE_INGEST] = SIGHTING_INGEST,
	};

	return sightings[source];
}
