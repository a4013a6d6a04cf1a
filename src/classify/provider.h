/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who answered: providers by number, found by name, by the end of a host's or a domain's name (providers.conf).
 * Number 0 is no provider.  Built while a rule set loads, frozen afterwards; pure; any thread.
 */
#ifndef KODAMA_CLASSIFY_PROVIDER_H
#define KODAMA_CLASSIFY_PROVIDER_H

#include "base/arena.h"

enum { PROVIDER_NONE = 0, PROVIDERS_MAX = 4096 };

/* Endings of names: "google.com" is also the ending of "mx.google.com". */
struct suffix_table {
	struct span *keys;
	uint16_t *providers;
	size_t size, count; /* size is a power of two */
};

struct providers {
	const char **names; /* [0] is "" */
	size_t count, size;
	struct suffix_table mx, recipient;
};

int providers_init(struct providers *providers) __attribute__((warn_unused_result));
void providers_done(struct providers *providers);

/* Adds the name if it is new; name must live as long.  -ENOMEM, -ERANGE. */
int providers_add(struct providers *providers, const char *name, uint16_t *ret_provider) __attribute__((warn_unused_result));

/* PROVIDER_NONE if nobody knows it; any case. */
uint16_t providers_find(const struct providers *providers, struct span name);

/* value must live as long and be lower case.  -ENOMEM; -EEXIST when another provider has it. */
int suffix_table_add(struct suffix_table *table, struct span value, uint16_t provider) __attribute__((warn_unused_result));

/* The longest ending of `name` that the table knows; any case, a final dot is passed over. */
uint16_t suffix_table_find(const struct suffix_table *table, struct span name);

#endif
