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

/* What a verdict is made from stands first. */
struct rule {
	struct conditions conditions;
	enum class class_id;
	enum class instead_of; /* it has no test, and speaks where a text of this class would win; CLASS_COUNT: it does not */
	enum effect effect;
	enum basis basis; /* of its strongest test; BASIS_STATUS and BASIS_REPLY have no test */
	int32_t priority;
	uint16_t provider;
	uint16_t advice; /* index; ADVICE_BY_CLASS: whatever provider and class say */
	bool is_sign; /* it speaks of the sender, the message or the submission */
	const char *id;
	const char *status_as;
	const char *path;
	unsigned line;
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

/* A folded string as a test's match; where it is bounded, no word goes on beyond that end. */
struct phrase {
	struct span text;
	bool is_bounded_left, is_bounded_right;
};

struct test {
	struct pattern *pattern; /* NULL: the phrases are the whole of it, of two at one place the first */
	const struct phrase *phrases;
	uint32_t phrase_count;
	uint32_t firsts;         /* bits: the first bytes of the phrases, modulo 32 */
	uint32_t rule;
	uint32_t longest;        /* bytes that a match has at most; LITERAL_FAR: nobody knows */
	enum test_kind kind;
	bool is_bound;           /* its rule is for one provider alone */
	bool is_anchored;        /* a match begins where the text does */
	struct span text;        /* as the operator wrote it */
};

/* What a match of a test holds, the literals of a pattern: what the index is built from, and then forgotten. */
struct needs {
	struct need items[NEEDS];
};

/*
 * A test, filed under a gram of a literal that it needs.  The marks (struct hits) are those of the literal's other bytes
 * and of the other literals that it needs: where one is missing, nothing of the test itself is looked at.
 */
struct filed {
	uint32_t test;
	uint32_t others;   /* where in ruleset->others; 0: it needs no other literal */
	uint16_t marks[2]; /* of this literal */
	uint16_t provider; /* of its rule */
	uint16_t before;   /* a match begins at most that many bytes before the gram; BEFORE_UNKNOWN */
	bool is_sign;      /* of its rule */
};

enum { BEFORE_UNKNOWN = UINT16_MAX };

/* What is filed under a gram: the places in ruleset->filed of signatures and the mark, of tags and texts, of words. */
struct group {
	uint32_t signatures_at, texts_at, words_at, end;
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
	struct arena *arena;
	struct arena *samples; /* texts of matches and differs; NULL: forgotten */
	struct rule *rules; /* enabled ones, sorted by id: a lower index is a lower id */
	size_t rule_count;
	struct test *tests;
	struct needs *needs; /* by test; NULL once the index is built */
	size_t test_count, test_size;
	struct prefilter *prefilter;
	struct group *groups; /* by the prefilter's numbers */
	size_t group_count;
	struct filed *filed;  /* each test under every literal of one of its needs */
	uint16_t *others;     /* of a test: for each further need the number of its literals, and two marks for each; 0 */
	struct rule_list always; /* tests with no literal: tried on every text */
	struct rule_list by_subject[SUBJECTS], by_reply, instead; /* instead: those with instead-of */
	uint32_t *tags;       /* by hash_word() of a tag, or of where the next is free: its test, plus 1 */
	size_t tag_size;      /* a power of two */
	struct providers providers;
	struct advice *advice;
	size_t advice_count;
	uint16_t *advice_of; /* provider * CLASS_COUNT + class */
	bool is_jit, is_lazy; /* lazy: patterns are compiled when they are first tried */
};

/* ASCII case aside. */
static inline size_t hash_word(struct span word)
{
	size_t hash = 0;

	for (size_t i = 0; i < word.len; i++)
		hash = (hash + (unsigned char)ascii_lower(word.ptr[i])) * 0x9e3779b97f4a7c15u;
	return hash >> 16;
}

/* The texts that people read for a class of a provider's. */
const struct advice *ruleset_get_advice(const struct ruleset *ruleset, const struct rule *rule, uint16_t provider, enum class class_id);

/* The mark that every refusal of ours ends in, folded, and the id of the rule that knows it. */
#define OWN_MARK "(kodama-suppressed)"
#define OWN_MARK_RULE "kodama.suppressed"

#endif
