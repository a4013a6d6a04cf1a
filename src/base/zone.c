/* SPDX-License-Identifier: BSD-2-Clause */
/* UTC and the wall clock, by the C library's time zone.  Any thread. */
#include "base/zone.h"

#include <time.h>

/* No zone changes its offset within a quarter of an hour that begins on the quarter. */
enum { QUARTER_S = 900 };

int64_t zone_from_utc(int64_t time_s)
{
	time_t time = (time_t)time_s;
	struct tm civil;

	if (!localtime_r(&time, &civil))
		return time_s;
	return time_s + civil.tm_gmtoff;
}

void zone_find(struct zone *zone, int64_t wall_s)
{
	/* the offset that the clock would have if it were UTC is right but near a change: asked once more with it */
	int64_t guess_s = wall_s - (zone_from_utc(wall_s) - wall_s), rest_s = wall_s % QUARTER_S;

	zone->offset_s = zone_from_utc(guess_s) - guess_s;
	zone->from_s = wall_s - rest_s - (rest_s < 0 ? QUARTER_S : 0);
	zone->to_s = zone->from_s + QUARTER_S;
}
