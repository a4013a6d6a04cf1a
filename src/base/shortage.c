/* SPDX-License-Identifier: BSD-2-Clause */
/* One number.  Any thread. */
#include "base/shortage.h"

static uint64_t count; /* atomic */

void shortage_note(void)
{
	__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
}

uint64_t shortage_get_count(void)
{
	return __atomic_load_n(&count, __ATOMIC_RELAXED);
}
