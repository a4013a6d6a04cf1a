/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The alternatives of a pattern: 'a|b' is the same as two patterns.  Each is small, has a literal of its own, and is
 * tried only where that stands.  Pure; the pattern compiles already.
 */
#ifndef KODAMA_CLASSIFY_ALTERNATIVE_H
#define KODAMA_CLASSIFY_ALTERNATIVE_H

#include "base/span.h"

/*
 * Cuts the next alternative off *rest, which is SPAN_NONE after the last one.  A pattern in which a setting or a verb
 * reaches over its alternatives comes as a whole.
 */
struct span alternative_take(struct span *rest);

/* Is it one alternative for certain? */
bool alternative_is_single(struct span pattern);

#endif
