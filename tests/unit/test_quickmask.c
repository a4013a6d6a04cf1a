/* SPDX-License-Identifier: BSD-2-Clause */
/* Masks: the processor's own way, and the one for all, against a look at each byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/quickmask.h"

enum { ROUNDS = 20000, SIZE = 64 };

/* Few different bytes, so that they meet; some beside the ones that are looked for. */
static void fill(uint64_t *dice, char *bytes)
{
	static const char some[] = "ab:/09;\n\v\x7f\x80\xb0\xb9\xff ";

	for (size_t i = 0; i < SIZE; i++) {
		*dice = *dice * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = *dice >> 62 == 0 ? (char)(*dice >> 40) : some[(*dice >> 33) % sizeof(some)];
	}
}

static uint64_t look(const char *bytes, size_t len, char c, bool is_digit)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < len; i++)
		mask |= (uint64_t)(is_digit ? bytes[i] >= '0' && bytes[i] <= '9' : bytes[i] == c) << i;
	return mask;
}

static void test_masks_are_what_bytes_say(void **state)
{
	uint64_t dice = 1;
	char bytes[SIZE];

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		fill(&dice, bytes);
		char c = bytes[round % SIZE];
		size_t len = 32 + round % 33;
		assert_int_equal(quickmask_32(bytes, c), look(bytes, 32, c, false));
		assert_int_equal(quickmask_32_portable(bytes, c), look(bytes, 32, c, false));
		assert_int_equal(quickmask_32_digits(bytes), look(bytes, 32, 0, true));
		assert_int_equal(quickmask_32_digits_portable(bytes), look(bytes, 32, 0, true));
		assert_true(quickmask_64(bytes, c) == look(bytes, 64, c, false));
		assert_true(quickmask_begin(bytes, len, c) == look(bytes, len, c, false));
#ifdef __x86_64__
		if (__builtin_cpu_supports("avx2"))
			assert_true(quickmask_64_avx2(bytes, c) == look(bytes, 64, c, false));
#endif
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_masks_are_what_bytes_say) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
