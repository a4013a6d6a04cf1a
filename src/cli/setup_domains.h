/* SPDX-License-Identifier: BSD-2-Clause */
/* The domains that Postfix takes mail for: for local-domains of kodama.conf.  One thread. */
#ifndef KODAMA_CLI_SETUP_DOMAINS_H
#define KODAMA_CLI_SETUP_DOMAINS_H

#include "base/arena.h"
#include "base/buffer.h"

/* postfix: the folder of main.cf, NULL for the default one. */
struct domains {
	struct span *items; /* in the arena */
	size_t count;
	struct buffer unread; /* tables that cannot be listed, "mysql:/etc/...": with ", " between them */
	bool is_cut;          /* there are more than DOMAINS_MAX */
};

enum { DOMAINS_MAX = 10000 };

/* 0, or a negative errno.  Done with domains_done. */
int domains_find(const char *postfix, struct arena *arena, struct domains *ret_domains) __attribute__((warn_unused_result));
void domains_done(struct domains *domains);

/* The line of kodama.conf: local-domains = {"example.jp"} */
void domains_write(const struct domains *domains, struct buffer *out);

/*
 * Puts the line into the text of a kodama.conf, in place of the commented one or at its start.  -EEXIST: the file sets
 * the option already, and is the operator's.
 */
int domains_put(const struct domains *domains, struct span file, struct buffer *out) __attribute__((warn_unused_result));

#endif
