/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing with linear probing over (hash, value) pairs of atomics.  A slot's hash never changes while its
 * table lives; its value is exchanged whole, 0 when gone; so readers need no lock.  A table that grew is freed when
 * every reader that might look into it has left (counted in stripes).  Writers exclude each other by a mutex.
 */
#include "store/index.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/siphash.h"

struct slot {
	_Atomic uint64_t hash; /* 0: never used */
	_Atomic uint64_t value; /* 0: gone */
};

struct table {
	size_t mask;
	size_t used; /* slots with a hash, gone ones too */
	struct table *next_retired;
	uint64_t busy_stripes; /* of a retired one: stripes not yet seen without readers */
	struct slot slots[];
};

enum { STRIPES = 64, FIRST_SLOTS = 1024 };

struct stripe {
	_Atomic uint64_t readers;
	char pad[56];
};

struct index {
	_Atomic(struct table *) table;
	_Atomic size_t count;         /* entries that are not gone */
	_Atomic size_t domain_count;  /* manual entries for whole domains: most sites have none to look for */
	struct siphash_key key;
	pthread_mutex_t mutex;
	struct table *retired;
	struct stripe stripes[STRIPES];
};

/* A value: until in seconds (34 bits, all set is for ever), class (6), day since 1970 (17), manual (1), in use (1). */
enum { UNTIL_BITS = 34, CLASS_BITS = 6, DAY_BITS = 17 };
#define UNTIL_MAX ((UINT64_C(1) << UNTIL_BITS) - 1)
static_assert(CLASS_COUNT <= 1 << CLASS_BITS, "a class fits");

static uint64_t pack(const struct suppression *row)
{
	uint64_t until = row->until_s >= (int64_t)UNTIL_MAX ? UNTIL_MAX : (uint64_t)row->until_s;
	uint64_t day = row->since_s > 0 ? (uint64_t)(row->since_s / 86400) : 0;

	if (row->kind != DECISION_SUPPRESSED || row->until_s <= 0)
		return 0;
	if (day >= 1 << DAY_BITS)
		day = (1 << DAY_BITS) - 1;
	return until | (uint64_t)row->class_id << UNTIL_BITS | day << (UNTIL_BITS + CLASS_BITS) |
	       (uint64_t)(row->origin == ORIGIN_MANUAL) << (UNTIL_BITS + CLASS_BITS + DAY_BITS) | UINT64_C(1) << 63;
}

static bool unpack(uint64_t value, int64_t now_s, struct index_hit *ret_hit)
{
	uint64_t until = value & UNTIL_MAX;

	if (!value || (until != UNTIL_MAX && (int64_t)until <= now_s))
		return false;
	ret_hit->until_s = until == UNTIL_MAX ? TIME_FOREVER : (int64_t)until;
	ret_hit->class_id = (enum class)(value >> UNTIL_BITS & ((1 << CLASS_BITS) - 1));
	ret_hit->since_s = (int64_t)(value >> (UNTIL_BITS + CLASS_BITS) & ((1 << DAY_BITS) - 1)) * 86400;
	ret_hit->is_manual = value >> (UNTIL_BITS + CLASS_BITS + DAY_BITS) & 1;
	return true;
}

static struct table *table_new(size_t slots)
{
	struct table *table = calloc(1, sizeof(*table) + slots * sizeof(struct slot));

	if (table)
		table->mask = slots - 1;
	return table;
}

struct index *index_new(void)
{
	struct index *index = aligned_alloc(64, (sizeof(*index) + 63) / 64 * 64);
	struct table *table = table_new(FIRST_SLOTS);

	if (!index || !table) {
		free(index);
		free(table);
		return NULL;
	}
	memset(index, 0, sizeof(*index));
	if (getrandom(&index->key, sizeof(index->key), 0) != (ssize_t)sizeof(index->key)) {
		free(index);
		free(table);
		return NULL;
	}
	pthread_mutex_init(&index->mutex, NULL);
	atomic_init(&index->table, table);
	return index;
}

void index_free(struct index *index)
{
	if (!index)
		return;
	for (struct table *table = index->retired, *next; table; table = next) {
		next = table->next_retired;
		free(table);
	}
	free(atomic_load(&index->table));
	pthread_mutex_destroy(&index->mutex);
	free(index);
}

static uint64_t hash_entry(const struct index *index, struct span address, struct span stream)
{
	uint64_t hash = stream.len ? siphash_pair(&index->key, stream, address) : siphash(&index->key, address);

	return hash ? hash : 1;
}

/* The slot of that hash, or the free one where it belongs. */
static struct slot *probe(struct table *table, uint64_t hash)
{
	for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
		uint64_t there = atomic_load_explicit(&table->slots[at].hash, memory_order_acquire);
		if (there == hash || there == 0)
			return &table->slots[at];
	}
}

static void put(struct table *table, uint64_t hash, uint64_t value)
{
	struct slot *slot = probe(table, hash);
	bool is_new = atomic_load_explicit(&slot->hash, memory_order_relaxed) == 0;

	/* the value first: whoever sees the hash sees it too */
	atomic_store_explicit(&slot->value, value, memory_order_release);
	if (is_new) {
		atomic_store_explicit(&slot->hash, hash, memory_order_release);
		table->used++;
	}
}

static struct stripe *enter(const struct index *index)
{
	static _Atomic unsigned next_stripe;
	static _Thread_local unsigned mine;

	if (mine == 0)
		mine = atomic_fetch_add_explicit(&next_stripe, 1, memory_order_relaxed) % STRIPES + 1;
	struct stripe *stripe = (struct stripe *)&index->stripes[mine - 1];
	atomic_fetch_add(&stripe->readers, 1);
	return stripe;
}

static void leave(struct stripe *stripe)
{
	atomic_fetch_sub_explicit(&stripe->readers, 1, memory_order_release);
}

static bool look(const struct index *index, struct table *table, struct span address, struct span stream, int64_t now_s,
		 struct index_hit *ret_hit)
{
	uint64_t hash = hash_entry(index, address, stream);

	/* not probe(): an empty slot may be taken by another's entry between two looks at it */
	for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
		uint64_t there = atomic_load_explicit(&table->slots[at].hash, memory_order_acquire);
		if (there == 0)
			return false;
		if (there == hash)
			return unpack(atomic_load_explicit(&table->slots[at].value, memory_order_acquire), now_s, ret_hit);
	}
}

static bool look_streams(const struct index *index, struct table *table, struct span address, struct span stream, int64_t now_s,
			 struct index_hit *ret_hit)
{
	return (stream.len && look(index, table, address, stream, now_s, ret_hit)) ||
	       look(index, table, address, SPAN_LIT(""), now_s, ret_hit);
}

static bool find(const struct index *index, struct table *table, const struct address *recipient, struct span stream,
		 const char *delimiters, int64_t now_s, struct index_hit *ret_hit)
{
	struct address plain;

	if (look_streams(index, table, address_get(recipient), stream, now_s, ret_hit))
		return true;
	if (address_strip_extension(recipient, delimiters, &plain) &&
	    look_streams(index, table, address_get(&plain), stream, now_s, ret_hit))
		return true;
	if (atomic_load_explicit(&index->domain_count, memory_order_relaxed) == 0)
		return false;
	return look_streams(index, table, span_skip(address_get(recipient), recipient->at), stream, now_s, ret_hit);
}

bool index_find(const struct index *index, const struct address *recipient, struct span stream, const char *delimiters,
		int64_t now_s, struct index_hit *ret_hit)
{
	struct stripe *stripe = enter(index);
	struct table *table = atomic_load(&index->table);
	bool is_hit = find(index, table, recipient, stream, delimiters, now_s, ret_hit);

	leave(stripe);
	return is_hit;
}

/* Frees the retired tables that nobody can be looking into: each stripe was empty once since they were retired. */
static void reclaim(struct index *index)
{
	struct table **link = &index->retired;

	while (*link) {
		struct table *table = *link;
		for (unsigned i = 0; i < STRIPES; i++) {
			if (atomic_load(&index->stripes[i].readers) == 0)
				table->busy_stripes &= ~(UINT64_C(1) << i);
		}
		if (table->busy_stripes) {
			link = &table->next_retired;
			continue;
		}
		*link = table->next_retired;
		free(table);
	}
}

static void replace(struct index *index, struct table *table)
{
	struct table *old = atomic_exchange(&index->table, table);

	old->busy_stripes = UINT64_MAX;
	old->next_retired = index->retired;
	index->retired = old;
	reclaim(index);
}

static size_t choose_slots(size_t entries)
{
	size_t slots = FIRST_SLOTS;

	while (entries >= slots / 8 * 5)
		slots *= 2;
	return slots;
}

/* Room for one more: a new table without what is gone. */
static int make_room(struct index *index)
{
	struct table *old = atomic_load(&index->table);

	if (old->used + 1 <= (old->mask + 1) / 8 * 5)
		return 0;
	struct table *table = table_new(choose_slots((atomic_load(&index->count) + 1) / 4 * 5));
	if (!table)
		return old->used < old->mask ? 0 : -ENOMEM;
	for (size_t at = 0; at <= old->mask; at++) {
		uint64_t value = atomic_load_explicit(&old->slots[at].value, memory_order_relaxed);
		if (value)
			put(table, atomic_load_explicit(&old->slots[at].hash, memory_order_relaxed), value);
	}
	replace(index, table);
	return 0;
}

static uint64_t get_value(struct table *table, uint64_t hash)
{
	return atomic_load_explicit(&probe(table, hash)->value, memory_order_relaxed);
}

static int set(struct index *index, const struct suppression *row)
{
	uint64_t hash = hash_entry(index, row->address, row->stream), value = pack(row);
	uint64_t old = get_value(atomic_load(&index->table), hash);
	int change = (value ? 1 : 0) - (old ? 1 : 0);

	if (!value && !old)
		return 0;
	int result = value && !old ? make_room(index) : 0;
	if (result < 0)
		return result;
	if (change && row->address.len && row->address.ptr[0] == '@')
		atomic_fetch_add(&index->domain_count, (size_t)change);
	put(atomic_load(&index->table), hash, value);
	atomic_fetch_add(&index->count, (size_t)change);
	return 0;
}

int index_set(struct index *index, const struct suppression *row)
{
	pthread_mutex_lock(&index->mutex);
	int result = set(index, row);
	reclaim(index);
	pthread_mutex_unlock(&index->mutex);
	return result;
}

size_t index_get_count(const struct index *index)
{
	return atomic_load(&index->count);
}

struct filling {
	struct index *index;
	struct table *table;
	size_t count, domain_count;
	bool is_out_of_memory;
};

static bool grow_filling(struct filling *filling)
{
	struct table *old = filling->table;
	struct table *table = table_new((old->mask + 1) * 2);

	if (!table)
		return false;
	for (size_t at = 0; at <= old->mask; at++) {
		uint64_t value = atomic_load_explicit(&old->slots[at].value, memory_order_relaxed);
		if (value)
			put(table, atomic_load_explicit(&old->slots[at].hash, memory_order_relaxed), value);
	}
	filling->table = table;
	free(old);
	return true;
}

/* By hand and by evidence: the entry lasts as long as the longer one. */
static uint64_t merge(uint64_t a, uint64_t b)
{
	uint64_t manual = (a | b) & UINT64_C(1) << (UNTIL_BITS + CLASS_BITS + DAY_BITS);

	return ((a & UNTIL_MAX) > (b & UNTIL_MAX) ? a : b) | manual;
}

static bool fill_row(void *data, const struct suppression *row)
{
	struct filling *filling = data;
	uint64_t hash = hash_entry(filling->index, row->address, row->stream), value = pack(row);

	if (filling->table->used + 1 > (filling->table->mask + 1) / 8 * 5 && !grow_filling(filling)) {
		filling->is_out_of_memory = true;
		return false;
	}
	uint64_t old = get_value(filling->table, hash);
	put(filling->table, hash, old ? merge(old, value) : value);
	filling->count += old ? 0 : 1;
	if (!old && row->address.len && row->address.ptr[0] == '@')
		filling->domain_count++;
	return true;
}

static int fill(struct index *index, struct store *store, int64_t now_s)
{
	struct filling filling = { .index = index, .table = table_new(choose_slots(index_get_count(index))) };

	if (!filling.table)
		return -ENOMEM;
	int result = store_list_enforced(store, now_s, fill_row, &filling);
	if (result == 0 && filling.is_out_of_memory)
		result = -ENOMEM;
	if (result < 0) {
		free(filling.table);
		return result;
	}
	replace(index, filling.table);
	atomic_store(&index->count, filling.count);
	atomic_store(&index->domain_count, filling.domain_count);
	return 0;
}

int index_fill(struct index *index, struct store *store, int64_t now_s, int64_t *ret_change)
{
	int64_t change;
	/* asked before: what changes while it fills is taken in once more */
	int result = store_get_change(store, &change);

	if (result < 0)
		return result;
	pthread_mutex_lock(&index->mutex);
	result = fill(index, store, now_s);
	pthread_mutex_unlock(&index->mutex);
	if (result == 0)
		*ret_change = change;
	return result;
}

static bool update_row(void *data, const struct suppression *row)
{
	struct filling *filling = data;

	filling->is_out_of_memory = set(filling->index, row) < 0;
	return !filling->is_out_of_memory;
}

/* Under the mutex from the question to the last row: an older answer must not overwrite a newer one. */
int index_update(struct index *index, struct store *store, int64_t now_s, int64_t *change)
{
	struct filling filling = { .index = index };
	int64_t newest;
	int result = store_get_change(store, &newest);

	if (result < 0 || newest == *change)
		return result;
	pthread_mutex_lock(&index->mutex);
	result = store_list_changes(store, *change, update_row, &filling);
	reclaim(index);
	pthread_mutex_unlock(&index->mutex);
	if (result == -ESTALE)
		return index_fill(index, store, now_s, change);
	if (result == 0 && filling.is_out_of_memory)
		result = -ENOMEM;
	if (result == 0)
		*change = newest;
	return result;
}
