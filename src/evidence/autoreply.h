/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Automatic replies: RFC 3834, and what vacation programs write that are older or do not care.
 * They are never bounces, and bounces are never taken for them.  Pure; any thread; hostile input.
 */
#ifndef KODAMA_EVIDENCE_AUTOREPLY_H
#define KODAMA_EVIDENCE_AUTOREPLY_H

#include "evidence/mail.h"
#include "evidence/outcome.h"

/* By the top header alone. */
bool autoreply_is(const struct mail *mail);

/* Appends one outcome, of the one who replied; 1 it is one, 0, -ENOMEM. */
int autoreply_read(const struct mail *mail, struct outcomes *outcomes) __attribute__((warn_unused_result));

/* For evidence/glance.h.  A field that only automatic replies have, and how its value begins ("": any). */
struct autoreply_signature {
	struct span name, value;
};
extern const struct autoreply_signature autoreply_signatures[];
extern const size_t autoreply_signature_count;

/* A vacation program's subject, decoded and trimmed. */
bool autoreply_is_subject(struct span subject);

/* Is it an address of a mail system, by its local part? */
bool mail_is_daemon_name(struct span address);

/* Is there a word in it that the names of mail systems begin with?  Where not, it names none. */
bool mail_may_name_daemon(struct span text);

/* Who writes is a mail system: the null sender, MAILER-DAEMON, a postmaster, or nobody. */
bool mail_is_from_daemon(const struct mail *mail);

#endif
