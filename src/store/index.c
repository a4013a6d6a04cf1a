/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing with linear probing over (hash, value) pairs of atomics.  A slot's hash never changes while its
 * table lives; its value is exchanged whole, 0 when gone; so readers need no lock.  A table that grew is freed when
 * every reader that might look into it has left (counted in stripes).  Writers exclude each other by a mutex.
 */
#include "store/index.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "store/enforced.h"

struct slot {
	_Atomic uint64_t hash; /* 0: never used */
	_Atomic uint64_t value; /* 0: gone */
};

struct table {
	struct siphash_key key;
	size_t mask;
	unsigned shift; /* a hash's first bits are its place: what comes in their order fills the table from end to end */
	size_t used; /* slots with a hash, gone ones too */
	struct table *next_retired;
	uint64_t busy_stripes; /* of a retired one: stripes not yet seen without readers */
	struct slot slots[];
};

enum { STRIPES = 64, FIRST_SLOTS = 1024, CHANGE_NONE = -1 };

struct stripe {
	_Atomic uint64_t readers;
	char pad[56];
};

struct index {
	_Atomic(struct table *) table;
	_Atomic size_t count;         /* entries that are not gone */
	_Atomic size_t domain_count;  /* manual entries for whole domains: most sites have none to look for */
	pthread_mutex_t mutex;
	int64_t change; /* up to which it is current, whoever brought it there */
	struct table *retired;
	struct stripe stripes[STRIPES];
};

enum { LARGE_PAGE = 2 * 1024 * 1024, LARGE_TABLE = 16 * LARGE_PAGE };

/* Of a table of many megabytes each look is at another page: the fewer there are, the more of them the processor remembers. */
static void ask_for_large_pages(void *memory, size_t size)
{
	uintptr_t start = ((uintptr_t)memory + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	uintptr_t end = ((uintptr_t)memory + size) / LARGE_PAGE * LARGE_PAGE;

	if (size >= LARGE_TABLE)
		(void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

static struct table *table_new(size_t slots, const struct siphash_key *key)
{
	struct table *table = calloc(1, sizeof(*table) + slots * sizeof(struct slot));

	if (!table)
		return NULL;
	ask_for_large_pages(table, sizeof(*table) + slots * sizeof(struct slot));
	table->key = *key;
	table->mask = slots - 1;
	table->shift = (unsigned)__builtin_clzll(slots) + 1;
	return table;
}

struct index *index_new(void)
{
	struct index *index = aligned_alloc(64, (sizeof(*index) + 63) / 64 * 64);
	struct siphash_key key;
	bool has_key = getrandom(&key, sizeof(key), 0) == (ssize_t)sizeof(key);
	struct table *table = has_key ? table_new(FIRST_SLOTS, &key) : NULL;

	if (!index || !table) {
		free(index);
		free(table);
		return NULL;
	}
	memset(index, 0, sizeof(*index));
	pthread_mutex_init(&index->mutex, NULL);
	atomic_init(&index->table, table);
	index->change = CHANGE_NONE;
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

/* The slot of that hash, or the free one where it belongs. */
static struct slot *probe(struct table *table, uint64_t hash)
{
	for (size_t at = hash >> table->shift;; at = (at + 1) & table->mask) {
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

static bool look(struct table *table, struct span address, struct span stream, int64_t now_s,
		 struct index_hit *ret_hit)
{
	uint64_t hash = enforced_hash(&table->key, address, stream);

	/* not probe(): an empty slot may be taken by another's entry between two looks at it */
	for (size_t at = hash >> table->shift;; at = (at + 1) & table->mask) {
		uint64_t there = atomic_load_explicit(&table->slots[at].hash, memory_order_acquire);
		if (there == 0)
			return false;
		if (there == hash)
			return enforced_unpack(atomic_load_explicit(&table->slots[at].value, memory_order_acquire), now_s, ret_hit);
	}
}

/* The stream's own, then what is for all; but what a hand has put there for all goes before the stream's evidence. */
static bool look_streams(struct table *table, struct span address, struct span stream, int64_t now_s,
			 struct index_hit *ret_hit)
{
	struct index_hit for_all;

	if (!stream.len || !look(table, address, stream, now_s, ret_hit))
		return look(table, address, SPAN_LIT(""), now_s, ret_hit);
	if (!ret_hit->is_manual && look(table, address, SPAN_LIT(""), now_s, &for_all) && for_all.is_manual)
		*ret_hit = for_all;
	return true;
}

static bool find(const struct index *index, struct table *table, const struct address *recipient, struct span stream,
		 const char *delimiters, int64_t now_s, struct index_hit *ret_hit)
{
	struct address plain;

	if (look_streams(table, address_get(recipient), stream, now_s, ret_hit))
		return true;
	if (address_strip_extension(recipient, delimiters, &plain) &&
	    look_streams(table, address_get(&plain), stream, now_s, ret_hit))
		return true;
	if (atomic_load_explicit(&index->domain_count, memory_order_relaxed) == 0)
		return false;
	return look_streams(table, span_skip(address_get(recipient), recipient->at), stream, now_s, ret_hit);
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
	struct table *table = table_new(choose_slots((atomic_load(&index->count) + 1) / 4 * 5), &old->key);
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

static int set(struct index *index, uint64_t hash, uint64_t value)
{
	uint64_t old = get_value(atomic_load(&index->table), hash);
	int change = (value ? 1 : 0) - (old ? 1 : 0);

	if (!value && !old)
		return 0;
	int result = value && !old ? make_room(index) : 0;
	if (result < 0)
		return result;
	if (change && enforced_is_domain(value ? value : old))
		atomic_fetch_add(&index->domain_count, (size_t)change);
	put(atomic_load(&index->table), hash, value);
	atomic_fetch_add(&index->count, (size_t)change);
	return 0;
}

int index_set(struct index *index, const struct suppression *row)
{
	pthread_mutex_lock(&index->mutex);
	const struct siphash_key *key = &atomic_load(&index->table)->key;
	int result = set(index, enforced_hash(key, row->address, row->stream), enforced_pack(row));
	reclaim(index);
	pthread_mutex_unlock(&index->mutex);
	return result;
}

size_t index_get_count(const struct index *index)
{
	return atomic_load(&index->count);
}

struct filling {
	struct table *table;
	int64_t now_s;
	size_t count, domain_count;
	bool is_out_of_memory;
};

static bool grow_filling(struct filling *filling)
{
	struct table *old = filling->table;
	struct table *table = table_new((old->mask + 1) * 2, &old->key);

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

static bool fill_entry(void *data, uint64_t hash, uint64_t value)
{
	struct filling *filling = data;
	struct index_hit hit;

	if (!enforced_unpack(value, filling->now_s, &hit))
		return true;
	if (filling->table->used + 1 > (filling->table->mask + 1) / 8 * 5 && !grow_filling(filling)) {
		filling->is_out_of_memory = true;
		return false;
	}
	put(filling->table, hash, value);
	filling->count++;
	filling->domain_count += enforced_is_domain(value);
	return true;
}

static int fill(struct index *index, struct store *store, int64_t now_s)
{
	struct siphash_key key = store_get_index_key(store);
	struct filling filling = { .now_s = now_s };
	size_t count;
	int result = store_count_enforced(store, &count);

	if (result < 0)
		return result;
	/* large enough from the start: hashes that come in their order would fill the front of a table that is too small */
	filling.table = table_new(choose_slots(count + count / 16), &key);
	if (!filling.table)
		return -ENOMEM;
	result = store_list_enforced(store, fill_entry, &filling);
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

static int fill_locked(struct index *index, struct store *store, int64_t now_s)
{
	int64_t change;
	/* asked before: what changes while it fills is taken in once more */
	int result = store_get_change(store, &change);

	if (result == 0)
		result = fill(index, store, now_s);
	if (result == 0)
		index->change = change;
	return result;
}

int index_fill(struct index *index, struct store *store, int64_t now_s)
{
	pthread_mutex_lock(&index->mutex);
	int result = fill_locked(index, store, now_s);
	pthread_mutex_unlock(&index->mutex);
	return result;
}

struct updating {
	struct index *index;
	bool is_out_of_memory;
};

static bool update_entry(void *data, uint64_t hash, uint64_t value)
{
	struct updating *updating = data;

	updating->is_out_of_memory = set(updating->index, hash, value) < 0;
	return !updating->is_out_of_memory;
}

/* Numbers that went back: the database was put back from a backup, or a standby took over that had not heard all; another key: it is another one. */
static bool is_followed(const struct index *index, const struct store *store, int64_t newest)
{
	const struct siphash_key key = store_get_index_key(store);

	return index->change != CHANGE_NONE && newest >= index->change &&
	       memcmp(&atomic_load(&index->table)->key, &key, sizeof(key)) == 0;
}

/* From the question to the last row, so that an older answer never overwrites a newer one. */
static int update_locked(struct index *index, struct store *store, int64_t now_s)
{
	struct updating updating = { .index = index };
	int64_t newest;
	int result = store_get_change(store, &newest);

	if (result < 0)
		return result;
	result = is_followed(index, store, newest) ? store_list_changes(store, &index->change, update_entry, &updating) : -ESTALE;
	reclaim(index);
	if (result == -ESTALE)
		return fill_locked(index, store, now_s);
	return result == 0 && updating.is_out_of_memory ? -ENOMEM : result;
}

static bool is_current(struct index *index, int64_t newest)
{
	pthread_mutex_lock(&index->mutex);
	bool is_current = index->change == newest;
	pthread_mutex_unlock(&index->mutex);
	return is_current;
}

/* What the handle itself has changed since: most of what a writer brings. */
static bool take_own(struct index *index, struct store *store)
{
	struct updating updating = { .index = index };

	pthread_mutex_lock(&index->mutex);
	bool is_taken = is_followed(index, store, index->change) && store_list_own_changes(store, &index->change, update_entry, &updating);
	reclaim(index);
	pthread_mutex_unlock(&index->mutex);
	return is_taken && !updating.is_out_of_memory;
}

int index_update(struct index *index, struct store *store, int64_t now_s)
{
	int64_t newest;

	if (take_own(index, store))
		return 0;
	/* mostly nothing has changed, or another handle has brought it: nobody is to wait for a server that does not answer */
	int result = store_get_change(store, &newest);
	if (result < 0 || is_current(index, newest))
		return result;
	pthread_mutex_lock(&index->mutex);
	result = update_locked(index, store, now_s);
	pthread_mutex_unlock(&index->mutex);
	return result;
}
