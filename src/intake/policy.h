/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Postfix's policy service (SMTPD_POLICY_README): one question a recipient, "name=value" lines and an empty one.
 * Answers 550 or 450 for a suppressed recipient, DUNNO for all else.  On the loop; the input is hostile.
 */
#ifndef KODAMA_INTAKE_POLICY_H
#define KODAMA_INTAKE_POLICY_H

#include <sys/types.h>

#include "base/buffer.h"
#include "intake/intake.h"

/* When anything fails inside, mail flows. */
#define POLICY_FAIL_OPEN "DUNNO"

/* Bytes of one request: Postfix sends some hundred, none of its values is longer than 2,048. */
enum { POLICY_REQUEST_MAX = 32 * 1024, POLICY_ANSWER_MAX = 1024 * 1024 };

struct policy;

struct policy *policy_new(const struct intake *intake); /* NULL when out of memory */
void policy_free(struct policy *policy);

/* Takes whole requests, answers each: the `take` of loop/server.h, data is the policy. */
ssize_t policy_take(void *policy, struct span input, struct buffer *output);

/* The values of one request that matter, as they stand; unknown ones are SPAN_NONE. */
struct policy_request {
	struct span request, protocol_state, sender, recipient, queue_id, sasl_username, policy_context;
};

/*
 * One request at the start of `input`: its length with the empty line, 0 when it is not whole yet, -EINVAL when a line has
 * no "=" (then where it ends cannot be known).
 */
ssize_t policy_parse(struct span input, struct policy_request *ret_request);

#endif
