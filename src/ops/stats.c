/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as JSON.  Any thread. */
#include "ops/stats.h"

#include <unistd.h>

#include "base/timestamp.h"
#include "flow/counter.h"

static void put(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *describe_counters(void)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		put(object, counter_get_name((enum counter)i), counter_get((enum counter)i));
	return object;
}

static json_t *describe_classes(void)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (counter_get_class((enum class)i) > 0)
			put(object, class_get_name((enum class)i), counter_get_class((enum class)i));
	return object;
}

static json_t *describe_decisions(void)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < DECISION_COUNT; i++)
		if (counter_get_decision((enum decision_kind)i) > 0)
			put(object, decision_get_name((enum decision_kind)i), counter_get_decision((enum decision_kind)i));
	return object;
}

static json_t *describe_writer(struct writer *writer)
{
	struct writer_stats stats;
	json_t *object = json_object();

	writer_get_stats(writer, &stats);
	put(object, "committed", stats.committed);
	put(object, "duplicates", stats.duplicates);
	put(object, "queued", stats.queued);
	put(object, "drained", stats.drained);
	put(object, "failed", stats.failed);
	put(object, "queue-bytes", stats.queue_bytes);
	if (stats.last_error[0])
		json_object_set_new(object, "last-error", json_string(stats.last_error));
	return object;
}

static json_t *describe_server(const struct server *server)
{
	struct server_stats stats;
	json_t *object = json_object();

	server_get_stats(server, &stats);
	put(object, "open", stats.open);
	put(object, "accepted", stats.accepted);
	put(object, "evicted", stats.evicted);
	put(object, "timed-out", stats.timed_out);
	put(object, "refused", stats.refused);
	return object;
}

json_t *stats_describe(const struct stats_sources *sources)
{
	char started[TIMESTAMP_SIZE];
	json_t *object = json_object();

	json_object_set_new(object, "version", json_string(PACKAGE_VERSION));
	put(object, "pid", (uint64_t)getpid());
	json_object_set_new(object, "started", json_string(timestamp_format(sources->started_s, started)));
	put(object, "suppressed", index_get_count(sources->index));
	if (sources->policy)
		json_object_set_new(object, "policy", describe_server(sources->policy));
	json_object_set_new(object, "counters", describe_counters());
	json_object_set_new(object, "classes", describe_classes());
	json_object_set_new(object, "decisions", describe_decisions());
	json_object_set_new(object, "store", describe_writer(sources->writer));
	return object;
}
