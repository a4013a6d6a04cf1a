/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Times as text: RFC 3339 for what we write, RFC 5322 for what mail says, and durations of the configuration.
 * The calendar is computed here, so that neither the time zone nor a lock of the C library is touched.
 * Pure; any thread; the text is hostile.
 */
#include "base/timestamp.h"

#include <errno.h>
#include <stdio.h>

enum { SECONDS_A_DAY = 86400 };

/* 0000-01-01 and 9999-12-31T23:59:59Z: what four digits of a year can say. */
static const int64_t TIME_FIRST = -62167219200, TIME_LAST = 253402300799;

struct civil {
	unsigned year, month, day;
	unsigned hour, minute, second;
	int offset_s; /* east of Greenwich */
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; March is the first month of its year. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void civil_of_days(int64_t days, struct civil *civil)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day_of_era = z - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * day_of_year + 2) / 153;

	civil->day = (unsigned)(day_of_year - (153 * shifted + 2) / 5 + 1);
	civil->month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
	civil->year = (unsigned)(year_of_era + era * 400 + (civil->month <= 2));
}

static struct civil civil_of(int64_t time_s)
{
	struct civil civil = { 0 };
	int64_t days, rest;

	if (time_s < TIME_FIRST)
		time_s = TIME_FIRST;
	if (time_s > TIME_LAST)
		time_s = TIME_LAST;
	days = time_s / SECONDS_A_DAY;
	rest = time_s % SECONDS_A_DAY;
	if (rest < 0) {
		rest += SECONDS_A_DAY;
		days--;
	}
	civil_of_days(days, &civil);
	civil.hour = (unsigned)(rest / 3600);
	civil.minute = (unsigned)(rest / 60 % 60);
	civil.second = (unsigned)(rest % 60);
	return civil;
}

/* A leap second is the first of the next minute. */
static int civil_to_time(const struct civil *civil, int64_t *ret_time_s)
{
	static const unsigned char lengths[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool is_leap = civil->year % 4 == 0 && (civil->year % 100 != 0 || civil->year % 400 == 0);

	if (civil->month < 1 || civil->month > 12 || civil->day < 1 || civil->day > lengths[civil->month - 1])
		return -EINVAL;
	if (civil->month == 2 && civil->day == 29 && !is_leap)
		return -EINVAL;
	if (civil->hour > 23 || civil->minute > 59 || civil->second > 60)
		return -EINVAL;
	*ret_time_s = days_of(civil->year, civil->month, civil->day) * SECONDS_A_DAY + civil->hour * 3600 +
		      civil->minute * 60 + civil->second - civil->offset_s;
	return 0;
}

int timestamp_make(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute, int64_t *ret_time_s)
{
	const struct civil civil = { .year = year, .month = month, .day = day, .hour = hour, .minute = minute };

	return civil_to_time(&civil, ret_time_s);
}

unsigned timestamp_get_year(int64_t time_s)
{
	return civil_of(time_s).year;
}

const char *timestamp_format(int64_t time_s, char text[static TIMESTAMP_SIZE])
{
	struct civil c = civil_of(time_s);

	snprintf(text, TIMESTAMP_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ", c.year % 10000, c.month % 100, c.day % 100,
		 c.hour % 100, c.minute % 100, c.second % 100);
	return text;
}

const char *timestamp_format_date(int64_t time_s, char text[static TIMESTAMP_SIZE])
{
	struct civil c = civil_of(time_s);

	snprintf(text, TIMESTAMP_SIZE, "%04u-%02u-%02u", c.year % 10000, c.month % 100, c.day % 100);
	return text;
}

/* Exactly `width` digits off the front. */
static bool take_digits(struct span *rest, size_t width, unsigned *ret_value)
{
	uint64_t value;

	if (rest->len < width || span_parse_unsigned(span_slice(*rest, 0, width), UINT32_MAX, &value) < 0)
		return false;
	*rest = span_skip(*rest, width);
	*ret_value = (unsigned)value;
	return true;
}

static bool take_char(struct span *rest, char c)
{
	if (rest->len == 0 || ascii_lower(rest->ptr[0]) != ascii_lower(c))
		return false;
	*rest = span_skip(*rest, 1);
	return true;
}

/* "+09:00", "+0900", "-00:00" */
static bool take_offset(struct span *rest, bool has_colon, int *ret_offset_s)
{
	int sign = 1;
	unsigned hours, minutes;

	if (take_char(rest, '-'))
		sign = -1;
	else if (!take_char(rest, '+'))
		return false;
	if (!take_digits(rest, 2, &hours) || (has_colon && !take_char(rest, ':')) || !take_digits(rest, 2, &minutes))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*ret_offset_s = sign * (int)(hours * 3600 + minutes * 60);
	return true;
}

int timestamp_parse(struct span text, int64_t *ret_time_s)
{
	struct span rest = span_trim(text);
	struct civil c = { 0 };

	if (!take_digits(&rest, 4, &c.year) || !take_char(&rest, '-') || !take_digits(&rest, 2, &c.month) ||
	    !take_char(&rest, '-') || !take_digits(&rest, 2, &c.day))
		return -EINVAL;
	if (rest.len == 0)
		return civil_to_time(&c, ret_time_s);
	if (!take_char(&rest, 't') && !take_char(&rest, ' '))
		return -EINVAL;
	if (!take_digits(&rest, 2, &c.hour) || !take_char(&rest, ':') || !take_digits(&rest, 2, &c.minute) ||
	    !take_char(&rest, ':') || !take_digits(&rest, 2, &c.second))
		return -EINVAL;
	if (take_char(&rest, '.')) {
		size_t digits = 0;
		while (digits < rest.len && ascii_is_digit(rest.ptr[digits]))
			digits++;
		if (digits == 0)
			return -EINVAL;
		rest = span_skip(rest, digits);
	}
	if (!take_char(&rest, 'z') && !take_offset(&rest, true, &c.offset_s))
		return -EINVAL;
	return rest.len ? -EINVAL : civil_to_time(&c, ret_time_s);
}

/* The next word of an RFC 5322 date: white space, commas and (nested) comments before it are passed over. */
static struct span take_word(struct span *rest)
{
	size_t i = 0, start;
	unsigned depth = 0;

	for (; i < rest->len; i++) {
		char c = rest->ptr[i];
		if (c == '(')
			depth++;
		else if (c == ')' && depth)
			depth--;
		else if (!depth && !ascii_is_space(c) && c != ',')
			break;
	}
	for (start = i; i < rest->len; i++) {
		char c = rest->ptr[i];
		if (ascii_is_space(c) || c == ',' || c == '(')
			break;
	}
	struct span word = span_slice(*rest, start, i);
	*rest = span_skip(*rest, i);
	return word;
}

static unsigned month_find(struct span word)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	if (word.len < 3)
		return 0;
	for (unsigned i = 0; i < 12; i++)
		if (span_is_equal_nocase(span_slice(word, 0, 3), span_make(names + i * 3, 3)))
			return i + 1;
	return 0;
}

/* RFC 5322 section 4.3, and the names that old systems write; what is not known is taken for -0000. */
static int zone_find(struct span word)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {
		{ "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },	{ "MST", -7 },	{ "MDT", -6 },
		{ "PST", -8 }, { "PDT", -7 }, { "JST", 9 },  { "CET", 1 },	{ "CEST", 2 },	{ "MET", 1 },
		{ "BST", 1 },  { "EET", 2 },  { "EEST", 3 }, { "MSK", 3 },	{ "KST", 9 },
	};

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (span_is_equal_nocase(word, span_of(zones[i].name)))
			return zones[i].hours * 3600;
	return 0;
}

/* "12:34", "12:34:56", "2:03:04" */
static bool parse_clock(struct span word, struct civil *c)
{
	unsigned *into[] = { &c->hour, &c->minute, &c->second };
	size_t count = 0;
	uint64_t value;

	while (span_is_known(word)) {
		struct span piece = span_take(&word, ':');
		if (count == 3 || piece.len > 2 || span_parse_unsigned(piece, 99, &value) < 0)
			return false;
		*into[count++] = (unsigned)value;
	}
	return count >= 2;
}

/* RFC 5322 section 4.3: two digits are 2000 to 2049 and 1950 to 1999, three count from 1900. */
static bool parse_year(struct span word, unsigned *ret_year)
{
	uint64_t year;

	if (word.len < 2 || word.len > 4 || span_parse_unsigned(word, 9999, &year) < 0)
		return false;
	if (word.len == 2)
		year += year < 50 ? 2000 : 1900;
	else if (word.len == 3)
		year += 1900;
	*ret_year = (unsigned)year;
	return true;
}

static bool parse_day(struct span word, unsigned *ret_day)
{
	uint64_t day;

	if (word.len == 0 || word.len > 2 || span_parse_unsigned(word, 31, &day) < 0)
		return false;
	*ret_day = (unsigned)day;
	return true;
}

static bool parse_zone(struct span word, int *ret_offset_s)
{
	struct span rest = word;

	if (word.len && (word.ptr[0] == '+' || word.ptr[0] == '-'))
		return take_offset(&rest, memchr(word.ptr, ':', word.len) != NULL, ret_offset_s) && rest.len == 0;
	*ret_offset_s = zone_find(word);
	return true;
}

int timestamp_parse_mail(struct span text, int64_t *ret_time_s)
{
	struct span rest = text;
	struct span word = take_word(&rest);
	struct civil c = { 0 };

	if (word.len && !ascii_is_digit(word.ptr[0])) /* the day of the week */
		word = take_word(&rest);
	if (parse_day(word, &c.day)) {
		c.month = month_find(take_word(&rest));
		if (!parse_year(take_word(&rest), &c.year) || !parse_clock(take_word(&rest), &c))
			return -EINVAL;
		if (!parse_zone(take_word(&rest), &c.offset_s))
			return -EINVAL;
		return civil_to_time(&c, ret_time_s);
	}
	/* asctime(3), as old MTAs write it: "Sat Nov 21 20:45:42 2026" */
	c.month = month_find(word);
	if (!parse_day(take_word(&rest), &c.day) || !parse_clock(take_word(&rest), &c) ||
	    !parse_year(take_word(&rest), &c.year))
		return -EINVAL;
	return civil_to_time(&c, ret_time_s);
}

int duration_parse(struct span text, int64_t *ret_duration_s)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 }, { 'y', 31536000 } };
	struct span rest = span_trim(text);
	uint64_t factor = 1, value;
	int error;

	if (span_is_equal_nocase(rest, SPAN_LIT("forever"))) {
		*ret_duration_s = INT64_MAX;
		return 0;
	}
	if (rest.len && !ascii_is_digit(rest.ptr[rest.len - 1])) {
		factor = 0;
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (ascii_lower(rest.ptr[rest.len - 1]) == units[i].unit)
				factor = units[i].seconds;
		rest = span_slice(rest, 0, rest.len - 1);
	}
	if (factor == 0)
		return -EINVAL;
	/* below INT64_MAX: that one value means for ever */
	error = span_parse_unsigned(rest, (INT64_MAX - 1) / factor, &value);
	if (error < 0)
		return error;
	*ret_duration_s = (int64_t)(value * factor);
	return 0;
}
