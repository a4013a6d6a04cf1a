/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of a verdict's parts.  Pure; any thread. */
#include "classify/verdict.h"

#include <assert.h>

static const char *const basis_names[] = { "none", "word", "reply", "status", "phrase", "tag" };
static const char *const confidence_names[] = { "generic", "form", "rule" };
static const char *const bounce_names[] = { "none", "soft", "hard" };
static const char *const language_names[] = { "en", "ja" };

static_assert(sizeof(basis_names) / sizeof(*basis_names) == BASIS_COUNT, "one name per basis");
static_assert(sizeof(confidence_names) / sizeof(*confidence_names) == CONFIDENCE_COUNT, "one name per confidence");
static_assert(sizeof(bounce_names) / sizeof(*bounce_names) == BOUNCE_COUNT, "one name per bounce");
static_assert(sizeof(language_names) / sizeof(*language_names) == LANGUAGE_COUNT, "one name per language");

const char *basis_get_name(enum basis basis)
{
	return basis_names[(unsigned)basis < BASIS_COUNT ? basis : BASIS_NONE];
}

const char *confidence_get_name(enum confidence confidence)
{
	return confidence_names[(unsigned)confidence < CONFIDENCE_COUNT ? confidence : CONFIDENCE_GENERIC];
}

const char *bounce_get_name(enum bounce bounce)
{
	return bounce_names[(unsigned)bounce < BOUNCE_COUNT ? bounce : BOUNCE_NONE];
}

const char *language_get_name(enum language language)
{
	return language_names[(unsigned)language < LANGUAGE_COUNT ? language : LANGUAGE_EN];
}

bool language_find(struct span name, enum language *ret_language)
{
	for (unsigned i = 0; i < LANGUAGE_COUNT; i++) {
		if (span_is_equal(name, span_of(language_names[i]))) {
			*ret_language = (enum language)i;
			return true;
		}
	}
	return false;
}
