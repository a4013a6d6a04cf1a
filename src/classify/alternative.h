/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The alternatives of a pattern: 'a|b' is the same as two patterns.  Each is small, has a literal of its own, and is
 * tried only where that stands.  Pure; the pattern compiles already.
 */
#ifndef KODAMA_CLASSIFY_ALTERNATIVE_H
#define KODAMA_CLASSIFY_ALTERNATIVE_H

#include "base/span.h"

struct alternatives {
	struct span rest; /* SPAN_NONE after the last one */
	bool is_whole;
};

/* A pattern in which a setting or a verb reaches over its alternatives is a whole. */
struct alternatives alternatives_of(struct span pattern);

/* Cuts the next one off; there is one. */
struct span alternatives_take(struct alternatives *alternatives);

/* Is it one alternative for certain? */
bool alternative_is_single(struct span pattern);

#endif
