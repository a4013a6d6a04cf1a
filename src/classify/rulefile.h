/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From rule files to drafts: what stands there, word for word, before anything of it is checked or compiled.
 * Loading only: one thread at a time.
 */
#ifndef KODAMA_CLASSIFY_RULEFILE_H
#define KODAMA_CLASSIFY_RULEFILE_H

#include "base/arena.h"
#include "base/complaint.h"

enum draft_text { DRAFT_CLASS, DRAFT_PROVIDER, DRAFT_SUPPRESS, DRAFT_ADVICE, DRAFT_STATUS_AS, DRAFT_INSTEAD_OF, DRAFT_TEXTS };

enum draft_list {
	DRAFT_REPLY,
	DRAFT_STATUS,
	DRAFT_COMMAND,
	DRAFT_TAG,
	DRAFT_TEXT,
	DRAFT_WORD,
	DRAFT_MATCHES,
	DRAFT_DIFFERS,
	DRAFT_LISTS
};

struct draft_values {
	const char **items;
	size_t count;
};

struct draft {
	const char *id, *path;
	unsigned line;
	const char *texts[DRAFT_TEXTS]; /* NULL: not named */
	struct draft_values lists[DRAFT_LISTS];
	long priority;
	bool is_enabled;
};

struct drafts {
	struct arena *arena;   /* the caller's: what their texts are copied to */
	struct arena *samples; /* the same for `matches` and `differs`, which nobody asks for once the rules are proved */
	struct draft *items;   /* in the order in which they were read */
	uint64_t *hashes;      /* of their ids */
	size_t count, size;
};

void drafts_done(struct drafts *drafts);

/*
 * Adds the rules of a file.  is_local: a rule whose id is there already changes the fields that it names; else that is
 * an error.  -EINVAL with *complaint; -ENOMEM.
 */
int rulefile_read(const char *path, bool is_local, struct drafts *drafts, struct complaint *complaint)
	__attribute__((warn_unused_result));

#endif
