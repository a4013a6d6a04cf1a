/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An entry of the index: 64 bits that stand for an address and a stream, and 64 that say until when, why and by whom.
 * The table `enforced` keeps the same two numbers for all that is in force, so that ten million are read in seconds.
 * Addresses are the outside's choice, so the hash has a key: the database's own.  Pure; any thread.
 */
#ifndef KODAMA_STORE_ENFORCED_H
#define KODAMA_STORE_ENFORCED_H

#include "base/siphash.h"
#include "store/index.h"

/* Never 0. */
uint64_t enforced_hash(const struct siphash_key *key, struct span address, struct span stream);

/* 0: nothing stands against the address. */
uint64_t enforced_pack(const struct suppression *row);

/* False: it is 0, or ended by now_s. */
bool enforced_unpack(uint64_t value, int64_t now_s, struct index_hit *ret_hit);

/* Is it the entry of a whole domain? */
bool enforced_is_domain(uint64_t value);

#endif
