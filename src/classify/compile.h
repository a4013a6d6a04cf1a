/* SPDX-License-Identifier: BSD-2-Clause */
/* From drafts to a frozen rule set: every field checked, every pattern compiled.  Loading only. */
#ifndef KODAMA_CLASSIFY_COMPILE_H
#define KODAMA_CLASSIFY_COMPILE_H

#include "classify/rulefile.h"
#include "classify/rules.h"

/* -EINVAL with *complaint; -ENOMEM. */
int compile_rules(struct ruleset *ruleset, const struct drafts *drafts, struct complaint *complaint)
	__attribute__((warn_unused_result));

/* A literal to look for, not one of a rule; `text` is folded.  -ENOMEM. */
int compile_literal(struct ruleset *ruleset, enum test_kind kind, uint32_t number, const char *text)
	__attribute__((warn_unused_result));

#endif
