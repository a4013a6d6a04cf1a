/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of the index as two numbers.  The layout of the second one is in databases: a change is a migration.  Pure. */
#include "store/enforced.h"

#include <assert.h>

/* Until in seconds (34 bits, all set is for ever), class (6), day since 1970 (17), manual (1), domain (1); bit 63: in use. */
enum { UNTIL_BITS = 34, CLASS_BITS = 6, DAY_BITS = 17, CLASS_AT = UNTIL_BITS, DAY_AT = CLASS_AT + CLASS_BITS, MANUAL_AT = DAY_AT + DAY_BITS };
#define UNTIL_MAX ((UINT64_C(1) << UNTIL_BITS) - 1)
#define MANUAL (UINT64_C(1) << MANUAL_AT)
#define DOMAIN (UINT64_C(1) << (MANUAL_AT + 1))
#define IN_USE (UINT64_C(1) << 63)
static_assert(CLASS_COUNT <= 1 << CLASS_BITS, "a class fits");

uint64_t enforced_hash(const struct siphash_key *key, struct span address, struct span stream)
{
	uint64_t hash = stream.len ? siphash_pair(key, stream, address) : siphash(key, address);

	return hash ? hash : 1;
}

uint64_t enforced_pack(const struct suppression *row)
{
	uint64_t until = row->until_s >= (int64_t)UNTIL_MAX ? UNTIL_MAX : (uint64_t)row->until_s;
	uint64_t day = row->since_s > 0 ? (uint64_t)(row->since_s / 86400) : 0;

	if (row->kind != DECISION_SUPPRESSED || row->until_s <= 0)
		return 0;
	if (day >= 1 << DAY_BITS)
		day = (1 << DAY_BITS) - 1;
	return until | (uint64_t)row->class_id << CLASS_AT | day << DAY_AT | (row->origin == ORIGIN_MANUAL ? MANUAL : 0) |
	       (row->address.len && row->address.ptr[0] == '@' ? DOMAIN : 0) | IN_USE;
}

bool enforced_unpack(uint64_t value, int64_t now_s, struct index_hit *ret_hit)
{
	uint64_t until = value & UNTIL_MAX;

	if (!value || (until != UNTIL_MAX && (int64_t)until <= now_s))
		return false;
	ret_hit->until_s = until == UNTIL_MAX ? TIME_FOREVER : (int64_t)until;
	ret_hit->class_id = (enum class)(value >> CLASS_AT & ((1 << CLASS_BITS) - 1));
	ret_hit->since_s = (int64_t)(value >> DAY_AT & ((1 << DAY_BITS) - 1)) * 86400;
	ret_hit->is_manual = value & MANUAL;
	return true;
}

bool enforced_is_domain(uint64_t value)
{
	return value & DOMAIN;
}
