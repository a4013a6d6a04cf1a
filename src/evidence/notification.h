/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Amazon SES's notifications (bounce, complaint, delivery) as its notification service mails them: one JSON object
 * in the text.  Pure; any thread; the text is hostile.
 */
#ifndef KODAMA_EVIDENCE_NOTIFICATION_H
#define KODAMA_EVIDENCE_NOTIFICATION_H

#include "evidence/mail.h"
#include "evidence/outcome.h"

/* By the header alone. */
bool notification_is_candidate(const struct mail *mail);

/* Appends one outcome a recipient; 1 it is a notification, 0 it is none, -ENOMEM. */
int notification_read(const struct mail *mail, struct outcomes *outcomes) __attribute__((warn_unused_result));

#endif
