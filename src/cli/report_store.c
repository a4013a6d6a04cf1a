/* SPDX-License-Identifier: BSD-2-Clause */
/* From rows of the control socket to the report's sorted lists.  One thread; rows hold remote text. */
#include "cli/report_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/timestamp.h"
#include "cli/config.h"
#include "cli/control.h"
#include "cli/json.h"
#include "conf/conf.h"

enum { DAYS_MAX = 4000, PROVIDERS_MAX = 20000, ADDRESSES_MAX = 1000, DAY_S = 24 * 3600 };

struct filling {
	struct arena *arena;
	struct report report;
	struct report_class classes[CLASS_COUNT];
	struct report_day *days;
	struct report_provider *providers;
	struct report_address *addresses;
};

static struct span get(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN_NONE;
}

static int64_t get_time(const json_t *row, const char *key)
{
	int64_t time_s;

	return timestamp_parse(get(row, key), &time_s) == 0 ? time_s : 0;
}

static void add_count(struct report_counts *counts, struct span class_name, uint64_t count)
{
	if (span_is_equal(class_name, SPAN_LIT("delivered")))
		counts->delivered += count;
	else if (span_is_equal(class_name, SPAN_LIT("delayed")))
		counts->deferred += count;
	else
		counts->failed += count;
}

static void take_day(struct filling *filling, const json_t *row, struct span class_name, uint64_t count)
{
	struct report *report = &filling->report;
	int64_t day = get_time(row, "time") / DAY_S;
	enum class class_id;

	if (!report->day_count || filling->days[report->day_count - 1].day != day) {
		if (report->day_count == DAYS_MAX)
			return;
		filling->days[report->day_count++] = (struct report_day){ .day = day };
	}
	add_count(&filling->days[report->day_count - 1].counts, class_name, count);
	add_count(&report->counts, class_name, count);
	if (class_find(class_name, &class_id) && class_id != CLASS_DELIVERED)
		filling->classes[class_id].failed += count;
}

/* A provider's rows come one by one, the largest first, not side by side. */
static void take_provider(struct filling *filling, struct span name, struct span class_name, uint64_t count)
{
	struct report *report = &filling->report;
	size_t i = 0;

	while (i < report->provider_count && !span_is_equal(filling->providers[i].name, name))
		i++;
	if (i == report->provider_count) {
		if (i == PROVIDERS_MAX)
			return;
		filling->providers[report->provider_count++] = (struct report_provider){ .name = arena_copy(filling->arena, name) };
	}
	add_count(&filling->providers[i].counts, class_name, count);
}

static void take_address(struct filling *filling, const json_t *row)
{
	struct report *report = &filling->report;

	if (report->address_count == ADDRESSES_MAX)
		return;
	struct report_address *address = &filling->addresses[report->address_count++];
	*address = (struct report_address){ .address = arena_copy(filling->arena, get(row, "address")), .failed = 1, .last_s = get_time(row, "since") };
	class_find(get(row, "class"), &address->class_id);
}

static int take_row(void *data, json_t *row)
{
	struct filling *filling = data;
	struct span kind = get(row, "row"), class_name = get(row, "class");
	uint64_t count = (uint64_t)json_integer_value(json_object_get(row, "count"));

	/* neither delivered nor failed: it says nothing of the mailbox */
	if (span_is_equal(class_name, SPAN_LIT("relayed")))
		return 0;
	if (span_is_equal(kind, SPAN_LIT("day")))
		take_day(filling, row, class_name, count);
	else if (span_is_equal(kind, SPAN_LIT("provider")))
		take_provider(filling, get(row, "provider"), class_name, count);
	else if (span_is_equal(kind, SPAN_LIT("suppression")))
		take_address(filling, row);
	return 0;
}

static int compare_classes(const void *a, const void *b)
{
	const struct report_class *x = a, *y = b;

	return x->failed < y->failed ? 1 : x->failed > y->failed ? -1 : 0;
}

static int compare_providers(const void *a, const void *b)
{
	const struct report_provider *x = a, *y = b;
	uint64_t m = x->counts.failed, n = y->counts.failed;

	return m < n ? 1 : m > n ? -1 : span_compare(x->name, y->name);
}

static size_t cut(size_t count, size_t top, uint64_t *ret_total)
{
	*ret_total = count;
	return top && count > top ? top : count;
}

static void finish(struct filling *filling, size_t top, const json_t *end)
{
	struct report *report = &filling->report;
	size_t classes = 0;

	for (size_t i = 0; i < CLASS_COUNT; i++)
		filling->classes[i].class_id = (enum class)i;
	qsort(filling->classes, CLASS_COUNT, sizeof(filling->classes[0]), compare_classes);
	while (classes < CLASS_COUNT && filling->classes[classes].failed)
		classes++;
	qsort(filling->providers, report->provider_count, sizeof(filling->providers[0]), compare_providers);
	report->class_count = cut(classes, top, &report->totals.classes);
	report->provider_count = cut(report->provider_count, top, &report->totals.providers);
	report->address_count = cut(report->address_count, top, &report->totals.addresses);
	report->classes = arena_alloc(filling->arena, sizeof(filling->classes));
	if (report->classes)
		memcpy((void *)report->classes, filling->classes, sizeof(filling->classes));
	else
		report->class_count = 0;
	report->days = filling->days;
	report->providers = filling->providers;
	report->addresses = filling->addresses;
	report->first_s = get_time(end, "since");
	report->last_s = get_time(end, "until");
}

static int ask(const struct options *options, const char *since, size_t top, struct filling *filling)
{
	json_t *request = json_object(), *end = NULL;
	struct config *config;
	int status = config_load(options, &config);

	json_put_text(request, "do", "report");
	json_put_text(request, "since", since);
	json_put_number(request, "top", (int64_t)top);
	if (status == EXIT_ALL_READ) {
		status = control_ask(config, request, CONTROL_STORE, take_row, filling, &end);
		conf_free(config);
	}
	if (status == EXIT_ALL_READ)
		finish(filling, top, end);
	json_decref(end);
	json_decref(request);
	return status;
}

int report_from_store(const struct options *options, const char *since, size_t top, struct arena *arena, struct report *ret_report)
{
	struct filling filling = { .arena = arena };

	filling.days = arena_alloc(arena, DAYS_MAX * sizeof(*filling.days));
	filling.providers = arena_alloc(arena, PROVIDERS_MAX * sizeof(*filling.providers));
	filling.addresses = arena_alloc(arena, ADDRESSES_MAX * sizeof(*filling.addresses));
	if (!filling.days || !filling.providers || !filling.addresses)
		return command_fail("%s", strerror(ENOMEM));
	int status = ask(options, since, top, &filling);
	if (status == EXIT_ALL_READ)
		*ret_report = filling.report;
	return status;
}
