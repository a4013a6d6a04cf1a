/* SPDX-License-Identifier: BSD-2-Clause */
/* An outcome and its verdict as the JSON of DESIGN section 9: the names and their order are a contract.  One thread. */
#ifndef KODAMA_CLI_OUTCOME_JSON_H
#define KODAMA_CLI_OUTCOME_JSON_H

#include "classify/verdict.h"
#include "cli/json.h"
#include "evidence/outcome.h"

/* Where it was read. */
struct place {
	const char *file;
	uint64_t index; /* of the outcome in the file, from 1 */
	uint64_t line;  /* of the input, from 1; 0: it has no lines */
};

json_t *outcome_make_json(const struct place *place, const struct outcome *outcome, const struct verdict *verdict,
			  enum language language);

/* As strings; absent when unknown. */
void json_put_status(json_t *object, const char *key, struct status status);
void json_put_reply(json_t *object, const char *key, unsigned reply);

#endif
