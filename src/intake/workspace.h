/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What it takes to read one message, borrowed by a front for as long as it has one: idle connections hold none.
 * Any thread; a workspace is one thread's at a time.
 */
#ifndef KODAMA_INTAKE_WORKSPACE_H
#define KODAMA_INTAKE_WORKSPACE_H

#include "classify/classify.h"
#include "evidence/mail.h"

struct workspace {
	struct mail_reader *reader;
	struct scratch *scratch; /* NULL until it is asked for */
	struct arena *arena;
	struct workspace *next; /* the pool's */
};

struct workspace_pool;
struct workspace_pool *workspace_pool_new(void); /* NULL when out of memory */
void workspace_pool_free(struct workspace_pool *pool);

struct workspace *workspace_take(struct workspace_pool *pool); /* NULL when out of memory */

/* What classifying takes, far more than the rest: few are kept, as few classify at one time.  False when out of memory. */
bool workspace_take_scratch(struct workspace_pool *pool, struct workspace *workspace) __attribute__((warn_unused_result));
/* Once nobody looks at verdicts any more; else it goes back with the workspace. */
void workspace_give_scratch(struct workspace_pool *pool, struct workspace *workspace);

void workspace_give(struct workspace_pool *pool, struct workspace *workspace); /* back; NULL is fine */

#endif
