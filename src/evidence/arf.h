/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Feedback reports, RFC 5965: a recipient complains (or takes a complaint back: not-spam), and the forms of
 * providers that send the complaint without the report.  Pure; any thread; hostile input.
 */
#ifndef KODAMA_EVIDENCE_ARF_H
#define KODAMA_EVIDENCE_ARF_H

#include "evidence/mail.h"
#include "evidence/outcome.h"

/*
 * Appends one outcome a complaining recipient, one without a recipient where none is named; `feedback` says whether
 * it is a complaint.  1 it is a feedback report, 0, -ENOMEM.
 */
int arf_read(const struct mail *mail, struct outcomes *outcomes) __attribute__((warn_unused_result));

/* By the top header alone: may it be one? */
bool arf_is_candidate(const struct mail *mail);
/* Does this From have a word of those whose feedback loops send reports, which a gateway may have wrapped? */
bool arf_may_name_loop(struct span from);

#endif
