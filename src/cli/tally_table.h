/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables of the tally: items in an array, found by a hash over open addressing.  Every item begins with its 64-bit hash.
 * One thread.
 */
#ifndef KODAMA_CLI_TALLY_TABLE_H
#define KODAMA_CLI_TALLY_TABLE_H

#include <errno.h>
#include <stdlib.h>

#include "base/span.h"

struct tally_slot {
	uint32_t number; /* of the item, plus 1; 0: free */
	uint32_t tag;    /* of its hash: other items are seldom touched */
};

struct tally_table {
	struct tally_slot *slots;
	size_t size;     /* a power of two, or 0 */
	size_t count;    /* of items */
	size_t room;     /* of items */
};

/* All items with this hash, one after the other: for (at = table_first(...); at; at = table_next(...)) item at - 1. */
static inline uint32_t table_find_from(const struct tally_table *table, const void *items, size_t item_size, uint64_t hash, size_t *slot)
{
	size_t mask = table->size - 1;

	for (; table->size && table->slots[*slot & mask].number; ++*slot) {
		uint32_t number = table->slots[*slot & mask].number;
		if (table->slots[*slot & mask].tag == (uint32_t)(hash >> 32) &&
		    *(const uint64_t *)(const void *)((const char *)items + (number - 1) * item_size) == hash)
			return number;
	}
	return 0;
}

/* The first free slot from where the hash belongs; there is one. */
static inline void table_take_slot(struct tally_slot *slots, size_t size, uint64_t hash, uint32_t number)
{
	size_t at = hash & (size - 1);

	while (slots[at].number)
		at = (at + 1) & (size - 1);
	slots[at] = (struct tally_slot){ number, (uint32_t)(hash >> 32) };
}

/* Slots for all items anew, at least twice as many. */
static inline int table_rebuild(struct tally_table *table, const void *items, size_t item_size, size_t size)
{
	struct tally_slot *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < table->count; i++)
		table_take_slot(slots, size, *(const uint64_t *)(const void *)((const char *)items + i * item_size), (uint32_t)i + 1);
	free(table->slots);
	table->slots = slots;
	table->size = size;
	return 0;
}

/* Room for one more item in *items, zeroed, with its hash set and its slot taken: its place, NULL without memory. */
static inline void *table_add(struct tally_table *table, void **items, size_t item_size, uint64_t hash)
{
	size_t room = table->room ? table->room * 2 : 64;
	char *item;

	if (table->count == table->room) {
		void *grown = realloc(*items, room * item_size);
		if (!grown)
			return NULL;
		*items = grown;
		table->room = room;
	}
	if ((table->count + 1) * 2 > table->size && table_rebuild(table, *items, item_size, table->size ? table->size * 2 : 256) < 0)
		return NULL;
	item = (char *)*items + table->count * item_size;
	memset(item, 0, item_size);
	memcpy(item, &hash, sizeof(hash));
	table_take_slot(table->slots, table->size, hash, (uint32_t)++table->count);
	return item;
}

#endif
