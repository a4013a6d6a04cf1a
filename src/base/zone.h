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
	int64_t from_s, to_s; /* the wall clock's quarter of an hour of which it is known */
	int64_t offset_s;
};

void zone_find(struct zone *zone, int64_t wall_s);

static inline int64_t zone_to_utc(struct zone *zone, int64_t wall_s)
{
	if (wall_s < zone->from_s || wall_s >= zone->to_s)
		zone_find(zone, wall_s);
	return wall_s - zone->offset_s;
}

int64_t zone_from_utc(int64_t time_s);

#endif
