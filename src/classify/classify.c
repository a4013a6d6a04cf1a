/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classifying one failure.  Texts outrank codes and words, so those are looked at only where texts leave a question
 * open; explain has everything looked at.  Pure; any thread; hostile text.
 */
#include "classify/classify.h"

#include <assert.h>
#include <stdlib.h>

#include "classify/judge.h"
#include "classify/safety.h"

struct scratch *scratch_new(void)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return NULL;
	scratch->arena = arena_new(4 * REPLY_TEXT_MAX);
	scratch->matcher = matcher_new();
	scratch->folded = malloc(CLASSIFY_TEXT_MAX);
	scratch->words = malloc(MATCH_WORDS_SIZE);
	if (!scratch->arena || !scratch->matcher || !scratch->folded || !scratch->words) {
		scratch_free(scratch);
		return NULL;
	}
	return scratch;
}

void scratch_free(struct scratch *scratch)
{
	if (!scratch)
		return;
	arena_free(scratch->arena);
	matcher_free(scratch->matcher);
	hits_done(&scratch->hits);
	free(scratch->matches);
	free(scratch->listed);
	free(scratch->place_of);
	free(scratch->prospects);
	free(scratch->skipped);
	free(scratch->folded);
	free(scratch->words);
	free(scratch);
}

struct query query_of(const struct outcome *outcome)
{
	return (struct query){ .text = outcome->text, .reply = outcome->reply, .status = outcome->status, .command = outcome->command,
			       .action = outcome->action, .kind = outcome->kind, .feedback = outcome->feedback,
			       .is_generic = outcome->is_generic, .is_expired = outcome->is_expired, .recipient = outcome->recipient,
			       .remote_mta = outcome->remote_mta };
}

const char *classify_find_provider(const struct ruleset *ruleset, struct span remote_mta, struct span domain)
{
	uint16_t provider = suffix_table_find(&ruleset->providers.mx, remote_mta);

	if (provider == PROVIDER_NONE)
		provider = suffix_table_find(&ruleset->providers.recipient, domain);
	return ruleset->providers.names[provider];
}

enum action query_get_action(const struct query *query)
{
	unsigned digit = query->reply != 0 ? query->reply / 100 : query->status.class_digit;

	if (query->action != ACTION_UNKNOWN || query->kind == KIND_ARF || query->kind == KIND_AUTOREPLY)
		return query->action;
	switch (digit) {
	case 0:
		return ACTION_UNKNOWN;
	case 2:
		return ACTION_DELIVERED;
	case 4:
		return ACTION_DELAYED;
	default:
		return ACTION_FAILED;
	}
}

/* Class, effect and scope as some rule, or none, has them. */
static void set_class(struct verdict *verdict, enum class class_id, enum effect effect)
{
	verdict->class_id = class_id;
	verdict->scope = class_get_info(class_id)->scope;
	verdict->effect = effect;
}

static void take_winner(const struct ruleset *ruleset, const struct match *winner, struct verdict *verdict)
{
	const struct rule *rule = &ruleset->rules[winner->rule];

	set_class(verdict, rule->class_id, rule->effect);
	verdict->basis = strength_get_basis(winner->strength);
	verdict->rule = rule->id;
	verdict->status_as = rule->status_as;
}

static void judge_feedback(const struct query *query, struct verdict *verdict)
{
	static const struct {
		enum class class_id;
		enum effect effect;
	} judged[] = {
		[FEEDBACK_COMPLAINT] = { CLASS_COMPLAINT, EFFECT_NOW },
		[FEEDBACK_NOT_SPAM] = { CLASS_DELIVERED, EFFECT_NEVER },
		[FEEDBACK_AUTH_FAILURE] = { CLASS_AUTHENTICATION_FAILED, EFFECT_NEVER },
		[FEEDBACK_VIRUS] = { CLASS_VIRUS, EFFECT_NEVER },
		[FEEDBACK_OTHER] = { CLASS_COMPLAINT, EFFECT_COUNT },
	};
	enum feedback feedback = query->feedback < FEEDBACK_COUNT ? query->feedback : FEEDBACK_OTHER;
	bool is_capped = query->is_generic && judged[feedback].effect == EFFECT_NOW;

	static_assert(sizeof(judged) / sizeof(judged[0]) == FEEDBACK_COUNT, "one judgement for each feedback");
	set_class(verdict, judged[feedback].class_id, is_capped ? EFFECT_COUNT : judged[feedback].effect);
}

/* What is decided by the report's kind or action, whatever the words say. */
static bool judge_by_kind(const struct query *query, const struct facts *facts, struct verdict *verdict)
{
	bool is_delivered = facts->action == ACTION_DELIVERED;

	if (query->kind == KIND_AUTOREPLY)
		set_class(verdict, CLASS_AUTO_REPLY, EFFECT_NEVER);
	else if (query->kind == KIND_ARF)
		judge_feedback(query, verdict);
	else if (is_delivered || facts->action == ACTION_RELAYED || facts->action == ACTION_EXPANDED)
		set_class(verdict, CLASS_DELIVERED, is_delivered ? EFFECT_RESET : EFFECT_NEVER);
	else
		return false;
	return true;
}

/* The last reason says more than the clock, where it is known. */
static void judge_expired(const struct query *query, struct verdict *verdict)
{
	if (query->is_expired && verdict->class_id == CLASS_UNCLASSIFIED)
		set_class(verdict, CLASS_EXPIRED, class_get_info(CLASS_EXPIRED)->effect);
}

static bool judge_own_mark(const struct facts *facts, struct verdict *verdict)
{
	if (!facts->has_mark)
		return false;
	set_class(verdict, CLASS_SUPPRESSED_UPSTREAM, EFFECT_NEVER);
	verdict->basis = BASIS_TAG;
	verdict->rule = OWN_MARK_RULE;
	return true;
}

static enum confidence get_confidence(const struct query *query, enum basis basis)
{
	if (query->is_generic)
		return CONFIDENCE_GENERIC;
	return basis == BASIS_TAG || basis == BASIS_PHRASE ? CONFIDENCE_RULE : CONFIDENCE_FORM;
}

static enum bounce get_bounce(const struct facts *facts, const struct verdict *verdict)
{
	if (verdict->class_id == CLASS_DELIVERED || verdict->class_id == CLASS_AUTO_REPLY)
		return BOUNCE_NONE;
	if (facts->action == ACTION_DELAYED)
		return BOUNCE_SOFT;
	if (verdict->effect == EFFECT_NOW)
		return BOUNCE_HARD;
	return verdict->effect == EFFECT_COUNT ? BOUNCE_SOFT : BOUNCE_NONE;
}

static void finish(const struct ruleset *ruleset, const struct query *query, const struct facts *facts, const struct rule *rule,
		   struct verdict *verdict)
{
	const struct advice *advice = ruleset_get_advice(ruleset, rule, facts->provider, verdict->class_id);

	for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
		verdict->advice[i] = advice->text[i];
	verdict->confidence = get_confidence(query, verdict->basis);
	verdict->bounce = get_bounce(facts, verdict);
	verdict->provider = facts->provider_name;
}

/* Is there nothing that codes or words could add to this winner? */
static bool is_settled(const struct ruleset *ruleset, const struct match *winner)
{
	return winner && winner->strength >= STRENGTH_PHRASE && !match_gives_way(ruleset, winner);
}

static const struct match *find_winner(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts, bool is_thorough)
{
	const struct match *winner;

	match_texts(ruleset, scratch, facts);
	winner = match_find_best(ruleset, facts);
	if (!is_thorough && is_settled(ruleset, winner))
		return winner;
	match_codes(ruleset, facts);
	winner = match_find_best(ruleset, facts);
	if (!is_thorough && winner && !match_gives_way(ruleset, winner))
		return winner;
	match_words(ruleset, scratch, facts);
	return match_find_best(ruleset, facts);
}

/* Takes `now` away where a rule of safety says so. */
static void make_safe(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct facts *facts,
		      struct judgement *judgement)
{
	const char *objection;

	if (judgement->verdict.effect != EFFECT_NOW)
		return;
	objection = safety_find_objection(ruleset, scratch, query, facts, judgement->winner);
	if (!objection)
		return;
	judgement->verdict.effect = EFFECT_COUNT;
	judgement->verdict.is_capped = true;
	judgement->safety = objection;
}

void judge(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct facts *facts, bool is_thorough,
	   struct judgement *ret_judgement)
{
	struct judgement judgement = { .safety = "", .verdict = { .rule = "", .status_as = "" } };
	struct verdict *verdict = &judgement.verdict;
	const struct match *best;
	bool is_of_kind;

	facts->is_thorough = is_thorough;
	best = match_find_instead(ruleset, facts, find_winner(ruleset, scratch, facts, is_thorough));
	is_of_kind = judge_by_kind(query, facts, verdict);

	if (!is_of_kind && !judge_own_mark(facts, verdict)) {
		judgement.winner = best;
		if (best)
			take_winner(ruleset, best, verdict);
		judge_expired(query, verdict);
		make_safe(ruleset, scratch, query, facts, &judgement);
	} else if (is_of_kind && best && ruleset->rules[best->rule].class_id == verdict->class_id) {
		judgement.winner = best; /* a rule says so too */
		verdict->rule = ruleset->rules[best->rule].id;
		verdict->basis = strength_get_basis(best->strength);
	}
	finish(ruleset, query, facts, judgement.winner ? &ruleset->rules[judgement.winner->rule] : NULL, verdict);
	*ret_judgement = judgement;
}

void classify(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct verdict *ret_verdict)
{
	struct facts facts;
	struct judgement judgement;

	if (facts_read(ruleset, scratch, query, &facts) < 0) {
		/* no memory: nothing is known, so that nothing is suppressed */
		*ret_verdict = (struct verdict){ .rule = "", .provider = "", .status_as = "", .is_capped = true };
		for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
			ret_verdict->advice[i] = class_get_info(CLASS_UNCLASSIFIED)->meaning;
		return;
	}
	judge(ruleset, scratch, query, &facts, false, &judgement);
	*ret_verdict = judgement.verdict;
}
