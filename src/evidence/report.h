/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery status notifications: RFC 3464, in UTF-8 RFC 6533, as Postfix, Sendmail and their kin write them.
 * Pure; any thread; hostile input; time is linear.
 */
#ifndef KODAMA_EVIDENCE_REPORT_H
#define KODAMA_EVIDENCE_REPORT_H

#include "evidence/mail.h"
#include "evidence/outcome.h"

/* Appends one outcome a recipient of the report; 1 it is a report, 0 it is none, -ENOMEM. */
int report_read(const struct mail *mail, struct outcomes *outcomes) __attribute__((warn_unused_result));

/* Fills what the returned original tells, where it is not known yet: Message-ID, sender, token. */
void report_add_original(const struct fields *original, struct outcome *outcome);

/* The header of the original that the mail returns: the last part of that kind; NULL if there is none. */
const struct fields *report_find_original(const struct mail *mail);

/* The only recipient that the original names (To and Cc), SPAN_NONE if it names none or more. */
struct span report_find_only_recipient(const struct fields *original);

#endif
