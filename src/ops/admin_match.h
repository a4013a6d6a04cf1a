/* SPDX-License-Identifier: BSD-2-Clause */
/* Which entry refuses mail to an address: the store's own answer to what index_find says from memory.  The admin's thread. */
#ifndef KODAMA_OPS_ADMIN_MATCH_H
#define KODAMA_OPS_ADMIN_MATCH_H

#include "ops/admin_call.h"

struct match {
	bool is_found;
	char address[ADDRESS_SIZE]; /* the entry's: the address, the same without extension, "@example.com" */
	struct span stream;         /* the entry's, the call's own; empty: it is for all */
	enum origin origin;
	enum class class_id;
	int64_t since_s, until_s;
};

/* The entry that mail to the call's address, of the call's stream, runs into, in force or not (enforce = no). */
int call_find_match(struct call *call, struct match *ret_match) __attribute__((warn_unused_result));

/* "match", and "match_stream" for an entry of a stream. */
void row_put_match(json_t *row, const struct match *match);

#endif
