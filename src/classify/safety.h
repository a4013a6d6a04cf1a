/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of safety: what takes the effect `now` away (DESIGN section 5).  Pure. */
#ifndef KODAMA_CLASSIFY_SAFETY_H
#define KODAMA_CLASSIFY_SAFETY_H

#include "classify/match.h"

/*
 * May this winner suppress at once?  NULL: yes; else the rule of safety that forbids it, an English clause.
 * Adds the matches of words that may forbid it, where nothing else does.
 */
const char *safety_find_objection(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query,
				  struct facts *facts, const struct match *winner);

/*
 * After the message one answer goes to all recipients of the transaction, and may be about one of them: does it name somebody, and
 * not him that it is reported for?
 */
bool safety_is_for_another(const struct query *query, enum smtp_command command);

#endif
