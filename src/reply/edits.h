/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is done to a message, as data: a list of header edits and recipients to take out, applied in one place by the
 * front.  Pure.
 */
#ifndef KODAMA_REPLY_EDITS_H
#define KODAMA_REPLY_EDITS_H

#include "base/arena.h"

enum edit_kind { EDIT_ADD_HEADER, EDIT_REMOVE_HEADER, EDIT_REMOVE_RECIPIENT, EDIT_CHANGE_SENDER, EDIT_QUARANTINE };

struct edit {
	enum edit_kind kind;
	const char *name;    /* header; or the recipient or the sender as the MTA gave it; or the quarantine's reason */
	const char *value;   /* folded with "\n\t" or "\n " as libmilter wants it; NULL for a removal; the sender's parameters */
	unsigned index;      /* EDIT_REMOVE_HEADER: the n-th of that name, from 1 */
	struct edit *next;
};

struct edits {
	struct edit *first, *last;
	size_t count;
};

/* Copies name and value into the arena; -ENOMEM. */
int edits_add(struct edits *edits, struct arena *arena, enum edit_kind kind, const char *name, const char *value, unsigned index)
	__attribute__((warn_unused_result));

#endif
