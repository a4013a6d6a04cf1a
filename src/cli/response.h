/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One response a line (`--input=response`, DESIGN section 9): the bare text, or, with a TAB in it,
 * provider TAB reply TAB status TAB text [TAB recipient [TAB remote host]], any of them empty.  Pure; hostile input.
 */
#ifndef KODAMA_CLI_RESPONSE_H
#define KODAMA_CLI_RESPONSE_H

#include "classify/classify.h"

struct response {
	struct outcome outcome; /* source and kind response; the reply taken out of the text */
	struct span provider;
};

/* Spans point into `line` or the arena.  -EINVAL with *ret_why (static) for an unreadable line, -ENOMEM. */
int response_parse(struct span line, struct arena *arena, struct response *ret_response, const char **ret_why)
	__attribute__((warn_unused_result));

/* The verdict, and the action that the codes or, without any, the class tells. */
void response_classify(struct response *response, const struct ruleset *ruleset, struct scratch *scratch, struct verdict *ret_verdict);

#endif
