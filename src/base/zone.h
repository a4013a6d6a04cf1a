/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between UTC and the time on this machine's wall clock (TZ, /etc/localtime), summer time included.  Wall clock times are
 * seconds since 1970-01-01 00:00 on that clock.  Not pure: the zone is the process's.  Any thread, a struct each.
 */
#ifndef KODAMA_BASE_ZONE_H
#define KODAMA_BASE_ZONE_H

#include <stdint.h>

/* The last answer; zeroed to begin with. */
struct zone {
	int64_t quarter; /* of an hour, of which the offset is known, plus 1; 0: none */
	int64_t offset_s;
};

int64_t zone_to_utc(struct zone *zone, int64_t wall_s);
int64_t zone_from_utc(int64_t time_s);

#endif
