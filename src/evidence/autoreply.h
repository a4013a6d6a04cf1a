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

/* Who writes is a mail system: the null sender, MAILER-DAEMON, a postmaster, or nobody. */
bool mail_is_from_daemon(const struct mail *mail);

#endif
