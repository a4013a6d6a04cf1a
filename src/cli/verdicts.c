/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts that threads share: a table under a lock, asked once for each text that a thread has not met.  Any thread. */
#include "cli/verdicts.h"

#include <pthread.h>

#include "base/quick.h"

enum { VERDICTS_MAX = 1 << 14 };

struct kept {
	uint64_t hash;
	struct tally_key key; /* masked: owned; provider: unused */
	const char *provider;
	struct verdict verdict;
};

struct verdicts {
	pthread_mutex_t lock;
	struct siphash_key key;
	struct kept *items;
	struct tally_table table;
};

struct verdicts *verdicts_new(const struct siphash_key *key)
{
	struct verdicts *verdicts = calloc(1, sizeof(*verdicts));

	if (!verdicts)
		return NULL;
	pthread_mutex_init(&verdicts->lock, NULL);
	verdicts->key = *key;
	return verdicts;
}

void verdicts_free(struct verdicts *verdicts)
{
	if (!verdicts)
		return;
	for (size_t i = 0; i < verdicts->table.count; i++)
		free((void *)(uintptr_t)verdicts->items[i].key.masked.ptr);
	free(verdicts->items);
	free(verdicts->table.slots);
	pthread_mutex_destroy(&verdicts->lock);
	free(verdicts);
}

static uint64_t hash_key(const struct verdicts *verdicts, const struct tally_key *key)
{
	return quickhash(&verdicts->key, key->masked) + key->is_framed;
}

static struct kept *find(const struct verdicts *verdicts, uint64_t hash, const struct tally_key *key, const char *provider)
{
	size_t slot = hash;

	for (uint32_t n; (n = table_find_from(&verdicts->table, verdicts->items, sizeof(*verdicts->items), hash, &slot)); slot++) {
		struct kept *kept = &verdicts->items[n - 1];
		if (kept->provider == provider && kept->key.is_framed == key->is_framed && kept->key.is_expired == key->is_expired &&
		    kept->key.is_for_another == key->is_for_another &&
		    kept->key.action == key->action && status_is_equal(kept->key.dsn, key->dsn) && span_is_equal(kept->key.masked, key->masked))
			return kept;
	}
	return NULL;
}

bool verdicts_find(struct verdicts *verdicts, const struct tally_key *key, const char *provider, struct verdict *ret_verdict)
{
	const struct kept *kept;

	pthread_mutex_lock(&verdicts->lock);
	kept = find(verdicts, hash_key(verdicts, key), key, provider);
	if (kept)
		*ret_verdict = kept->verdict;
	pthread_mutex_unlock(&verdicts->lock);
	return kept != NULL;
}

static void add(struct verdicts *verdicts, const struct tally_key *key, const char *provider, const struct verdict *verdict)
{
	uint64_t hash = hash_key(verdicts, key);
	void *items = verdicts->items;
	struct kept *kept;
	char *masked;

	if (verdicts->table.count == VERDICTS_MAX || find(verdicts, hash, key, provider))
		return;
	masked = malloc(key->masked.len + 1);
	kept = masked ? table_add(&verdicts->table, &items, sizeof(*kept), hash) : NULL;
	verdicts->items = items;
	if (!kept) {
		free(masked);
		return;
	}
	memcpy(masked, key->masked.ptr, key->masked.len);
	*kept = (struct kept){ .hash = hash, .key = *key, .provider = provider, .verdict = *verdict };
	kept->key.masked.ptr = masked;
}

void verdicts_add(struct verdicts *verdicts, const struct tally_key *key, const char *provider, const struct verdict *verdict)
{
	pthread_mutex_lock(&verdicts->lock);
	add(verdicts, key, provider, verdict);
	pthread_mutex_unlock(&verdicts->lock);
}
