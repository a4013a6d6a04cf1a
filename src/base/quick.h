/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For loops over millions of short texts: comparing, finding and hashing a few bytes, where a call would cost more than the
 * work.  The hash is keyed, for tables in memory whose slots nobody should choose, and where two texts that are taken for one would at most
 * mix two rows of a report: multiply and fold (as wyhash does).  What is stored, sent or trusted is hashed by siphash.h.  Pure; any thread.
 */
#ifndef KODAMA_BASE_QUICK_H
#define KODAMA_BASE_QUICK_H

#include <endian.h>

#include "base/siphash.h"

/* The first `c` in [at, end), eight bytes at a time; NULL. */
static inline const char *quick_find(const char *at, const char *end, char c)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

	for (; end - at >= 8; at += 8) {
		uint64_t word;
		memcpy(&word, at, sizeof(word));
		word = le64toh(word) ^ ones * (unsigned char)c;
		word = (word - ones) & ~word & tops;
		if (word)
			return at + __builtin_ctzll(word) / 8;
	}
	for (; at < end; at++)
		if (*at == c)
			return at;
	return NULL;
}

/* Are these bytes the same?  For few of them, where a call would cost more than the comparison. */
static inline bool quick_is_equal(struct span a, struct span b)
{
	const char *x = a.ptr, *y = b.ptr;
	size_t len = a.len;

	if (len != b.len)
		return false;
	if (len >= 8) {
		/* the last eight overlap those before them */
		uint64_t one, other;
		for (; len > 8; x += 8, y += 8, len -= 8) {
			memcpy(&one, x, sizeof(one));
			memcpy(&other, y, sizeof(other));
			if (one != other)
				return false;
		}
		memcpy(&one, a.ptr + a.len - 8, sizeof(one));
		memcpy(&other, b.ptr + b.len - 8, sizeof(other));
		return one == other;
	}
	while (len > 0 && *x == *y) {
		x++;
		y++;
		len--;
	}
	return len == 0;
}

static inline uint64_t quickhash_fold(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t quickhash_load(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* 1 to 7 bytes as a number. */
static inline uint64_t quickhash_load_few(const char *at, size_t len)
{
	uint32_t low, high;

	if (len >= 4) {
		memcpy(&low, at, sizeof(low));
		memcpy(&high, at + len - 4, sizeof(high));
		return (uint64_t)high << 32 | low;
	}
	return (uint64_t)(unsigned char)at[0] << 16 | (uint64_t)(unsigned char)at[len / 2] << 8 | (unsigned char)at[len - 1];
}

static inline uint64_t quickhash(const struct siphash_key *key, struct span text)
{
	const char *at = text.ptr;
	size_t len = text.len;
	uint64_t hash = key->words[0] ^ text.len * 0x9e3779b97f4a7c15u, first = 0, last = 0;

	for (; len > 16; at += 16, len -= 16)
		hash = quickhash_fold(quickhash_load(at) ^ key->words[1], quickhash_load(at + 8) ^ hash);
	if (len >= 8) {
		first = quickhash_load(at);
		last = quickhash_load(at + len - 8);
	} else if (len > 0) {
		first = quickhash_load_few(at, len);
	}
	hash = quickhash_fold(first ^ key->words[1], last ^ hash);
	return quickhash_fold(hash ^ 0xa0761d6478bd642fu, key->words[0] ^ 0xe7037ed1a0b428dbu);
}

#endif
