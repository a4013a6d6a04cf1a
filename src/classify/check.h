/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Proving a rule set: every `matches` sample must end at its rule, every `differs` sample elsewhere; reports rules
 * that tie or are shadowed, and those with no literal to prefilter on.  Pure; any thread.
 */
#ifndef KODAMA_CLASSIFY_CHECK_H
#define KODAMA_CLASSIFY_CHECK_H

#include "classify/ruleset.h"

enum finding_level { FINDING_NOTE, FINDING_WARNING, FINDING_ERROR };

struct finding {
	enum finding_level level;
	const char *path; /* borrowed from the rule set */
	unsigned line;
	const char *rule;
	const char *text; /* borrowed for the call */
};

/* Calls `report` for each finding; the number of errors. -ENOMEM. */
int ruleset_check(const struct ruleset *ruleset, void (*report)(void *data, const struct finding *finding), void *data)
	__attribute__((warn_unused_result));

/* Calls `visit` for each rule that is enabled, in the order of ids (for `kodama rules list`). */
struct rule_info {
	const char *id, *provider, *path;
	unsigned line;
	enum class class_id;
	enum effect effect;
	enum basis basis;
	const char *pattern; /* "" for rules without one */
};
void ruleset_list(const struct ruleset *ruleset, void (*visit)(void *data, const struct rule_info *info), void *data);

#endif
