/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at each header field as it comes: can this mail be a bounce at all?  Nearly none can, and those need not be read.
 * It errs on one side only: where it says no, mail_is_candidate and formats_is_candidate do, too.
 * Pure; any thread; hostile input.
 */
#ifndef KODAMA_EVIDENCE_GLANCE_H
#define KODAMA_EVIDENCE_GLANCE_H

#include "evidence/formats.h"

/* One mail's; begins as { 0 }. */
struct glance {
	bool is_telling;   /* a field that only some bounces have */
	bool is_answer;    /* it answers a mail, */
	bool is_vacation;  /* and its subject may be a vacation program's */
};

/* Which names of fields may matter to whom, by a small hash. */
enum { GLANCE_FIELD = 1, GLANCE_SIGNATURE = 2, GLANCE_FORM = 4, GLANCE_SLOTS = 256 };
struct glance_names {
	unsigned char slots[GLANCE_SLOTS];  /* bits of the above */
	unsigned glimpses[GLANCE_SLOTS + 1]; /* where each slot's begin among the formats' */
};

/* Once the formats have all their glimpses: puts these into the order of their slots, and fills the names. */
void glance_prepare(struct formats *formats);

/* sender: of the envelope, without brackets. */
void glance_begin(struct glance *glance, struct span sender);

/* A field as a milter gives it, folded as it may be. */
void glance_add(struct glance *glance, const struct formats *formats, struct span name, struct span value);

static inline bool glance_may_be_candidate(const struct glance *glance)
{
	return glance->is_telling || (glance->is_answer && glance->is_vacation);
}

#endif
