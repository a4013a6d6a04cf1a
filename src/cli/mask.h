/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server says, with what changes from one recipient to the next left out: addresses, ids, long numbers, addresses of
 * hosts.  Texts that are equal then get the same verdict: what is left out is nobody's words (classify/fold.h hides addresses
 * too), or a number that no rule knows for a code.  Pure; any thread; hostile text, linear time.
 */
#ifndef KODAMA_CLI_MASK_H
#define KODAMA_CLI_MASK_H

#include "classify/ruleset.h"

/* Into out, which is at least as large as the text: the length.  ruleset: whose tags stay. */
size_t mask_text(struct span text, const struct ruleset *ruleset, char *out);

/* The same, and the names of hosts: what people take for the same answer. */
size_t mask_text_and_hosts(struct span text, const struct ruleset *ruleset, char *out);

#endif
