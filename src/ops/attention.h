/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator should look at, in sentences with what to do: the last list of `kodama status`.  It knows nothing but the
 * numbers that stand in the same answer (ops/stats.h), so that whoever reads those alone comes to the same.  Any thread.
 */
#ifndef KODAMA_OPS_ATTENTION_H
#define KODAMA_OPS_ATTENTION_H

#include <jansson.h>

/* status: the whole row.  A new array of strings, empty when all is well; NULL when out of memory. */
json_t *attention_describe(const json_t *status);

#endif
