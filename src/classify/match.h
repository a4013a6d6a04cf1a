/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which rules match a failure, and which of them is the strongest (DESIGN section 5).  For this folder alone.
 * Pure; any thread; one scratch per call at a time; hostile text.
 */
#ifndef KODAMA_CLASSIFY_MATCH_H
#define KODAMA_CLASSIFY_MATCH_H

#include "classify/classify.h"
#include "classify/rules.h"

/* Strength of evidence, weakest first. */
enum strength {
	STRENGTH_NONE,
	STRENGTH_WORD,
	STRENGTH_REPLY,
	STRENGTH_REPLY_BOUND, /* bound: of a rule for this provider alone */
	STRENGTH_STATUS,
	STRENGTH_STATUS_BOUND,
	STRENGTH_PHRASE,
	STRENGTH_PHRASE_BOUND,
	STRENGTH_TAG,
	STRENGTH_MARK,
	STRENGTH_COUNT
};

struct match {
	uint32_t rule;
	uint32_t test;     /* not for codes */
	uint32_t from, to; /* of the folded text; 0, 0 for codes */
	enum strength strength;
	unsigned rank;     /* how specific a code's range is */
};

/* What is known of a failure once its text has been read. */
struct facts {
	struct reply reply;   /* what the text says, completed with what the query knew */
	struct span folded;
	size_t shift;         /* a place among the text's words is at most that many bytes behind the same place in `folded` */
	enum action action;
	bool is_temporary;    /* some code begins with 4 */
	bool is_limited;      /* a pattern was stopped, or the text was too long to be seen whole */
	bool has_mark;        /* our own refusal */
	unsigned stop_count;  /* patterns that a limit stopped: after a few no more are tried */
	bool has_words;       /* match_words has been called */
	bool is_thorough;     /* what cannot win is looked for, too */
	uint16_t provider;
	const char *provider_name;
	const char *provider_source;
	struct match *matches;
	size_t match_count;
};

/* A test that may match, not before `hint`. */
struct prospect {
	uint32_t test;
	uint32_t hint;
};

struct scratch {
	struct arena *arena;
	struct matcher *matcher;
	struct hits hits;
	struct match *matches;
	size_t match_size;
	uint64_t *listed;          /* bits by test: it is among the prospects */
	uint32_t *place_of;        /* by test, where the bit is set: its place there */
	struct prospect *prospects;
	size_t prospect_count;
	struct prospect *skipped;  /* those that could not win, for the sake of their signs */
	size_t skipped_count;
	char provider_name[64];
	char *folded; /* CLASSIFY_TEXT_MAX */
	char *words;  /* MATCH_WORDS_SIZE */
};

/* The words of a text, a blank at both ends, and once more how the last one ends. */
enum { MATCH_WORDS_SIZE = 2 * CLASSIFY_TEXT_MAX + 8 };

/* Reads the text, folds it, scans it, finds the provider.  -ENOMEM. */
int facts_read(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query, struct facts *ret_facts)
	__attribute__((warn_unused_result));

/* Scans facts->folded; done by facts_read. */
void match_scan(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts);

/*
 * Adds the matches of tags and texts, of words, of status and reply.  match_signs: of what match_texts left out, since it could
 * not win, and of the words that speak of something else than the recipient.
 */
void match_texts(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts);
void match_words(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts);
void match_signs(const struct ruleset *ruleset, struct scratch *scratch, struct facts *facts);
void match_codes(const struct ruleset *ruleset, struct facts *facts);

/* >0: a is stronger.  *ret_why (may be NULL): the clause that says why the weaker one lost. */
int match_compare(const struct ruleset *ruleset, const struct match *a, const struct match *b, const char **ret_why);

/*
 * The strongest, NULL if there is none.  A rule for everybody that says `unclassified`, or that makes less of a bare reply code
 * than its class does, gives way to whatever knows more.
 */
const struct match *match_find_best(const struct ruleset *ruleset, const struct facts *facts);
bool match_gives_way(const struct ruleset *ruleset, const struct match *match);

/*
 * The winner, or the rule that speaks in its place (instead-of): where the winner is a text of no provider, of a rule that asks
 * for neither status nor command and leaves its class's effect as it is.
 */
const struct match *match_find_instead(const struct ruleset *ruleset, struct facts *facts, const struct match *winner);

/*
 * Does the test of `match` also match somewhere that is not wholly inside [from, to)?  True when nobody can know.
 */
bool match_is_outside(const struct ruleset *ruleset, struct scratch *scratch, const struct facts *facts, const struct match *match,
		      size_t from, size_t to);

enum basis strength_get_basis(enum strength strength);

#endif
