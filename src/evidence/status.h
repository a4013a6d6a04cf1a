/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enhanced mail system status codes, RFC 3463 section 2: class "." subject "." detail.
 * Pure; any thread; the text is hostile.
 */
#ifndef KODAMA_EVIDENCE_STATUS_H
#define KODAMA_EVIDENCE_STATUS_H

#include "base/span.h"

struct status {
	uint8_t class_digit; /* 2, 4, 5; 0: no status is known */
	uint16_t subject;    /* 0 to 999 */
	uint16_t detail;     /* 0 to 999 */
};

enum { STATUS_TEXT_SIZE = 12 }; /* "5.999.999" and NUL */

static inline bool status_is_known(struct status status)
{
	return status.class_digit != 0;
}

static inline bool status_is_equal(struct status a, struct status b)
{
	return a.class_digit == b.class_digit && a.subject == b.subject && a.detail == b.detail;
}

/* The whole of `text` is a status and nothing else: -EINVAL otherwise. */
int status_parse(struct span text, struct status *ret_status) __attribute__((warn_unused_result));

/* A status at the very start of `text`, followed by a byte that cannot continue it: its length, 0 if none. */
size_t status_take(struct span text, struct status *ret_status);

/* "" for an unknown one.  Returns `text`. */
const char *status_format(struct status status, char text[static STATUS_TEXT_SIZE]);

#endif
