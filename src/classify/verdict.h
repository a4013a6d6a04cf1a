/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdict: why a recipient failed, what that rests on, and what it does.  A value type; pure. */
#ifndef KODAMA_CLASSIFY_VERDICT_H
#define KODAMA_CLASSIFY_VERDICT_H

#include "classify/taxonomy.h"

/* What the verdict rests on, weakest first, so that > is stronger. */
enum basis { BASIS_NONE, BASIS_WORD, BASIS_REPLY, BASIS_STATUS, BASIS_PHRASE, BASIS_TAG, BASIS_COUNT };

/* How sure the reading is. rule: a phrase or tag rule named this wording; form: recipient and reply come from
 * a defined grammar; generic: guessed by the generic reader of mails. */
enum confidence { CONFIDENCE_GENERIC, CONFIDENCE_FORM, CONFIDENCE_RULE, CONFIDENCE_COUNT };

/* hard: final, with effect now; soft: final with effect count, or any delayed; none: the rest. */
enum bounce { BOUNCE_NONE, BOUNCE_SOFT, BOUNCE_HARD, BOUNCE_COUNT };

enum language { LANGUAGE_EN, LANGUAGE_JA, LANGUAGE_COUNT };

const char *basis_get_name(enum basis basis);           /* "phrase" */
const char *confidence_get_name(enum confidence confidence);
const char *bounce_get_name(enum bounce bounce);
const char *language_get_name(enum language language);  /* "en" */
bool language_find(struct span name, enum language *ret_language);

/* Texts are borrowed from the rule set (or static): valid while its reference is held. */
struct verdict {
	enum class class_id;
	enum scope scope;
	enum effect effect;
	enum bounce bounce;
	enum basis basis;
	enum confidence confidence;
	const char *rule;                        /* id; "" when no rule matched */
	const char *provider;                    /* "" when unknown */
	const char *advice[LANGUAGE_COUNT];      /* UTF-8, one or two sentences; never NULL */
	const char *status_as;                   /* the status that the rule says it should be; "" for none */
	bool is_capped;                          /* effect was `now` but for a rule of safety */
};

#endif
