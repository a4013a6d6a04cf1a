/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as JSON, for `kodama status`.  Any thread. */
#ifndef KODAMA_OPS_STATS_H
#define KODAMA_OPS_STATS_H

#include <jansson.h>

#include "loop/server.h"
#include "store/writer.h"

/* Where the numbers come from; borrowed. */
struct stats_sources {
	struct writer *writer;
	const struct index *index;
	const struct server *policy; /* may be NULL */
	int64_t started_s;
};

/*
 * "version", "pid", "started", "suppressed" (entries), "policy" (connections), "counters", "classes" and "decisions" (those that are not 0) and "store" (the writer's own numbers).  A new object; NULL
 * when out of memory.
 */
json_t *stats_describe(const struct stats_sources *sources);

#endif
