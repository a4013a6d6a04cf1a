/* SPDX-License-Identifier: BSD-2-Clause */
/* Times and durations as text: tables of named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/timestamp.h"

enum { NOT_A_TIME = -1 };

static const struct {
	const char *text;
	int64_t wanted;
} stamps[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-11-21T20:36:02Z", 1795293362 },
	{ "2026-11-21t20:36:02.123456z", 1795293362 },
	{ "2026-11-22T05:36:02+09:00", 1795293362 },
	{ "2026-11-21 15:06:02-05:30", 1795293362 },
	{ "2026-11-21", 1795219200 },
	{ "2024-02-29", 1709164800 },
	{ "2000-02-29T23:59:60Z", 951868800 },
	{ "0000-01-01T00:00:00Z", -62167219200 },
	{ "9999-12-31T23:59:59Z", 253402300799 },
	{ "2023-02-29", NOT_A_TIME },
	{ "1900-02-29", NOT_A_TIME },
	{ "2026-13-01", NOT_A_TIME },
	{ "2026-00-10", NOT_A_TIME },
	{ "2026-04-31", NOT_A_TIME },
	{ "2026-11-21T24:00:00Z", NOT_A_TIME },
	{ "2026-11-21T20:36:02", NOT_A_TIME },
	{ "2026-11-21T20:36:02.Z", NOT_A_TIME },
	{ "2026-11-21T20:36:02+0900", NOT_A_TIME },
	{ "2026-11-21T20:36:02Zx", NOT_A_TIME },
	{ "26-11-21", NOT_A_TIME },
	{ "", NOT_A_TIME },
};

static const struct {
	const char *text;
	int64_t wanted;
} mail_dates[] = {
	{ "Sat, 21 Nov 2026 20:36:02 +0000 (UTC)", 1795293362 },
	{ "Sat, 21 Nov 2026 20:36:02 GMT", 1795293362 },
	{ "21 Nov 2026 20:36:02 +0000", 1795293362 },
	{ "Sun, 22 Nov 2026 05:36:02 +0900", 1795293362 },
	{ "Sun, 22 Nov 2026 05:36:02 JST", 1795293362 },
	{ "Sat, 21 Nov 2026 15:36:02 EST", 1795293362 },
	{ "Sat, 21 Nov 26 20:36:02 +0000", 1795293362 },
	{ "Sat,21 Nov 2026 20:36:02 +00:00", 1795293362 },
	{ "Sat (it (really) was), 21 (x) November 2026 20:36:02 -0000", 1795293362 },
	{ "Sat Nov 21 20:36:02 2026", 1795293362 },
	{ "Thu, 1 Jan 1970 00:00 +0000", 0 },
	{ "Fri, 31 Dec 99 23:59:59 Z", 946684799 },
	{ "Fri, 31 Dec 099 23:59:59 Z", 946684799 },
	{ "Sat, 21 Nov 2026 20:36:02 XYZ", 1795293362 },
	{ "Sat, 21 Nov 2026", NOT_A_TIME },
	{ "Sat, 31 Nov 2026 20:36:02 +0000", NOT_A_TIME },
	{ "Sat, 21 Nov 20266 20:36:02 +0000", NOT_A_TIME },
	{ "Sat, 21 Nov 2026 20:36:02 +9999", NOT_A_TIME },
	{ "Sat, 21 Nov 2026 20.36.02 +0000", NOT_A_TIME },
	{ "Sat, 21 Foo 2026 20:36:02 +0000", NOT_A_TIME },
	{ "((((", NOT_A_TIME },
	{ "", NOT_A_TIME },
};

static const struct {
	const char *text;
	int error;
	int64_t wanted;
} durations[] = {
	{ "90s", 0, 90 },
	{ "90", 0, 90 },
	{ "15m", 0, 900 },
	{ "12h", 0, 43200 },
	{ "30d", 0, 2592000 },
	{ " 2W ", 0, 1209600 },
	{ "1y", 0, 31536000 },
	{ "0s", 0, 0 },
	{ "forever", 0, INT64_MAX },
	{ "9223372036854775807", -ERANGE, 0 },
	{ "300000000000y", -ERANGE, 0 },
	{ "99999999999999999999s", -ERANGE, 0 },
	{ "-1d", -EINVAL, 0 },
	{ "1 d", -EINVAL, 0 },
	{ "1x", -EINVAL, 0 },
	{ "d", -EINVAL, 0 },
	{ "", -EINVAL, 0 },
};

static void test_rfc_3339(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
		int64_t time_s = NOT_A_TIME;
		int error = timestamp_parse(span_of(stamps[i].text), &time_s);
		if (time_s != stamps[i].wanted || error != (stamps[i].wanted == NOT_A_TIME ? -EINVAL : 0))
			fail_msg("'%s' is %lld", stamps[i].text, (long long)time_s);
	}
}

static void test_rfc_5322(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mail_dates) / sizeof(mail_dates[0]); i++) {
		int64_t time_s = NOT_A_TIME;
		int error = timestamp_parse_mail(span_of(mail_dates[i].text), &time_s);
		if (time_s != mail_dates[i].wanted || error != (mail_dates[i].wanted == NOT_A_TIME ? -EINVAL : 0))
			fail_msg("'%s' is %lld", mail_dates[i].text, (long long)time_s);
	}
}

static void test_what_is_written_is_read_again(void **state)
{
	char text[TIMESTAMP_SIZE];

	(void)state;
	for (int64_t time_s = -62167219200; time_s < 253402300799; time_s += 86400 * 31 + 12345) {
		int64_t again = NOT_A_TIME;
		assert_int_equal(timestamp_parse(span_of(timestamp_format(time_s, text)), &again), 0);
		assert_true(again == time_s);
	}
	assert_string_equal(timestamp_format(1795293362, text), "2026-11-21T20:36:02Z");
	assert_string_equal(timestamp_format_date(1795293362, text), "2026-11-21");
	assert_string_equal(timestamp_format_date(-1, text), "1969-12-31");
	assert_string_equal(timestamp_format(INT64_MAX, text), "9999-12-31T23:59:59Z");
	assert_string_equal(timestamp_format(INT64_MIN, text), "0000-01-01T00:00:00Z");
}

static void test_durations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		int64_t duration_s = NOT_A_TIME;
		int error = duration_parse(span_of(durations[i].text), &duration_s);
		if (error != durations[i].error || duration_s != (error ? NOT_A_TIME : durations[i].wanted))
			fail_msg("'%s' is %d, %lld", durations[i].text, error, (long long)duration_s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_3339),
		cmocka_unit_test(test_rfc_5322),
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
