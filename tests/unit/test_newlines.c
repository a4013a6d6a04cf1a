/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends of lines: each of them, once, in order, wherever it stands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "cli/newlines.h"

enum { SIZE = 3 * NEWLINES_STRETCH + 77 };

static void try_text(const char *text, size_t len)
{
	struct newlines newlines;
	const char *at = text;

	newlines_begin(&newlines, text, len);
	while (newlines_look(&newlines))
		for (unsigned i = 0; i < newlines.count; i++) {
			assert_ptr_equal(newlines.from + newlines.places[i], memchr(at, '\n', (size_t)(text + len - at)));
			at = newlines.from + newlines.places[i] + 1;
		}
	assert_true(at == text + len || !memchr(at, '\n', (size_t)(text + len - at)));
	assert_false(newlines_look(&newlines));
}

static void test_each_newline_is_found_once(void **state)
{
	static const unsigned often[] = { 1, 2, 3, 10, 64, 130, 5000, 1000000 };
	uint64_t dice = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(often) / sizeof(often[0]); i++)
		for (size_t len = 0; len <= SIZE; len += len < 200 ? 1 : 997) {
			char *text = malloc(len + 1); /* of its own size: nothing is read behind it */
			assert_non_null(text);
			for (size_t at = 0; at < len; at++) {
				dice = dice * 6364136223846793005u + 1442695040888963407u;
				text[at] = (dice >> 33) % often[i] == 0 ? '\n' : (char)(dice >> 40 | 0x10);
			}
			try_text(text, len);
			free(text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_newline_is_found_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
