/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The inside of a rule set, for this folder alone: rules, the tests that find them in a text, and the indexes.
 * Frozen once it is loaded; any thread.
 */
#ifndef KODAMA_CLASSIFY_RULES_H
#define KODAMA_CLASSIFY_RULES_H

#include "classify/condition.h"
#include "classify/pattern.h"
#include "classify/prefilter.h"
#include "classify/provider.h"
#include "classify/ruleset.h"

struct samples {
	const char **items;
	size_t count;
};

struct rule {
	const char *id, *path;
	unsigned line;
	enum class class_id;
	enum effect effect;
	enum basis basis; /* of its strongest test; BASIS_STATUS and BASIS_REPLY have no test */
	uint16_t provider;
	bool is_sign; /* it speaks of the sender, the message or the submission */
	uint16_t advice; /* index; ADVICE_BY_CLASS: whatever provider and class say */
	int32_t priority;
	struct conditions conditions;
	const char *status_as;
	const char *pattern; /* the first tag, text or word; "" */
	struct samples matches, differs;
};

enum { ADVICE_BY_CLASS = UINT16_MAX };

/* What to look for in a text. */
enum test_kind {
	TEST_TAG,       /* a literal, as a whole word */
	TEST_TEXT,
	TEST_WORD,
	TEST_SIGNATURE, /* a literal that tells the provider; `rule` is the provider */
	TEST_MARK       /* our own refusal, read back */
};

/* Literals of the prefilter: a match holds one of them, and begins at most `reach` bytes before it (struct need). */
struct wanted {
	const uint32_t *numbers;
	uint32_t count, reach;
};

struct test {
	enum test_kind kind;
	uint32_t rule;
	struct pattern *pattern; /* NULL: `literal` is the whole of it */
	struct span literal;     /* folded; where there is no pattern */
	struct need needs[NEEDS]; /* what a match of the pattern holds */
	struct wanted wanted[NEEDS]; /* the same; the first is what the test is filed under */
	unsigned wanted_count;
	bool is_filed_often; /* under several literals: to be tried once all the same */
	struct span text;         /* as the operator wrote it */
};

/* What a literal in a text means: the tests of ruleset->filed that now come into question, texts and tags, then words. */
struct literal_use {
	uint32_t texts_at, words_at, end;
	uint32_t len;
	uint16_t provider; /* whose signature it is; PROVIDER_NONE */
	bool is_mark;
};

struct advice {
	const char *name;
	const char *text[LANGUAGE_COUNT];
};

enum { SUBJECTS = 11 }; /* 0 to 9, and any other */

/* Rules by number, in the order of their ids. */
struct rule_list {
	uint32_t *items;
	size_t count;
};

struct ruleset {
	unsigned references; /* atomic */
	struct arena *arena;
	struct rule *rules; /* enabled ones, sorted by id: a lower index is a lower id */
	size_t rule_count;
	struct test *tests;
	size_t test_count, test_size;
	struct prefilter *prefilter;
	struct literal_use *uses; /* by the prefilter's numbers */
	size_t literal_count;
	uint32_t *filed; /* tests, each under every literal of one of its needs */
	struct rule_list always; /* tests with no literal: tried on every text */
	struct rule_list by_subject[SUBJECTS], by_reply;
	struct providers providers;
	struct advice *advice;
	size_t advice_count;
	uint16_t *advice_of; /* provider * CLASS_COUNT + class */
	bool is_jit;
};

/* The texts that people read for a class of a provider's. */
const struct advice *ruleset_get_advice(const struct ruleset *ruleset, const struct rule *rule, uint16_t provider, enum class class_id);

/* The mark that every refusal of ours ends in, folded, and the id of the rule that knows it. */
#define OWN_MARK "(kodama-suppressed)"
#define OWN_MARK_RULE "kodama.suppressed"

#endif
