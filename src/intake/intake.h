/* SPDX-License-Identifier: BSD-2-Clause */
/* What every front works with, and the one line that it logs per recipient. */
#ifndef KODAMA_INTAKE_INTAKE_H
#define KODAMA_INTAKE_INTAKE_H

#include "flow/flow.h"

/* Borrowed; outlives the fronts. */
struct intake {
	struct current *current;
	struct index *index;
	struct writer *writer;
};

/*
 * The line `decision`: front, queue_id, recipient, class, action, rule, proof, until, why, proof_reason; always in this order, "-" where
 * nothing is known.  action is what happened: a refusal, a removal, or the decision's name.
 */
void intake_log_answer(const char *front, struct span queue_id, const struct answer *answer, const char *action);
void intake_log_failure(const char *front, struct span queue_id, const struct failure *failure);

/* The first of them, and how many more there were. */
void intake_log_failures(const char *front, struct span queue_id, const struct failures *failures);

#endif
