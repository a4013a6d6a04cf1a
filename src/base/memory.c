/* SPDX-License-Identifier: BSD-2-Clause */
/* glibc's malloc, told to be frugal.  Any thread. */
#include "base/memory.h"

#include <stdlib.h>

#ifdef __GLIBC__
#include <malloc.h>

/* Two threads at most work at one time on the small machines that this is for; what threads keep for themselves serves the rest. */
enum { HEAPS_MAX = 2, TRIM_THRESHOLD = 128 * 1024 };

void memory_be_frugal(void)
{
	(void)mallopt(M_ARENA_MAX, HEAPS_MAX);
	/* its default, which would else grow with the largest block that was ever freed */
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
}

void memory_trim(void)
{
	(void)malloc_trim(0);
}
#else
void memory_be_frugal(void)
{
}

void memory_trim(void)
{
}
#endif
