/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters as JSON.  Any thread. */
#include "ops/stats.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "flow/watch.h"

static void put(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* --- the counters, by group */

static void put_classes(json_t *group)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (counter_get_class((enum class)i) > 0)
			put(object, class_get_name((enum class)i), counter_get_class((enum class)i));
	json_object_set_new(group, "classes", object);
}

static void put_decisions(json_t *group)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < DECISION_COUNT; i++)
		if (counter_get_decision((enum decision_kind)i) > 0)
			put(object, decision_get_name((enum decision_kind)i), counter_get_decision((enum decision_kind)i));
	json_object_set_new(group, "decisions", object);
}

static void put_server(json_t *group, const struct server *server)
{
	struct server_stats stats;

	server_get_stats(server, &stats);
	put(group, "open", stats.open);
	put(group, "accepted", stats.accepted);
	put(group, "evicted", stats.evicted);
	put(group, "timed-out", stats.timed_out);
	put(group, "refused-connections", stats.refused);
}

static void put_counters(json_t *object, enum counter_group group)
{
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		if (counter_get_group((enum counter)i) == group)
			put(object, counter_get_name((enum counter)i), counter_get((enum counter)i));
}

static void put_group(json_t *object, enum counter_group group, const struct server *server)
{
	json_t *inner = json_object();

	if (server)
		put_server(inner, server);
	put_counters(inner, group);
	if (group == GROUP_OUTCOMES) {
		put_classes(inner);
		put_decisions(inner);
	}
	json_object_set_new(object, counter_group_get_name(group), inner);
}

/* --- the store, the log */

static json_t *describe_writer(struct writer *writer)
{
	struct writer_stats stats;
	json_t *object = json_object();

	writer_get_stats(writer, &stats);
	put(object, "committed", stats.committed);
	put(object, "duplicates", stats.duplicates);
	put(object, "held", stats.held);
	put(object, "queued", stats.queued);
	put(object, "drained", stats.drained);
	put(object, "failed", stats.failed);
	put(object, "transactions", stats.transactions);
	put(object, "queue-bytes", stats.queue_bytes);
	put(object, "queue-damage-bytes", stats.queue_damage);
	if (stats.last_error[0])
		json_object_set_new(object, "last-error", json_string(stats.last_error));
	return object;
}

static json_t *describe_log(void)
{
	json_t *object = json_object();

	put(object, "lines-dropped", log_get_dropped());
	return object;
}

/* They hold remote text, which need not be UTF-8: without it, then. */
static json_t *describe_problem(const struct log_problem *problem)
{
	char time[TIMESTAMP_SIZE];
	json_t *object = json_object(), *text = json_string(problem->text);

	json_object_set_new(object, "time", json_string(timestamp_format(problem->time_s, time)));
	json_object_set_new(object, "level", json_string(log_level_get_name(problem->level)));
	put(object, "times", problem->times);
	json_object_set_new(object, "text", text ? text : json_stringn(problem->text, strcspn(problem->text, " ")));
	return object;
}

static json_t *describe_problems(void)
{
	struct log_problem problems[LOG_PROBLEMS_MAX];
	size_t count = log_get_problems(problems, LOG_PROBLEMS_MAX);
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, describe_problem(&problems[i]));
	return array;
}

/* Of the log that is followed, into its group. */
static void put_log_status(json_t *group, const struct follower_status *status)
{
	char last[TIMESTAMP_SIZE];

	json_object_set_new(group, "source", json_string(status->source));
	put(group, "lag-bytes", status->lag);
	put(group, "open-messages", status->open);
	put(group, "deferred-recipients", status->deferred);
	if (status->last_s > 0)
		json_object_set_new(group, "last-delivery", json_string(timestamp_format(status->last_s, last)));
	if (status->untrusted[0])
		json_object_set_new(group, "proves-nothing-because", json_string(status->untrusted));
	if (status->error[0])
		json_object_set_new(group, "last-error", json_string(status->error));
	if (status->is_gone)
		json_object_set_new(group, "file-is-gone", json_true());
}

json_t *stats_describe_last(void)
{
	json_t *object = json_object();
	char time[TIMESTAMP_SIZE];

	for (unsigned i = 0; i < SOURCE_COUNT; i++)
		if (watch_get_last((enum source)i) > 0)
			json_object_set_new(object, source_get_name((enum source)i), json_string(timestamp_format(watch_get_last((enum source)i), time)));
	return object;
}

/* What is resident, 0 where nobody says. */
static uint64_t get_memory(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

json_t *stats_describe(const struct stats_sources *sources)
{
	char started[TIMESTAMP_SIZE];
	json_t *object = json_object();
	int64_t uptime_s = time(NULL) - sources->started_s;

	json_object_set_new(object, "version", json_string(PACKAGE_VERSION));
	put(object, "pid", (uint64_t)getpid());
	json_object_set_new(object, "started", json_string(timestamp_format(sources->started_s, started)));
	put(object, "uptime-seconds", uptime_s > 0 ? (uint64_t)uptime_s : 0);
	put(object, "memory-bytes", get_memory());
	put(object, "suppressed", index_get_count(sources->index));
	for (unsigned i = 0; i < GROUP_COUNT; i++)
		if (sources->is_on[i] || i >= GROUP_OUTCOMES)
			put_group(object, (enum counter_group)i, sources->servers[i]);
	if (sources->get_log_status) {
		struct follower_status status;
		sources->get_log_status(sources->log_data, &status);
		put_log_status(json_object_get(object, counter_group_get_name(GROUP_MAILLOG)), &status);
	}
	json_object_set_new(object, "store", describe_writer(sources->writer));
	json_object_set_new(object, "log", describe_log());
	json_object_set_new(object, "last-evidence", stats_describe_last());
	json_object_set_new(object, "problems", describe_problems());
	return object;
}
