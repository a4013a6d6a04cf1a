/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as JSON.  Any thread. */
#include "ops/stats.h"

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

json_t *stats_describe(struct writer *writer)
{
	json_t *object = json_object();

	json_object_set_new(object, "counters", describe_counters());
	json_object_set_new(object, "classes", describe_classes());
	json_object_set_new(object, "decisions", describe_decisions());
	json_object_set_new(object, "store", describe_writer(writer));
	return object;
}
