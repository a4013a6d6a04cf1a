/* SPDX-License-Identifier: BSD-2-Clause */
/* Times as text.  All times are seconds since the epoch, UTC.  Pure: nobody asks a clock here; any thread. */
#ifndef KODAMA_BASE_TIMESTAMP_H
#define KODAMA_BASE_TIMESTAMP_H

#include "base/span.h"

enum { TIMESTAMP_SIZE = 32 };

/* "2026-11-21T20:36:02Z" (RFC 3339); "2026-11-21".  Return `text`. */
const char *timestamp_format(int64_t time_s, char text[static TIMESTAMP_SIZE]);
const char *timestamp_format_date(int64_t time_s, char text[static TIMESTAMP_SIZE]);

/* A day and minute of the calendar, as if UTC.  -EINVAL when there is no such day; *ret_time_s is untouched then. */
int timestamp_make(unsigned year, unsigned month, unsigned day, unsigned hour, unsigned minute, int64_t *ret_time_s)
	__attribute__((warn_unused_result));
unsigned timestamp_get_year(int64_t time_s);

/* RFC 3339, and a date alone (midnight UTC).  -EINVAL. */
int timestamp_parse(struct span text, int64_t *ret_time_s) __attribute__((warn_unused_result));

/* RFC 5322 section 3.3 with the obsolete forms (two-digit years, zone names, comments).  -EINVAL. */
int timestamp_parse_mail(struct span text, int64_t *ret_time_s) __attribute__((warn_unused_result));

/* "30d", "12h", "15m", "90s", "2w", "1y" (365 days), plain seconds; "forever" is INT64_MAX.  -EINVAL, -ERANGE. */
int duration_parse(struct span text, int64_t *ret_duration_s) __attribute__((warn_unused_result));

#endif
