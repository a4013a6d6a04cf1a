/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much time has gone by while the lines of a log were written.  Not by the last stamp alone: a machine whose clock was wrong for a
 * while, or one line that is dated in another year, would make all that is remembered old at once, and what comes after it young for
 * ever.  Pure.
 */
#ifndef KODAMA_EVIDENCE_LOGAGE_H
#define KODAMA_EVIDENCE_LOGAGE_H

#include <stdbool.h>
#include <stdint.h>

struct logage {
	int64_t line_s; /* the latest line's time */
	int64_t now_s;  /* seconds that went by: no time of day.  Both are 0 at first */
};

enum { LOGAGE_LEAP_S = 86400 };

/* A line of that time: has any gone by?  From one line to the next at most a day counts; more is a clock that was set, or a long silence. */
static inline bool logage_take(struct logage *age, int64_t time_s)
{
	int64_t ahead_s = time_s - age->line_s;

	/* several hosts that write into one log are never quite of one time */
	if (ahead_s <= 0 && ahead_s >= -LOGAGE_LEAP_S)
		return false;
	age->line_s = time_s;
	if (ahead_s < 0 || ahead_s > LOGAGE_LEAP_S)
		return false;
	age->now_s += ahead_s;
	return true;
}

#endif
