/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as JSON, for `kodama status`.  Any thread. */
#ifndef KODAMA_OPS_STATS_H
#define KODAMA_OPS_STATS_H

#include <jansson.h>

#include "flow/counter.h"
#include "flow/log.h"
#include "loop/server.h"
#include "store/writer.h"

/* Where the numbers come from; borrowed. */
struct stats_sources {
	struct writer *writer;
	const struct index *index;
	bool is_on[GROUP_COUNT];                   /* of the fronts: has it been started? */
	const struct server *servers[GROUP_COUNT]; /* of the fronts that are one; NULL for the others */
	void (*get_log_status)(void *data, struct follower_status *ret_status); /* of the log that is followed; NULL: none */
	void *log_data;
	int64_t started_s;
};

/* When evidence came last, by source: {"milter":time,"log":time,...}; what never came is left out. */
json_t *stats_describe_last(void);

/*
 * "version", "pid", "started", "uptime-seconds", "memory-bytes" (resident), "suppressed" (entries); an object a group of
 * counters ("milter", "policy", ...; fronts that are off are left out), "outcomes" with "classes" and "decisions" (those that are not 0); "store",
 * the writer's own numbers; "log", with the lines that nobody took; "last-evidence"; "problems", the latest warnings and errors.
 * A new object; NULL when out of memory.
 */
json_t *stats_describe(const struct stats_sources *sources);

#endif
