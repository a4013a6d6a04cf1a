/* SPDX-License-Identifier: BSD-2-Clause */
/* Spans: cutting and comparing, one named case each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/span.h"

static void test_lines_end_at_lf_crlf_and_cr(void **state)
{
	struct span rest = SPAN_LIT("one\r\ntwo\rthree\n\nfive");
	const char *wanted[] = { "one", "two", "three", "", "five" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct span line = span_take_line(&rest);
		assert_true(span_is_equal(line, span_of(wanted[i])));
	}
	assert_false(span_is_known(rest));
}

static void test_pieces_keep_empty_ones(void **state)
{
	struct span rest = SPAN_LIT("a,,b");

	(void)state;
	assert_true(span_is_equal(span_take(&rest, ','), SPAN_LIT("a")));
	assert_true(span_is_equal(span_take(&rest, ','), SPAN_LIT("")));
	assert_true(span_is_equal(span_take(&rest, ','), SPAN_LIT("b")));
	assert_false(span_is_known(rest));
}

static void test_find_nocase_at_both_ends(void **state)
{
	struct span text = SPAN_LIT("Quota exceeded QUOTA");

	(void)state;
	assert_int_equal(span_find_nocase(text, SPAN_LIT("quota"), 0), 0);
	assert_int_equal(span_find_nocase(text, SPAN_LIT("quota"), 1), 15);
	assert_true(span_find_nocase(text, SPAN_LIT("quotas"), 0) == SIZE_MAX);
	assert_true(span_find_nocase(text, SPAN_LIT("q"), 99) == SIZE_MAX);
}

static void test_unsigned_refuses_signs_and_overflow(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(span_parse_unsigned(SPAN_LIT("18446744073709551615"), UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(span_parse_unsigned(SPAN_LIT("18446744073709551616"), UINT64_MAX, &value), -ERANGE);
	assert_int_equal(span_parse_unsigned(SPAN_LIT("256"), 255, &value), -ERANGE);
	assert_int_equal(span_parse_unsigned(SPAN_LIT("9"), 5, &value), -ERANGE);
	assert_int_equal(span_parse_unsigned(SPAN_LIT("+1"), 9, &value), -EINVAL);
	assert_int_equal(span_parse_unsigned(SPAN_LIT(""), 9, &value), -EINVAL);
	assert_true(value == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_end_at_lf_crlf_and_cr),
		cmocka_unit_test(test_pieces_keep_empty_ones),
		cmocka_unit_test(test_find_nocase_at_both_ends),
		cmocka_unit_test(test_unsigned_refuses_signs_and_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
