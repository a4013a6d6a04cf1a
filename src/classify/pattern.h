/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One compiled pattern, and the working memory that runs patterns: all that knows PCRE2 in this folder.
 * Patterns are frozen and shared; a matcher serves one thread at a time.  Caseless, UTF-8, on folded text only
 * (valid UTF-8).  Hostile text costs at most PATTERN_MATCH_LIMIT steps a pattern.  Pure.
 */
#ifndef KODAMA_CLASSIFY_PATTERN_H
#define KODAMA_CLASSIFY_PATTERN_H

#include "classify/literal.h"

struct pattern;

enum { PATTERN_REASON_SIZE = 256, PATTERN_MATCH_LIMIT = 20000, PATTERN_HEAP_LIMIT_KIB = 1024 };

enum pattern_found { PATTERN_ABSENT, PATTERN_FOUND, PATTERN_STOPPED /* by a limit: nobody knows */ };

/*
 * -EINVAL with the reason: it does not compile, matches the empty text, or may backtrack without bound; -ENOMEM.
 * The pattern's own literals come out beside it, in the arena.
 */
int pattern_new(struct span text, bool with_jit, struct arena *arena, struct literals *ret_literals, struct pattern **ret_pattern,
		char reason[static PATTERN_REASON_SIZE]) __attribute__((warn_unused_result));

/*
 * The same of a text that somebody has examined before, and that lives longer than the pattern: it is compiled when it is
 * first tried, and one that then turns out to be broken is never found.  -ENOMEM.
 */
int pattern_new_lazy(struct span text, bool with_jit, struct arena *arena, struct literals *ret_literals, struct pattern **ret_pattern)
	__attribute__((warn_unused_result));
void pattern_free(struct pattern *pattern);

/* Was it tried, and did not compile?  With the reason. */
bool pattern_is_broken(const struct pattern *pattern, char reason[static PATTERN_REASON_SIZE]);

/* Does every match begin where the text does? */
bool pattern_is_anchored(const struct pattern *pattern);

/* May this process make machine code at all?  Without it the interpreter does the work. */
bool pattern_may_jit(void);

struct matcher;
struct matcher *matcher_new(void);
void matcher_free(struct matcher *matcher);

/*
 * The leftmost match: [*ret_from, *ret_to), never empty.  hint: 0, or where the search may begin since no literal that the
 * pattern needs stands within its reach before; a character's first byte.
 */
enum pattern_found pattern_find(const struct pattern *pattern, struct matcher *matcher, struct span text, size_t hint, size_t *ret_from,
				size_t *ret_to);

/* The leftmost match at or after `start`. */
enum pattern_found pattern_find_next(const struct pattern *pattern, struct matcher *matcher, struct span text, size_t start,
				     size_t *ret_from, size_t *ret_to);

#endif
