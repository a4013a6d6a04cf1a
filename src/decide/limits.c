/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections of limits: the presets, and which section a case falls under.  Pure; any thread. */
#include "decide/limits.h"

#include <assert.h>
#include <stdio.h>

#define BIT(x) (1U << (x))
#define DAY_S (24 * 3600)

static const struct limit careful_limits[] = {
	{ .name = "gone", .effects = BIT(EFFECT_NOW), .scopes = BIT(SCOPE_RECIPIENT), .after = 1, .within_s = TIME_FOREVER, .for_s = TIME_FOREVER },
	{ .name = "nodomain", .effects = BIT(EFFECT_NOW), .scopes = BIT(SCOPE_DOMAIN), .after = 1, .within_s = TIME_FOREVER, .for_s = 30 * DAY_S },
	{ .name = "soft", .effects = BIT(EFFECT_COUNT), .after = 3, .within_s = 30 * DAY_S, .for_s = 30 * DAY_S },
};

/* That platform: three errors in a row, whenever they come; its codes 42521, 42551 and 42553 have the effect now. */
static const struct limit shanon_limits[] = {
	{ .name = "gone", .effects = BIT(EFFECT_NOW), .after = 1, .within_s = TIME_FOREVER, .for_s = TIME_FOREVER },
	{ .name = "soft", .effects = BIT(EFFECT_COUNT), .after = 3, .within_s = TIME_FOREVER, .for_s = TIME_FOREVER },
};

#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

static const struct {
	const char *name;
	const struct limit *limits;
	size_t count;
} presets[] = {
	[PRESET_CAREFUL] = { "careful", ROWS(careful_limits) },
	[PRESET_STRICT] = { "strict", ROWS(careful_limits) },
	[PRESET_SHANON] = { "shanon", ROWS(shanon_limits) },
};
static_assert(sizeof(presets) / sizeof(presets[0]) == PRESET_COUNT, "a row for each preset");

const struct limit *limits_get_defaults(enum preset preset, size_t *ret_count)
{
	assert((unsigned)preset < PRESET_COUNT);
	*ret_count = presets[preset].count;
	return presets[preset].limits;
}

const char *preset_get_name(enum preset preset)
{
	return (unsigned)preset < PRESET_COUNT ? presets[preset].name : "";
}

static int get_rank(const struct limit *limit)
{
	if (limit->classes)
		return 3;
	return (limit->effects ? 1 : 0) + (limit->scopes ? 1 : 0);
}

static bool is_covered(const struct limit *limit, enum class class_id, enum effect effect, enum scope scope)
{
	return (!limit->classes || limit->classes & (1ULL << class_id)) && (!limit->effects || limit->effects & BIT(effect)) &&
	       (!limit->scopes || limit->scopes & BIT(scope));
}

/* The winner, and in *ret_rival another one of its rank; NULL where there is none. */
static const struct limit *find_best(const struct limits *limits, enum class class_id, enum effect effect, enum scope scope,
				     const struct limit **ret_rival)
{
	const struct limit *best = NULL;

	*ret_rival = NULL;
	for (size_t i = 0; i < limits->count; i++) {
		const struct limit *limit = &limits->items[i];
		if (!is_covered(limit, class_id, effect, scope))
			continue;
		if (best && get_rank(best) == get_rank(limit)) {
			*ret_rival = limit;
		} else if (!best || get_rank(best) < get_rank(limit)) {
			best = limit;
			*ret_rival = NULL;
		}
	}
	return best;
}

const struct limit *limits_find(const struct limits *limits, enum class class_id, enum effect effect, enum scope scope)
{
	const struct limit *rival;

	return find_best(limits, class_id, effect, scope, &rival);
}

static bool check_values(const struct limit *limit, char *ret_why, size_t size)
{
	const char *fault = NULL;

	if (!limit->name || !*limit->name || strlen(limit->name) >= SECTION_NAME_SIZE)
		fault = "its name is empty or too long";
	else if (limit->after < 1 || limit->after > 1000)
		fault = "after must be from 1 to 1000";
	else if (limit->within_s <= 0 || limit->for_s <= 0)
		fault = "within and for must be longer than nothing";
	if (fault)
		snprintf(ret_why, size, "suppress %s: %s", limit->name ? limit->name : "", fault);
	return !fault;
}

static bool check_case(const struct limits *limits, enum class class_id, enum effect effect, enum scope scope, char *ret_why,
		       size_t size)
{
	const struct limit *rival;
	const struct limit *best = find_best(limits, class_id, effect, scope, &rival);

	if (!rival)
		return true;
	snprintf(ret_why, size, "suppress %s and suppress %s are equally specific for class %s with effect %s", best->name,
		 rival->name, class_get_name(class_id), effect_get_name(effect));
	return false;
}

bool limits_check(const struct limits *limits, char *ret_why, size_t size)
{
	for (size_t i = 0; i < limits->count; i++) {
		if (!check_values(&limits->items[i], ret_why, size))
			return false;
	}
	for (unsigned class_id = 0; class_id < CLASS_COUNT; class_id++) {
		enum scope scope = class_get_info((enum class)class_id)->scope;
		if (scope != SCOPE_RECIPIENT && scope != SCOPE_DOMAIN)
			continue;
		if (!check_case(limits, (enum class)class_id, EFFECT_NOW, scope, ret_why, size) ||
		    !check_case(limits, (enum class)class_id, EFFECT_COUNT, scope, ret_why, size))
			return false;
	}
	return true;
}
