/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The surge guard: providers lie now and then (in December 2020 Gmail answered 550 5.1.1 for good accounts for hours),
 * and a broken resolver says NXDOMAIN to everything.  It remembers the last ten minutes of each provider, in bounded
 * memory, and says when suppressions there are to be held.  Pure; time is an argument; one thread at a time.
 */
#ifndef KODAMA_DECIDE_SURGE_H
#define KODAMA_DECIDE_SURGE_H

#include "decide/ruling.h"

enum { SURGE_WINDOW_S = 600, SURGE_RECIPIENTS = 50, SURGE_USUAL_FACTOR = 5, SURGE_SHARE_PERCENT = 20 };

struct surge;

struct surge *surge_new(void); /* NULL when out of memory */
void surge_free(struct surge *surge);

/* Where an outcome belongs: its provider, else its domain; what says that a domain does not exist, all together. */
struct span surge_get_group(const struct verdict *verdict, const struct address *address);

/* A final outcome of that group.  is_now: one that would suppress at once. */
void surge_note(struct surge *surge, struct span group, struct span recipient, bool is_now, bool is_success, int64_t now_s);

/* At least 50 distinct recipients with `now` in the last ten minutes? */
bool surge_is_suspect(const struct surge *surge, struct span group, int64_t now_s);

/*
 * Of a suspect: are they over a fifth of its outcomes (where successes are seen), or five times as many as usual
 * (usual: mean of `now` in ten minutes; below 0: unknown), or can neither be judged?
 */
bool surge_is_on(const struct surge *surge, struct span group, double usual, int64_t now_s);

#endif
