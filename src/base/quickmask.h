/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a byte stands among 32 or 64 of them, as a mask: bit 0 is the first.  For loops over millions of lines, in which a
 * search that ends somewhere else each time costs more by its guess than by its work.  Pure; any thread.
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

/* Of words whose bytes are 0x80 or 0: one bit beside the other. */
static inline uint32_t quickmask_gather(uint64_t tops)
{
	return (uint32_t)((tops >> 7) * 0x0102040810204080 >> 56);
}

static inline uint64_t quickmask_load(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

/* For any processor; the others are the same. */
static inline uint32_t quickmask_32_portable(const char *at, char c)
{
	const uint64_t ones = 0x0101010101010101, lows = 0x7f7f7f7f7f7f7f7f;
	uint32_t mask = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t word = quickmask_load(at + (size_t)8 * i) ^ ones * (unsigned char)c;
		mask |= quickmask_gather(~(((word & lows) + lows) | word | lows)) << 8 * i;
	}
	return mask;
}

static inline uint32_t quickmask_32_digits_portable(const char *at)
{
	const uint64_t ones = 0x0101010101010101, lows = 0x7f7f7f7f7f7f7f7f;
	uint32_t mask = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t word = quickmask_load(at + (size_t)8 * i), low = word & lows;
		mask |= quickmask_gather((low + ones * (0x80 - '0')) & ~(low + ones * (0x7f - '9')) & ~word & ~lows) << 8 * i;
	}
	return mask;
}

#ifdef __x86_64__
static inline uint32_t quickmask_join(__m128i low, __m128i high)
{
	return (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
}

static inline uint32_t quickmask_32(const char *at, char c)
{
	const __m128i wanted = _mm_set1_epi8(c);
	__m128i low, high;

	memcpy(&low, at, sizeof(low));
	memcpy(&high, at + sizeof(low), sizeof(high));
	return quickmask_join(_mm_cmpeq_epi8(low, wanted), _mm_cmpeq_epi8(high, wanted));
}

/* Where digits are. */
static inline uint32_t quickmask_32_digits(const char *at)
{
	const __m128i below = _mm_set1_epi8('0' - 1), above = _mm_set1_epi8('9' + 1);
	__m128i low, high;

	memcpy(&low, at, sizeof(low));
	memcpy(&high, at + sizeof(low), sizeof(high));
	return quickmask_join(_mm_and_si128(_mm_cmpgt_epi8(low, below), _mm_cmplt_epi8(low, above)),
			      _mm_and_si128(_mm_cmpgt_epi8(high, below), _mm_cmplt_epi8(high, above)));
}
#else
static inline uint32_t quickmask_32(const char *at, char c)
{
	return quickmask_32_portable(at, c);
}

static inline uint32_t quickmask_32_digits(const char *at)
{
	return quickmask_32_digits_portable(at);
}
#endif

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
	return (unsigned)__builtin_ctzll(mask);
}

#endif
