/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings, and the table of pointers beside a long one.  Pure; one thread; texts are hostile, hashes are keyed. */
#include "evidence/logdeferred.h"

#include <stdlib.h>

/* SHORT: so many are looked at one by one */
enum { SHORT = 32, LENGTH_UNKNOWN = UINT16_MAX };

struct deferred_index {
	size_t size, count; /* size: a power of two, at least twice the count */
	struct deferred *slots[];
};

/* --- one of them */

struct span deferred_get(const struct deferred *deferred, enum deferred_field field)
{
	size_t at = 0;

	if (deferred->lengths[field] == LENGTH_UNKNOWN)
		return SPAN_NONE;
	for (unsigned i = 0; i < (unsigned)field; i++)
		at += deferred->lengths[i] == LENGTH_UNKNOWN ? 0 : deferred->lengths[i];
	return span_make(deferred->bytes + at, deferred->lengths[field]);
}

struct deferred *deferred_new(const struct span texts[static DEFERRED_FIELDS], uint32_t hash, bool *ret_is_long)
{
	struct deferred *deferred;
	size_t size = sizeof(*deferred);

	*ret_is_long = false;
	for (unsigned i = 0; i < DEFERRED_FIELDS; i++) {
		*ret_is_long |= texts[i].len > DEFERRED_FIELD_MAX;
		size += texts[i].len;
	}
	deferred = *ret_is_long ? NULL : malloc(size);
	if (!deferred)
		return NULL;
	*deferred = (struct deferred){ .hash = hash };
	char *at = deferred->bytes;
	for (unsigned i = 0; i < DEFERRED_FIELDS; i++) {
		deferred->lengths[i] = span_is_known(texts[i]) ? (uint16_t)texts[i].len : LENGTH_UNKNOWN;
		if (texts[i].len)
			memcpy(at, texts[i].ptr, texts[i].len);
		at += texts[i].len;
	}
	return deferred;
}

void deferred_free(struct deferred *deferred)
{
	free(deferred);
}

static bool is_of(const struct deferred *deferred, struct span recipient, uint32_t hash)
{
	return deferred->hash == hash && span_is_equal(deferred_get(deferred, DEFERRED_RECIPIENT), recipient);
}

/* --- the index */

static void put_slot(struct deferred_index *index, struct deferred *deferred)
{
	size_t mask = index->size - 1, at = deferred->hash & mask;

	while (index->slots[at])
		at = (at + 1) & mask;
	index->slots[at] = deferred;
	index->count++;
}

/* Of the whole ring, with room for as many again.  NULL: out of memory. */
static struct deferred_index *index_new_of(const struct deferred_ring *ring, size_t count)
{
	struct deferred_index *index;
	struct deferred *one = ring->last;
	size_t size = 4 * SHORT;

	while (size < 4 * count)
		size *= 2;
	index = calloc(1, sizeof(*index) + size * sizeof(index->slots[0]));
	if (!index)
		return NULL;
	index->size = size;
	do {
		put_slot(index, one);
		one = one->next;
	} while (one != ring->last);
	return index;
}

/* The slots behind the hole that it kept from their place move up. */
static void remove_slot(struct deferred_index *index, const struct deferred *deferred)
{
	size_t mask = index->size - 1, hole = deferred->hash & mask;

	while (index->slots[hole] != deferred)
		hole = (hole + 1) & mask;
	for (size_t at = (hole + 1) & mask; index->slots[at]; at = (at + 1) & mask) {
		size_t home = index->slots[at]->hash & mask;
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			index->slots[hole] = index->slots[at];
			hole = at;
		}
	}
	index->slots[hole] = NULL;
	index->count--;
}

static struct deferred *find_in_index(const struct deferred_index *index, struct span recipient, uint32_t hash)
{
	size_t mask = index->size - 1;

	for (size_t at = hash & mask; index->slots[at]; at = (at + 1) & mask)
		if (is_of(index->slots[at], recipient, hash))
			return index->slots[at];
	return NULL;
}

static size_t count_ring(const struct deferred_ring *ring)
{
	const struct deferred *one = ring->last;
	size_t count = 0;

	do {
		count++;
		one = one->next;
	} while (one != ring->last);
	return count;
}

/* --- the ring */

static struct deferred *find_one_by_one(const struct deferred_ring *ring, struct span recipient, uint32_t hash)
{
	struct deferred *one = ring->last;

	do {
		one = one->next;
		if (is_of(one, recipient, hash))
			return one;
	} while (one != ring->last);
	return NULL;
}

static struct deferred *find(struct deferred_ring *ring, struct span recipient, uint32_t hash)
{
	struct deferred *one = ring->last;

	for (unsigned i = 0; one && i < SHORT; i++) {
		one = one->next;
		if (is_of(one, recipient, hash))
			return one;
		if (one == ring->last)
			return NULL;
	}
	if (one && !ring->index)
		ring->index = index_new_of(ring, count_ring(ring));
	if (ring->index)
		return find_in_index(ring->index, recipient, hash);
	/* without memory it takes its time */
	return one ? find_one_by_one(ring, recipient, hash) : NULL;
}

void deferred_add(struct deferred_ring *ring, struct deferred *deferred)
{
	struct deferred *before = ring->last ? ring->last : deferred;

	deferred->previous = before;
	deferred->next = before == deferred ? deferred : before->next;
	before->next = deferred;
	deferred->next->previous = deferred;
	ring->last = deferred;
	if (ring->index && 2 * (ring->index->count + 1) <= ring->index->size) {
		put_slot(ring->index, deferred);
	} else if (ring->index) {
		size_t count = ring->index->count + 1;
		free(ring->index);
		ring->index = index_new_of(ring, count);
	}
}

static struct deferred *take(struct deferred_ring *ring, struct deferred *deferred)
{
	if (ring->index)
		remove_slot(ring->index, deferred);
	deferred->previous->next = deferred->next;
	deferred->next->previous = deferred->previous;
	ring->last = deferred->previous == deferred ? NULL : deferred->previous;
	if (!ring->last) {
		free(ring->index);
		ring->index = NULL;
	}
	return deferred;
}

struct deferred *deferred_take(struct deferred_ring *ring, struct span recipient, uint32_t hash)
{
	struct deferred *found = find(ring, recipient, hash);

	return found ? take(ring, found) : NULL;
}

struct deferred *deferred_take_any(struct deferred_ring *ring)
{
	return ring->last ? take(ring, ring->last->next) : NULL;
}
