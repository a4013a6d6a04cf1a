/* SPDX-License-Identifier: BSD-2-Clause */
/* Readings as jobs of the writer's thread. */
#include "store/reading.h"

struct commit {
	struct writer *writer;
	struct reading *reading;
};

static int write_reading(struct store *store, void *data)
{
	const struct commit *commit = data;
	struct reading *reading = commit->reading;
	struct surge *surge = writer_get_surge(commit->writer);
	int result = 0;

	/* first: a weak failure counts where the provider took other mail of ours */
	for (size_t i = 0; i < reading->count_count && result == 0; i++) {
		const struct reading_count *count = &reading->counts[i];
		result = store_count(store, count->provider, count->class_name, count->hour * 3600, count->count, count->recipient);
	}
	for (size_t i = 0; i < reading->event_count && result == 0; i++) {
		struct reading_event *item = &reading->events[i];
		result = store_apply_read(store, &item->ruling, &item->event, surge, &item->decision);
	}
	if (result == 0 && reading->mark_name)
		result = store_set_position(store, reading->mark_name, reading->mark);
	return result < 0 ? result : store_set_position(store, reading->name, reading->place);
}

int reading_commit(struct writer *writer, struct reading *reading)
{
	struct commit commit = { writer, reading };

	return writer_run(writer, write_reading, &commit);
}

struct look_up {
	const char *name;
	char *place;
	size_t size;
};

static int look_up_place(struct store *store, void *data)
{
	const struct look_up *look_up = data;

	return store_get_position(store, look_up->name, look_up->place, look_up->size);
}

int reading_get_place(struct writer *writer, const char *name, char *ret_place, size_t size)
{
	struct look_up look_up = { name, ret_place, size };

	return writer_run(writer, look_up_place, &look_up);
}
