/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama doctor, in the daemon.  Any thread. */
#include "ops/doctor.h"

#include <string.h>

#include "flow/watch.h"

bool doctor_knows(const char *name)
{
	return strncmp(name, "doctor-", strlen("doctor-")) == 0;
}

static json_t *describe_fronts(const struct stats_sources *sources)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < GROUP_OUTCOMES; i++)
		json_object_set_new(object, counter_group_get_name((enum counter_group)i), json_boolean(sources->is_on[i]));
	return object;
}

static json_t *describe_seen(void)
{
	json_t *object = json_object();

	for (unsigned i = SIGHTING_NONE + 1; i < SIGHTING_COUNT; i++)
		json_object_set_new(object, sighting_get_name((enum sighting)i), json_boolean(watch_has_seen((enum sighting)i)));
	return object;
}

json_t *doctor_answer(const struct stats_sources *sources, const char *name, const json_t *request, const char **ret_why)
{
	const char *recipient = json_string_value(json_object_get(request, "recipient"));

	if (strcmp(name, "doctor-look") == 0) {
		json_t *row = json_pack("{s:s}", "row", "doctor");
		json_object_set_new(row, "fronts", describe_fronts(sources));
		json_object_set_new(row, "seen", describe_seen());
		json_object_set_new(row, "last", stats_describe_last());
		return row;
	}
	if (strcmp(name, "doctor-begin") == 0 && recipient)
		watch_begin(span_of(recipient));
	else if (strcmp(name, "doctor-end") == 0)
		watch_begin(SPAN_NONE);
	else
		*ret_why = "there is no such request";
	return NULL;
}
