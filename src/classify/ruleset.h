/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule set: rules.d/[name].rules, local.rules, providers and advice, compiled and frozen.
 * Loading reads files (conf and the command call it); afterwards pure, immutable, shared by threads,
 * reference-counted.  The files are the operator's, not hostile, but may be wrong in every way.
 */
#ifndef KODAMA_CLASSIFY_RULESET_H
#define KODAMA_CLASSIFY_RULESET_H

#include "base/complaint.h"
#include "classify/verdict.h"

struct ruleset;

/*
 * Loads `etc`/rules.d/[name].rules in the order of their names, then `etc`/local.rules if it is there, `etc`/providers.conf
 * and `etc`/advice/[name].advice: all or nothing.  -EINVAL with *complaint (file, line, reason), -errno, -ENOMEM.
 */
int ruleset_load(const char *etc, struct ruleset **ret_ruleset, struct complaint *complaint) __attribute__((warn_unused_result));

/*
 * The same for who reads once what others have checked (the daemon, `rules check`), and is in a hurry: patterns are compiled
 * when they are first tried.  What was wrong with one of those is known afterwards.
 */
int ruleset_load_lazy(const char *etc, struct ruleset **ret_ruleset, struct complaint *complaint)
	__attribute__((warn_unused_result));
bool ruleset_find_broken(const struct ruleset *ruleset, struct complaint *complaint);

void ruleset_free(struct ruleset *ruleset);

/* Frees what proves the rules (`matches`, `differs`), for who will not ask for it (check.h).  Before others see the rule set. */
void ruleset_forget_samples(struct ruleset *ruleset);

size_t ruleset_get_count(const struct ruleset *ruleset); /* rules that are enabled */
bool ruleset_is_jit(const struct ruleset *ruleset);      /* compiled to machine code, not interpreted */

/* Is the word a tag of a rule's, ASCII case aside? */
bool ruleset_has_tag(const struct ruleset *ruleset, struct span word);

#endif
