/* SPDX-License-Identifier: BSD-2-Clause */
/* An outcome and its verdict for people: who, what happened, what was said, what to do.  No contract.  One thread. */
#ifndef KODAMA_CLI_OUTCOME_TEXT_H
#define KODAMA_CLI_OUTCOME_TEXT_H

#include <stdio.h>

#include "cli/outcome_json.h"

void outcome_print(FILE *out, const struct place *place, const struct outcome *outcome, const struct verdict *verdict,
		   enum language language);

/* "hard bounce, suppress now", in the colour of its weight. */
void verdict_print(FILE *out, const struct verdict *verdict);

#endif
