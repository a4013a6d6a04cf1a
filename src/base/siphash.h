/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash (Aumasson and Bernstein), a keyed 64-bit hash.  1-3 for tables, so that whoever chooses the text cannot choose the
 * slot; 2-4, its authors' choice for codes, for hashes that others see.  Pure; any thread.
 */
#ifndef KODAMA_BASE_SIPHASH_H
#define KODAMA_BASE_SIPHASH_H

#include "base/span.h"

struct siphash_key {
	uint64_t words[2];
};

uint64_t siphash(const struct siphash_key *key, struct span text);
uint64_t siphash_2_4(const struct siphash_key *key, struct span text);

/* The hash of one text after the other, with their lengths told apart: ("ab", "c") is not ("a", "bc"). */
uint64_t siphash_pair(const struct siphash_key *key, struct span first, struct span second);

#endif
