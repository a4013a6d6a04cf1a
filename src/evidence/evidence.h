/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a mail to outcomes: a table of readers, the first that knows the form has it.
 * RFC 3464 and 6533 reports, RFC 5965 feedback, RFC 3834 automatic replies, the forms of formats.d, and last
 * a generic reader.  Pure; any thread (formats are frozen); hostile input.
 */
#ifndef KODAMA_EVIDENCE_EVIDENCE_H
#define KODAMA_EVIDENCE_EVIDENCE_H

#include "evidence/mail.h"
#include "evidence/outcome.h"

struct formats; /* evidence/formats.h; may be NULL: then only the standard forms are read */

/*
 * Appends the outcomes of `mail` to *outcomes, in its order, in mail->arena.  0 also when the mail is no
 * bounce, feedback or automatic reply (nothing is appended); -ENOMEM past the arena's limit.
 * source and proof are left for the caller.
 */
int evidence_read(const struct mail *mail, const struct formats *formats, struct outcomes *outcomes)
	__attribute__((warn_unused_result));

#endif
