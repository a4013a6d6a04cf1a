/* SPDX-License-Identifier: BSD-2-Clause */
/* Time stamps of log lines.  Pure; one thread at a time; the text is hostile. */
#include "evidence/logclock.h"

#include "base/timestamp.h"

enum { ISO_MINUTE = 17, DAY_S = 86400 };

void logclock_init(struct logclock *clock, int64_t reference_s)
{
	*clock = (struct logclock){ .reference_s = reference_s };
}

/* Two digits, the first of which may be a blank; 100 for what is none. */
static inline unsigned get_two(const char *at)
{
	unsigned tens = at[0] == ' ' ? 0 : (unsigned)(at[0] - '0'), ones = (unsigned)(at[1] - '0');

	return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

static unsigned find_month(const char *at)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (unsigned month = 0; month < 12; month++)
		if (memcmp(names + (size_t)3 * month, at, 3) == 0)
			return month + 1;
	return 0;
}

/* "Nov 21 20:30:" in the last year in which it is not more than a day ahead; a 29th of February goes back to a leap year. */
static bool read_rfc3164_minute(const struct logclock *clock, const char *at, int64_t *ret_minute_s)
{
	unsigned month = find_month(at), day = get_two(at + 4), hour = get_two(at + 7), minute = get_two(at + 10);
	unsigned year = timestamp_get_year(clock->reference_s + DAY_S);

	if (at[3] != ' ' || at[6] != ' ' || at[9] != ':' || at[12] != ':')
		return false;
	for (unsigned back = 0; back <= 8 && back <= year; back++) {
		int64_t time_s;
		if (timestamp_make(year - back, month, day, hour, minute, &time_s) < 0 || time_s > clock->reference_s + DAY_S)
			continue;
		*ret_minute_s = time_s;
		return true;
	}
	return false;
}

/* "2026-11-21T20:30:" */
static bool read_iso_minute(const char *at, int64_t *ret_minute_s)
{
	unsigned century = get_two(at), year = get_two(at + 2);

	if (at[4] != '-' || at[7] != '-' || (at[10] != 'T' && at[10] != ' ') || at[13] != ':' || at[16] != ':' || century > 99 || year > 99)
		return false;
	return timestamp_make(century * 100 + year, get_two(at + 5), get_two(at + 8), get_two(at + 11), get_two(at + 14), ret_minute_s) == 0;
}

static bool read_minute(struct logclock *clock, const char *at, size_t len, bool is_iso)
{
	int64_t minute_s;

	if (clock->stamp_len == len && memcmp(clock->stamp, at, len) == 0)
		return true;
	if (is_iso ? !read_iso_minute(at, &minute_s) : !read_rfc3164_minute(clock, at, &minute_s))
		return false;
	memcpy(clock->stamp, at, len);
	clock->stamp_len = len;
	clock->minute_s = minute_s;
	return true;
}

/* "Z", "+09:00", "+0900": its length; 0: none.  *ret_offset_s: east of Greenwich. */
static size_t take_zone(struct span text, int64_t *ret_offset_s)
{
	size_t minutes;
	unsigned hour, minute;

	*ret_offset_s = 0;
	if (text.len && text.ptr[0] == 'Z')
		return 1;
	if (text.len < 5 || (text.ptr[0] != '+' && text.ptr[0] != '-'))
		return 0;
	minutes = text.ptr[3] == ':' ? 4 : 3;
	hour = get_two(text.ptr + 1);
	minute = text.len < minutes + 2 ? 100 : get_two(text.ptr + minutes);
	if (hour > 23 || minute > 59)
		return 0;
	*ret_offset_s = (text.ptr[0] == '-' ? -1 : 1) * (int64_t)(hour * 3600 + minute * 60);
	return minutes + 2;
}

static size_t take_fraction(struct span text)
{
	size_t at = 1;

	if (text.len < 2 || (text.ptr[0] != '.' && text.ptr[0] != ','))
		return 0;
	while (at < text.len && ascii_is_digit(text.ptr[at]))
		at++;
	return at > 1 ? at : 0;
}

enum { ISO_FRACTION = 7, ISO_ZONE = 6, ISO_LEN = ISO_MINUTE + 2 + ISO_FRACTION + ISO_ZONE };

/* "2026-11-21T20:30:21.123456+09:00", in the minute and the zone of the line before. */
static bool read_same_iso(const struct logclock *clock, struct span text, int64_t *ret_time_s)
{
	const char *fraction = text.ptr + ISO_MINUTE + 2;
	unsigned second;
	bool is_fraction = text.len > ISO_LEN;

	if (clock->zone[0] == 0 || clock->stamp_len != ISO_MINUTE || !is_fraction || memcmp(clock->stamp, text.ptr, ISO_MINUTE) != 0 ||
	    memcmp(clock->zone, fraction + ISO_FRACTION, ISO_ZONE) != 0 || fraction[0] != '.')
		return false;
	for (size_t i = 1; i < ISO_FRACTION; i++)
		is_fraction &= ascii_is_digit(fraction[i]);
	second = get_two(text.ptr + ISO_MINUTE);
	if (!is_fraction || second > 60)
		return false;
	*ret_time_s = clock->minute_s + (int64_t)second - clock->offset_s;
	return true;
}

size_t logclock_read(struct logclock *clock, struct span text, int64_t *ret_time_s, bool *ret_is_local)
{
	bool is_iso = text.len && ascii_is_digit(text.ptr[0]);
	size_t len = is_iso ? ISO_MINUTE : LOGCLOCK_RFC3164_MINUTE, zone_len = 0;
	int64_t offset_s = 0;
	unsigned second;

	if (is_iso && read_same_iso(clock, text, ret_time_s)) {
		*ret_is_local = false;
		return ISO_LEN;
	}
	if (text.len < len + 2 || !read_minute(clock, text.ptr, len, is_iso))
		return 0;
	second = get_two(text.ptr + len);
	if (second > 60)
		return 0;
	len += 2;
	if (is_iso) {
		size_t fraction_len = take_fraction(span_skip(text, len));
		len += fraction_len;
		zone_len = take_zone(span_skip(text, len), &offset_s);
		if (fraction_len == ISO_FRACTION && zone_len == ISO_ZONE) {
			memcpy(clock->zone, text.ptr + len, ISO_ZONE);
			clock->offset_s = offset_s;
		}
	}
	*ret_time_s = clock->minute_s + (int64_t)second - offset_s;
	*ret_is_local = zone_len == 0;
	return len + zone_len;
}
