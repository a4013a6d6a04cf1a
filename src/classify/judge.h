/* SPDX-License-Identifier: BSD-2-Clause */
/* From facts to a verdict: the one way that classify and explain share.  For this folder alone.  Pure. */
#ifndef KODAMA_CLASSIFY_JUDGE_H
#define KODAMA_CLASSIFY_JUDGE_H

#include "classify/match.h"

struct judgement {
	const struct match *winner; /* of facts->matches; NULL: no rule decided */
	const char *safety;         /* the rule of safety that lowered the effect; "" */
	struct verdict verdict;
};

/* is_thorough: also collects what cannot change the verdict. */
void judge(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct facts *facts, bool is_thorough,
	   struct judgement *ret_judgement);

#endif
