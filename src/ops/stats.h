/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as JSON, for `kodama status`.  Any thread. */
#ifndef KODAMA_OPS_STATS_H
#define KODAMA_OPS_STATS_H

#include <jansson.h>

#include "store/writer.h"

/*
 * "counters", "classes" and "decisions" (those that are not 0) and "store" (the writer's own numbers).  A new object; NULL
 * when out of memory.
 */
json_t *stats_describe(struct writer *writer);

#endif
