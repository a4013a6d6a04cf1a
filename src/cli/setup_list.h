/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Postfix's lists: items between commas and white space, "{ ... }" is one item (postconf(5)).  One thread.
 */
#ifndef KODAMA_CLI_SETUP_LIST_H
#define KODAMA_CLI_SETUP_LIST_H

#include "base/arena.h"

/* Takes the next item off *rest; SPAN_NONE at the end. */
struct span list_take(struct span *rest);

/* Is there an item equal to `wanted`, or one that begins with `wanted` inside braces? */
bool list_has(struct span list, struct span wanted);

/* The endpoint of an item: "unix:kodama/x.sock" of itself and of "{ unix:kodama/x.sock, timeout=2s }". */
struct span list_get_endpoint(struct span item);

/* "a, b": either may be empty. */
struct span list_join(struct arena *arena, struct span a, struct span b);

/*
 * The list without the items whose endpoint is one of `endpoints` (each may be NULL); with_keyword: and without the item in
 * front of them ("check_policy_service").  *ret_count: how many were taken out.
 */
struct span list_without(struct arena *arena, struct span list, const char *const *endpoints, size_t count, bool with_keyword,
			 size_t *ret_count);

#endif
