/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-c-d: c rounds a word, d at the end.  Pure; any thread. */
#include "base/siphash.h"

#include <endian.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void sip_take(struct sip *s, uint64_t word, int rounds)
{
	s->v3 ^= word;
	for (int i = 0; i < rounds; i++)
		sip_round(s);
	s->v0 ^= word;
}

static inline uint64_t load_word(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

static inline uint64_t hash(const struct siphash_key *key, struct span text, int rounds, int last_rounds)
{
	uint64_t k0 = key->words[0], k1 = key->words[1];
	struct sip s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)text.len << 56;
	size_t at = 0;

	for (; at + 8 <= text.len; at += 8)
		sip_take(&s, load_word(text.ptr + at), rounds);
	for (unsigned shift = 0; at < text.len; at++, shift += 8)
		last |= (uint64_t)(unsigned char)text.ptr[at] << shift;
	sip_take(&s, last, rounds);
	s.v2 ^= 0xff;
	for (int i = 0; i < last_rounds; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t siphash(const struct siphash_key *key, struct span text)
{
	return hash(key, text, 1, 3);
}

uint64_t siphash_2_4(const struct siphash_key *key, struct span text)
{
	return hash(key, text, 2, 4);
}

uint64_t siphash_pair(const struct siphash_key *key, struct span first, struct span second)
{
	struct siphash_key derived = { { key->words[0] ^ siphash(key, first), key->words[1] ^ first.len } };

	return siphash(&derived, second);
}
