/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that mail should no longer go to, as a log alone tells: at once after a failure that says so, or after three in
 * a row within 30 days, a success between them ends the row (DESIGN section 6, preset careful, one stream).  Words come in the
 * order of the log.  At most SUSPECTS_MAX addresses.  One thread.
 */
#ifndef KODAMA_CLI_SUSPECTS_H
#define KODAMA_CLI_SUSPECTS_H

#include "base/arena.h"
#include "cli/tally.h"

enum { SUSPECTS_MAX = 1 << 18, SUSPECT_AFTER = 3, SUSPECT_WITHIN_S = 30 * 86400 };

struct suspect {
	uint64_t hash;
	struct span address;   /* the arena's */
	int64_t times_s[SUSPECT_AFTER]; /* of the last failures of the row, the newest first */
	const char *provider;  /* the rule set's name */
	uint32_t failed;       /* in a row */
	uint8_t class_id;
	bool is_listed;
	bool is_weak;          /* listed on a weak basis: only where the provider accepts others */
};

/* Whoever is asked for and is no suspect is told apart by a bit of his hash: most are. */
enum { SUSPECT_BITS = 1 << 20 };

struct suspects {
	struct arena *arena;   /* the addresses */
	uint64_t *bits;        /* of the hashes of all items */
	struct suspect *items; /* of those without an address the row was ended by a success */
	struct tally_table table;
	uint64_t forgotten;    /* past the maximum */
};

int suspects_init(struct suspects *suspects) __attribute__((warn_unused_result));
void suspects_done(struct suspects *suspects);

void suspects_take_failure(struct suspects *suspects, const struct tally_word *word);

void suspects_end_row(struct suspects *suspects, uint64_t hash);

static inline uint64_t *suspects_get_bits(const struct suspects *suspects, uint64_t hash, uint64_t *ret_bit)
{
	*ret_bit = (uint64_t)1 << hash % 64;
	return &suspects->bits[hash / 64 % (SUSPECT_BITS / 64)];
}

static inline void suspects_take_success(struct suspects *suspects, uint64_t hash)
{
	uint64_t bit;

	if (*suspects_get_bits(suspects, hash, &bit) & bit)
		suspects_end_row(suspects, hash);
}

#endif
