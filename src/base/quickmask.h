/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a byte stands among 32 or 64 of them, as a mask: bit 0 is the first.  For loops over millions of lines, in which a search that
 * ends somewhere else each time costs more by its guess than by its work.  Pure; any thread.
 */
#ifndef KODAMA_BASE_QUICKMASK_H
#define KODAMA_BASE_QUICKMASK_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

/* The same for any processor. */
static inline uint32_t quickmask_32_portable(const char *at, char c)
{
	const uint64_t ones = 0x0101010101010101, lows = 0x7f7f7f7f7f7f7f7f;
	uint32_t mask = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t word;
		memcpy(&word, at + (size_t)8 * i, sizeof(word));
		word = le64toh(word) ^ ones * (unsigned char)c;
		/* the top bit of each byte that is 0, and of no other; then one bit beside the other */
		word = ~(((word & lows) + lows) | word | lows);
		mask |= (uint32_t)((word >> 7) * 0x0102040810204080 >> 56) << 8 * i;
	}
	return mask;
}

static inline uint32_t quickmask_32(const char *at, char c)
{
#ifdef __x86_64__
	const __m128i wanted = _mm_set1_epi8(c);
	__m128i low, high;

	memcpy(&low, at, sizeof(low));
	memcpy(&high, at + sizeof(low), sizeof(high));
	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(low, wanted)) | (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(high, wanted)) << 16;
#else
	return quickmask_32_portable(at, c);
#endif
}

static inline uint64_t quickmask_64(const char *at, char c)
{
	return quickmask_32(at, c) | (uint64_t)quickmask_32(at + 32, c) << 32;
}

#ifdef __x86_64__
/* For processors that have it: __builtin_cpu_supports("avx2"). */
__attribute__((target("avx2"))) static inline uint64_t quickmask_64_avx2(const char *at, char c)
{
	const __m256i wanted = _mm256_set1_epi8(c);
	__m256i low, high;

	memcpy(&low, at, sizeof(low));
	memcpy(&high, at + sizeof(low), sizeof(high));
	return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)) << 32;
}
#endif

/* Of the first 64 bytes of a text that has at least 32. */
static inline uint64_t quickmask_begin(const char *at, size_t len, char c)
{
	size_t second = len < 64 ? len - 32 : 32; /* the two overlap in a short one */

	return quickmask_32(at, c) | (uint64_t)quickmask_32(at + second, c) << second;
}

/* Of a mask that is not 0. */
static inline size_t quickmask_first(uint64_t mask)
{
	return (size_t)__builtin_ctzll(mask);
}

#endif
