/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Verdicts that the tallies of several threads share: what one of them has had classified, the others need not.  Any thread.
 */
#ifndef KODAMA_CLI_VERDICTS_H
#define KODAMA_CLI_VERDICTS_H

#include "cli/tally.h"

struct verdicts;

/* NULL when out of memory. */
struct verdicts *verdicts_new(const struct siphash_key *key);
void verdicts_free(struct verdicts *verdicts);

/* provider: the rule set's name of it, which key->provider, a tally's own number, stands for. */
bool verdicts_find(struct verdicts *verdicts, const struct tally_key *key, const char *provider, struct verdict *ret_verdict);

/* Past a maximum, or without memory, it is not kept. */
void verdicts_add(struct verdicts *verdicts, const struct tally_key *key, const char *provider, const struct verdict *verdict);

#endif
