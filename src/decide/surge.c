/* SPDX-License-Identifier: BSD-2-Clause */
/* Ten one-minute buckets and the last distinct recipients of each group; the stalest of those beside it makes room.  Pure. */
#include "decide/surge.h"

#include <stdlib.h>

#include "base/siphash.h"

enum { SETS = 32, WAYS = 32, BUCKETS = 10, BUCKET_S = SURGE_WINDOW_S / BUCKETS, RECIPIENTS = 64 };

struct bucket {
	int64_t minute;
	uint32_t now, failures, successes;
};

struct recipient {
	uint64_t hash;
	int64_t time_s;
};

struct group {
	uint64_t hash; /* 0: free */
	int64_t last_s;
	struct bucket buckets[BUCKETS];
	struct recipient recipients[RECIPIENTS];
	unsigned next; /* the recipient to be overwritten */
};

struct surge {
	struct group groups[SETS][WAYS]; /* by the hash: every outcome asks */
};

static uint64_t get_hash(struct span text)
{
	static const struct siphash_key key = { { 0x7375726765, 0x6775617264 } };
	uint64_t hash = siphash(&key, text);

	return hash ? hash : 1;
}

struct surge *surge_new(void)
{
	return calloc(1, sizeof(struct surge));
}

void surge_free(struct surge *surge)
{
	free(surge);
}

struct span surge_get_group(const struct verdict *verdict, const struct address *address)
{
	if (verdict->class_id == CLASS_DOMAIN_UNKNOWN)
		return SPAN_LIT("*");
	if (verdict->provider && *verdict->provider)
		return span_of(verdict->provider);
	return address_get_domain(address);
}

static const struct group *find_group(const struct surge *surge, struct span name)
{
	uint64_t hash = get_hash(name);

	for (size_t i = 0; i < WAYS; i++) {
		const struct group *group = &surge->groups[hash % SETS][i];
		if (group->hash == hash)
			return group;
	}
	return NULL;
}

static struct group *take_group(struct surge *surge, struct span name)
{
	struct group *group = (struct group *)find_group(surge, name);

	if (group)
		return group;
	uint64_t hash = get_hash(name);
	struct group *set = surge->groups[hash % SETS];
	group = set;
	for (size_t i = 1; i < WAYS && group->hash; i++) {
		if (!set[i].hash || set[i].last_s < group->last_s)
			group = &set[i];
	}
	*group = (struct group){ .hash = hash };
	return group;
}

static void note_recipient(struct group *group, uint64_t hash, int64_t now_s)
{
	for (size_t i = 0; i < RECIPIENTS; i++) {
		if (group->recipients[i].hash == hash) {
			group->recipients[i].time_s = now_s;
			return;
		}
	}
	group->recipients[group->next] = (struct recipient){ hash, now_s };
	group->next = (group->next + 1) % RECIPIENTS;
}

void surge_note(struct surge *surge, struct span name, struct span recipient, bool is_now, bool is_success, int64_t now_s)
{
	struct group *group = take_group(surge, name);
	int64_t minute = now_s / BUCKET_S;
	struct bucket *bucket = &group->buckets[(uint64_t)minute % BUCKETS];

	if (bucket->minute != minute)
		*bucket = (struct bucket){ .minute = minute };
	bucket->now += is_now;
	bucket->successes += is_success;
	bucket->failures += !is_success;
	group->last_s = now_s;
	if (is_now)
		note_recipient(group, get_hash(recipient), now_s);
}

static bool is_recent(int64_t time_s, int64_t now_s)
{
	return time_s > now_s - SURGE_WINDOW_S && time_s <= now_s + SURGE_WINDOW_S;
}

bool surge_is_suspect(const struct surge *surge, struct span name, int64_t now_s)
{
	const struct group *group = find_group(surge, name);
	unsigned distinct = 0;

	for (size_t i = 0; group && i < RECIPIENTS; i++)
		distinct += group->recipients[i].hash && is_recent(group->recipients[i].time_s, now_s);
	return distinct >= SURGE_RECIPIENTS;
}

static struct bucket sum_up(const struct group *group, int64_t now_s)
{
	struct bucket sum = { .minute = now_s / BUCKET_S };

	for (size_t i = 0; i < BUCKETS; i++) {
		const struct bucket *bucket = &group->buckets[i];
		if (bucket->minute <= sum.minute - BUCKETS || bucket->minute > sum.minute)
			continue;
		sum.now += bucket->now;
		sum.failures += bucket->failures;
		sum.successes += bucket->successes;
	}
	return sum;
}

bool surge_is_on(const struct surge *surge, struct span name, double usual, int64_t now_s)
{
	const struct group *group = find_group(surge, name);

	if (!group)
		return false;
	struct bucket sum = sum_up(group, now_s);
	uint64_t all = (uint64_t)sum.failures + sum.successes;
	if (sum.successes && (uint64_t)sum.now * 100 > all * SURGE_SHARE_PERCENT)
		return true;
	if (usual >= 0 && sum.now >= SURGE_USUAL_FACTOR * usual)
		return true;
	return !sum.successes && usual < 0;
}
