/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A rule's conditions on reply code, enhanced status and command, and how specific each is.
 * An unknown value meets no condition.  Value types; pure.
 */
#ifndef KODAMA_CLASSIFY_CONDITION_H
#define KODAMA_CLASSIFY_CONDITION_H

#include "evidence/reply.h"

/* "550", "550-559", "55x".  rank: the higher the more specific. */
struct reply_range {
	uint16_t low, high;
	uint8_t rank;
};

/* "5.1.1", "5.7.500-699", "x.1.*".  class_digit 0: any; subject_any: any subject and any detail. */
struct status_range {
	uint8_t class_digit;
	bool is_any_subject;
	uint16_t subject, detail_low, detail_high;
	uint8_t rank;
};

int reply_range_parse(struct span text, struct reply_range *ret_range) __attribute__((warn_unused_result));
int status_range_parse(struct span text, struct status_range *ret_range) __attribute__((warn_unused_result));

/* A value that is in the range and, where the range has room, in no narrower one: for samples that have none. */
uint16_t reply_range_get_example(const struct reply_range *range);
struct status status_range_get_example(const struct status_range *range);

struct conditions {
	const struct reply_range *replies;
	const struct status_range *statuses;
	size_t reply_count, status_count;
	uint16_t commands; /* bit per enum smtp_command; 0: any */
};

/* *ret_rank: of the best status range that holds, else of the best reply range. */
bool conditions_hold(const struct conditions *conditions, const struct reply *reply, unsigned *ret_rank);

/* How many kinds of condition there are: 0 to 3. */
unsigned conditions_get_count(const struct conditions *conditions);

#endif
