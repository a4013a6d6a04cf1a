/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What proves that a bounce is about mail that we sent (DESIGN section 6): the token that came back with it, our MTA's
 * log, or the session in which our MTA hands it on.  Inside flow.  Any thread.
 */
#ifndef KODAMA_FLOW_PROOF_H
#define KODAMA_FLOW_PROOF_H

#include "flow/flow.h"

/* Sets proof, reason, and what the token told, of each failure; whether the mail looks like backscatter.  -ENOMEM. */
int proof_find(const struct snapshot *snapshot, const struct mail *mail, const struct origin_facts *facts, struct failures *failures)
	__attribute__((warn_unused_result));

#endif
