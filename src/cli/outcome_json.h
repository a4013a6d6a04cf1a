/* SPDX-License-Identifier: BSD-2-Clause */
/* An outcome and its verdict as the JSON of DESIGN section 9: the names and their order are a contract.  One thread. */
#ifndef KODAMA_CLI_OUTCOME_JSON_H
#define KODAMA_CLI_OUTCOME_JSON_H

#include "classify/verdict.h"
#include "cli/json_line.h"
#include "evidence/outcome.h"

/* Where it was read. */
struct place {
	const char *file;
	uint64_t index; /* of the outcome in the file, from 1 */
	uint64_t line;  /* of the input, from 1; 0: it has no lines */
};

/* A line with its LF, borrowed from `line`; SPAN_NONE: out of memory. */
struct span outcome_format_json(struct json_line *line, const struct place *place, const struct outcome *outcome,
				const struct verdict *verdict, enum language language);

/* The three digits of a reply code; "" for none. */
enum { REPLY_CODE_SIZE = 8 };
const char *reply_code_format(unsigned reply, char text[static REPLY_CODE_SIZE]);

#endif
