/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time stamps of log lines: RFC 3164 ("Nov 21 20:30:21": local time without a year) and ISO 8601 with or without a
 * fraction and a zone ("2026-11-21T20:30:21.123456+09:00").  The year comes from a reference time: it is the last one
 * in which the stamp is not more than a day after the reference, so that December read in January is last year's.
 * Lines follow each other closely: the last stamp is kept, and most are compared rather than read; so are the hosts and
 * tags that come behind them (logline.c).
 * Pure; one thread at a time.
 */
#ifndef KODAMA_EVIDENCE_LOGCLOCK_H
#define KODAMA_EVIDENCE_LOGCLOCK_H

#include "base/span.h"

enum { LOGHEAD_MAX = 108, LOGHEADS = 64 };

/* Who wrote a line, as far as queue ids are told apart by it: hashes, whose key is nobody's secret. */
struct log_origin {
	uint64_t host, instance;
};

/* "mx1 postfix/smtp", and where in it is what. */
struct loghead {
	uint8_t len; /* 0: none yet */
	uint8_t host_len, instance_len, program_at;
	char bytes[LOGHEAD_MAX];
	struct log_origin origin;
};

struct logclock {
	int64_t reference_s; /* local civil time: what the clock on the wall shows, as seconds since 1970 */
	char stamp[20];      /* the last stamp to its minute, colon and all, and what that was */
	size_t stamp_len;    /* 0: none yet */
	int64_t minute_s;
	char zone[6];        /* "+09:00", the last one behind six digits of a fraction; zone[0] is 0: none yet */
	int64_t offset_s;
	struct loghead heads[LOGHEADS]; /* by host and program */
};

/*
 * reference_s: the wall clock's time now, or when the log was last written, as if it were UTC (zone_from_utc).
 * May be set again at any time: a follower does it now and then, or December never comes.
 */
void logclock_init(struct logclock *clock, int64_t reference_s);

/*
 * The stamp at the start of `text`: its length, 0 if there is none.  *ret_is_local: the time is that of the wall clock
 * (zone_to_utc makes it UTC); else it is UTC.
 */
size_t logclock_read(struct logclock *clock, struct span text, int64_t *ret_time_s, bool *ret_is_local);

enum { LOGCLOCK_RFC3164_MINUTE = 13 }; /* "Nov 21 20:30:" */

static inline size_t logclock_take(struct logclock *clock, struct span text, int64_t *ret_time_s, bool *ret_is_local)
{
	unsigned tens, ones;

	/* most lines are of the minute of the line before */
	if (clock->stamp_len != LOGCLOCK_RFC3164_MINUTE || text.len < LOGCLOCK_RFC3164_MINUTE + 2 ||
	    memcmp(clock->stamp, text.ptr, LOGCLOCK_RFC3164_MINUTE) != 0)
		return logclock_read(clock, text, ret_time_s, ret_is_local);
	tens = (unsigned)(text.ptr[LOGCLOCK_RFC3164_MINUTE] - '0');
	ones = (unsigned)(text.ptr[LOGCLOCK_RFC3164_MINUTE + 1] - '0');
	if (tens > 5 || ones > 9)
		return logclock_read(clock, text, ret_time_s, ret_is_local);
	*ret_time_s = clock->minute_s + tens * 10 + ones;
	*ret_is_local = true;
	return LOGCLOCK_RFC3164_MINUTE + 2;
}

#endif
