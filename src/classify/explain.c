/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole story of one classification.  Pure; any thread. */
#include "classify/explain.h"

#include <errno.h>

#include "classify/judge.h"

/* Stronger first; few, so that inserting is good enough. */
static void sort_matches(const struct ruleset *ruleset, const struct facts *facts, const struct match **sorted)
{
	for (size_t i = 0; i < facts->match_count; i++) {
		size_t at = i;
		for (; at > 0 && match_compare(ruleset, &facts->matches[i], sorted[at - 1], NULL) > 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &facts->matches[i];
	}
}

static const char *why_lost(const struct ruleset *ruleset, const struct facts *facts, const struct judgement *judgement,
			    const struct match *match)
{
	const char *why;

	if (match == judgement->winner)
		return "";
	if (facts->has_mark)
		return "the mark of our own refusal outranks every rule";
	if (!judgement->winner)
		return "the kind of the report decides, whatever the words say";
	if (match_compare(ruleset, match, judgement->winner, &why) > 0)
		return match_gives_way(ruleset, match) ? "it says too little, and something else knows more" :
							 "a more specific range of codes says that nothing is known";
	return why;
}

static struct candidate make_candidate(const struct ruleset *ruleset, const struct facts *facts, const struct judgement *judgement,
				       const struct match *match)
{
	const struct rule *rule = &ruleset->rules[match->rule];

	return (struct candidate){ .rule = rule->id, .class_id = rule->class_id, .scope = class_get_info(rule->class_id)->scope,
				   .effect = rule->effect, .basis = strength_get_basis(match->strength),
				   .is_provider_bound = rule->provider != PROVIDER_NONE, .from = match->from, .to = match->to,
				   .lost = why_lost(ruleset, facts, judgement, match) };
}

/* Each rule once, by its strongest match. */
static bool is_listed(const struct explanation *explanation, const char *id)
{
	for (size_t i = 0; i < explanation->candidate_count; i++) {
		if (explanation->candidates[i].rule == id)
			return true;
	}
	return false;
}

static int list_candidates(const struct ruleset *ruleset, const struct facts *facts, const struct judgement *judgement, struct arena *arena,
			   struct explanation *explanation)
{
	const struct match **sorted = arena_alloc(arena, (facts->match_count + 1) * sizeof(*sorted));

	explanation->candidates = arena_alloc(arena, (facts->match_count + 1) * sizeof(*explanation->candidates));
	if (!sorted || !explanation->candidates)
		return -ENOMEM;
	sort_matches(ruleset, facts, sorted);
	if (judgement->winner) {
		explanation->candidates[0] = make_candidate(ruleset, facts, judgement, judgement->winner);
		explanation->candidate_count = 1;
	}
	for (size_t i = 0; i < facts->match_count; i++) {
		if (!is_listed(explanation, ruleset->rules[sorted[i]->rule].id))
			explanation->candidates[explanation->candidate_count++] = make_candidate(ruleset, facts, judgement, sorted[i]);
	}
	return 0;
}

int explain(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct arena *arena,
	    struct explanation *ret_explanation)
{
	struct explanation explanation = { .candidates = NULL };
	struct judgement judgement;
	struct facts facts;
	int rc = facts_read(ruleset, scratch, query, &facts);

	if (rc < 0)
		return rc;
	judge(ruleset, scratch, query, &facts, true, &judgement);
	explanation.reply = facts.reply;
	explanation.reply.text = arena_copy(arena, facts.reply.text);
	explanation.reply.remote_mta = arena_copy(arena, facts.reply.remote_mta);
	explanation.folded = arena_copy(arena, facts.folded);
	if (!span_is_known(explanation.folded) || (span_is_known(facts.reply.text) && !span_is_known(explanation.reply.text)))
		return -ENOMEM;
	explanation.provider_source = facts.provider_source;
	explanation.safety = judgement.safety;
	explanation.verdict = judgement.verdict;
	rc = list_candidates(ruleset, &facts, &judgement, arena, &explanation);
	if (rc == 0)
		*ret_explanation = explanation;
	return rc;
}
