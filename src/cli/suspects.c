/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses that mail should no longer go to.  One thread; the addresses are hostile. */
#include "cli/suspects.h"

int suspects_init(struct suspects *suspects)
{
	*suspects = (struct suspects){ .arena = arena_new(0), .bits = calloc(SUSPECT_BITS / 64, sizeof(*suspects->bits)) };
	if (suspects->arena && suspects->bits && table_rebuild(&suspects->table, NULL, sizeof(struct suspect), 1024) == 0)
		return 0;
	suspects_done(suspects);
	return -ENOMEM;
}

void suspects_done(struct suspects *suspects)
{
	arena_free(suspects->arena);
	free(suspects->bits);
	free(suspects->items);
	free(suspects->table.slots);
	*suspects = (struct suspects){ 0 };
}

static struct suspect *find_suspect(const struct suspects *suspects, uint64_t hash)
{
	size_t slot = hash;
	uint64_t bit;
	uint32_t number;

	if (!(*suspects_get_bits(suspects, hash, &bit) & bit))
		return NULL;
	number = table_find_from(&suspects->table, suspects->items, sizeof(*suspects->items), hash, &slot);
	return number ? &suspects->items[number - 1] : NULL;
}

static struct suspect *add_suspect(struct suspects *suspects, const struct tally_word *word)
{
	void *items = suspects->items;
	struct span address;
	struct suspect *suspect;
	uint64_t bit, *bits;

	if (suspects->table.count == SUSPECTS_MAX) {
		suspects->forgotten++;
		return NULL;
	}
	address = arena_copy(suspects->arena, word->recipient);
	suspect = span_is_known(address) ? table_add(&suspects->table, &items, sizeof(*suspect), word->hash) : NULL;
	suspects->items = items;
	if (!suspect)
		return NULL;
	bits = suspects_get_bits(suspects, word->hash, &bit);
	*bits |= bit;
	suspect->address = address;
	return suspect;
}

void suspects_end_row(struct suspects *suspects, uint64_t hash)
{
	struct suspect *suspect = find_suspect(suspects, hash);

	if (!suspect)
		return;
	memset(suspect->times_s, 0, sizeof(suspect->times_s));
	suspect->failed = 0;
	suspect->is_listed = suspect->is_weak = false;
}

static void count_failure(struct suspect *suspect, const struct tally_word *word)
{
	memmove(suspect->times_s + 1, suspect->times_s, sizeof(suspect->times_s) - sizeof(suspect->times_s[0]));
	suspect->times_s[0] = word->time_s;
	suspect->failed++;
	if (suspect->is_listed && !suspect->is_weak)
		return; /* the failure that decided stays */
	bool is_row = suspect->failed >= SUSPECT_AFTER && word->time_s - suspect->times_s[SUSPECT_AFTER - 1] <= SUSPECT_WITHIN_S;
	suspect->is_listed |= word->effect == EFFECT_NOW || is_row;
	suspect->is_weak = word->effect != EFFECT_NOW && word->is_weak;
	suspect->class_id = (uint8_t)word->class_id;
	suspect->provider = word->provider;
}

void suspects_take_failure(struct suspects *suspects, const struct tally_word *word)
{
	struct suspect *suspect = find_suspect(suspects, word->hash);

	if (!suspect)
		suspect = add_suspect(suspects, word);
	if (suspect)
		count_failure(suspect, word);
}
