/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-1-3 (Aumasson and Bernstein): a keyed 64-bit hash, so that whoever chooses the text cannot choose the slot.
 * Pure; any thread.
 */
#ifndef KODAMA_BASE_SIPHASH_H
#define KODAMA_BASE_SIPHASH_H

#include "base/span.h"

struct siphash_key {
	uint64_t words[2];
};

uint64_t siphash(const struct siphash_key *key, struct span text);

/* The hash of one text after the other, with their lengths told apart: ("ab", "c") is not ("a", "bc"). */
uint64_t siphash_pair(const struct siphash_key *key, struct span first, struct span second);

#endif
