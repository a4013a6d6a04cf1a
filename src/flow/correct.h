/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The enhanced status that a final failure should have had: what a rule's `status-as` says.  It stays a failure, and it becomes
 * a deferral only where the operator wants that (softens); successes and deferrals are left alone.
 * Any thread; one scratch per call at a time; the text is hostile.
 */
#ifndef KODAMA_FLOW_CORRECT_H
#define KODAMA_FLOW_CORRECT_H

#include "flow/flow.h"

struct correction {
	struct status status;
	struct verdict verdict; /* why */
};

/* given, text: the result as the MTA has it.  false: it is right as it is, or nobody knows better. */
bool flow_correct(const struct snapshot *snapshot, struct scratch *scratch, struct status given, struct span text,
		  struct correction *ret_correction);

#endif
