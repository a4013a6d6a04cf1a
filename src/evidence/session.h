/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMTP session that Sendmail and its kin put into a bounce: ">>> " what was sent, "<<< " what was answered,
 * and lines of its own that name a recipient ("550 <user@example.com>... User unknown").
 * Pure; any thread; the text is hostile; time is linear in it and in the recipients.
 */
#ifndef KODAMA_EVIDENCE_SESSION_H
#define KODAMA_EVIDENCE_SESSION_H

#include "evidence/outcome.h"

/*
 * Gives the outcomes from `first` on the replies that the session holds for their recipients, as raw text; adds an
 * outcome for each other recipient that it shows as failed.  -ENOMEM.
 */
int session_read(struct span text, size_t first, struct outcomes *outcomes, struct arena *arena) __attribute__((warn_unused_result));

#endif
