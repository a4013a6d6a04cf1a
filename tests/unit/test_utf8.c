/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8: what is valid, and what becomes of what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static const struct {
	const char *name;
	struct span text;
	const char *valid; /* NULL: as it is */
} cases[] = {
	{ "ASCII", SPAN_LIT("User unknown, 550 5.1.1"), NULL },
	{ "empty", SPAN_LIT(""), NULL },
	{ "two, three and four bytes", SPAN_LIT("\u00e4\u3042\U0001f408"), NULL },
	{ "NUL", SPAN_LIT("a\0b"), "a\ufffd" "b" },
	{ "continuation alone", SPAN_LIT("a\x80" "b"), "a\ufffd" "b" },
	{ "overlong slash", SPAN_LIT("\xc0\xaf"), "\ufffd\ufffd" },
	{ "overlong in three bytes", SPAN_LIT("\xe0\x80\xaf"), "\ufffd\ufffd\ufffd" },
	{ "surrogate", SPAN_LIT("\xed\xa0\x80"), "\ufffd\ufffd\ufffd" },
	{ "above U+10FFFF", SPAN_LIT("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd" },
	{ "cut within a character", SPAN_LIT("a\xe3\x81"), "a\ufffd" },
	{ "cut character before another", SPAN_LIT("\xe3\x81" "a"), "\ufffd" "a" },
	{ "Latin-1 in the ninth byte", SPAN_LIT("12345678\xe4" "90123456"), "12345678\ufffd" "90123456" },
};

static void test_invalid_becomes_replacement(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span wanted = cases[i].valid ? span_of(cases[i].valid) : cases[i].text;
		struct span valid = utf8_make_valid(cases[i].text, arena);

		if (!span_is_equal(valid, wanted))
			fail_msg("%s: '%.*s'", cases[i].name, SPAN_ARG(valid));
		if (!utf8_is_valid(valid))
			fail_msg("%s: the result is not valid", cases[i].name);
		if (cases[i].valid && !memchr(cases[i].text.ptr, '\0', cases[i].text.len) && utf8_is_valid(cases[i].text))
			fail_msg("%s: taken for valid", cases[i].name);
	}
	arena_free(arena);
}

static void test_characters_are_written_as_they_are_read(void **state)
{
	char bytes[4];

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t len = utf8_put(c, bytes);
		if (utf8_take(span_make(bytes, len)) != len)
			fail_msg("U+%04X", c);
	}
	assert_int_equal(utf8_put(0xd800, bytes), 3);
	assert_memory_equal(bytes, "\ufffd", 3);
}

static void test_cuts_keep_characters_whole(void **state)
{
	struct span text = SPAN_LIT("a\u00e4\u3042\U0001f408");

	(void)state;
	for (size_t max = 0; max <= text.len; max++) {
		struct span cut = utf8_cut(text, max);
		assert_true(cut.len <= max && utf8_is_valid(cut));
		assert_true(utf8_is_valid(utf8_trim_partial(span_slice(text, 0, max))));
	}
	assert_true(utf8_trim_partial(text).len == text.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invalid_becomes_replacement),
		cmocka_unit_test(test_characters_are_written_as_they_are_read),
		cmocka_unit_test(test_cuts_keep_characters_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
