/* SPDX-License-Identifier: BSD-2-Clause */
/* The report as one JSON object: the names and their order are a contract, new ones are only appended.  One thread. */
#include <errno.h>

#include "base/timestamp.h"
#include "cli/json.h"
#include "cli/outcome_json.h"
#include "cli/report.h"

static void put_time(json_t *object, const char *key, int64_t time_s)
{
	char text[TIMESTAMP_SIZE];

	if (time_s)
		json_put_text(object, key, timestamp_format(time_s, text));
}

static void put_count(json_t *object, const char *key, uint64_t count)
{
	json_put_number(object, key, (int64_t)count);
}

static void put_counts(json_t *object, const struct report_counts *counts)
{
	put_count(object, "delivered", counts->delivered);
	put_count(object, "deferred", counts->deferred);
	put_count(object, "failed", counts->failed);
}

static json_t *make_day(const struct report *report, size_t i, enum language language)
{
	json_t *object = json_object();
	char text[TIMESTAMP_SIZE];

	(void)language;
	json_put_text(object, "day", timestamp_format_date(report->days[i].day * 86400, text));
	put_counts(object, &report->days[i].counts);
	return object;
}

static json_t *make_class(const struct report *report, size_t i, enum language language)
{
	const struct report_class *class = &report->classes[i];
	json_t *object = json_object();

	(void)language;
	json_put_text(object, "class", class_get_name(class->class_id));
	json_put_text(object, "scope", scope_get_name(class_get_info(class->class_id)->scope));
	put_count(object, "deferred", class->deferred);
	put_count(object, "failed", class->failed);
	return object;
}

static json_t *make_provider(const struct report *report, size_t i, enum language language)
{
	json_t *object = json_object();

	(void)language;
	json_put(object, "provider", report->providers[i].name);
	put_counts(object, &report->providers[i].counts);
	return object;
}

static json_t *make_response(const struct report *report, size_t i, enum language language)
{
	const struct report_response *response = &report->responses[i];
	json_t *object = json_object();
	char reply[REPLY_CODE_SIZE], status[STATUS_TEXT_SIZE];

	put_count(object, "count", response->failed + response->deferred);
	put_count(object, "deferred", response->deferred);
	put_count(object, "failed", response->failed);
	json_put_text(object, "reply", reply_code_format(response->reply, reply));
	json_put_text(object, "status", status_format(response->status, status));
	json_put(object, "text", response->text);
	json_put_text(object, "class", class_get_name(response->verdict.class_id));
	json_put_text(object, "scope", scope_get_name(response->verdict.scope));
	json_put_text(object, "suppress", effect_get_name(response->verdict.effect));
	json_put_text(object, "basis", basis_get_name(response->verdict.basis));
	json_put_text(object, "rule", response->verdict.rule);
	json_put_text(object, "provider", response->verdict.provider);
	json_put_text(object, "advice", response->verdict.advice[language]);
	return object;
}

static json_t *make_domain(const struct report *report, size_t i, enum language language)
{
	const struct report_domain *domain = &report->domains[i];
	json_t *object = json_object();

	(void)language;
	json_put(object, "domain", domain->name);
	put_counts(object, &domain->counts);
	json_put_text(object, "class", class_get_name(domain->class_id));
	json_put(object, "text", domain->text);
	return object;
}

static json_t *make_address(const struct report *report, size_t i, enum language language)
{
	const struct report_address *address = &report->addresses[i];
	json_t *object = json_object();

	(void)language;
	json_put(object, "address", address->address);
	json_put_text(object, "class", class_get_name(address->class_id));
	json_put(object, "text", address->text);
	put_count(object, "failed", address->failed);
	put_time(object, "last", address->last_s);
	return object;
}

static void put_list(json_t *object, const char *key, const struct report *report, size_t count, enum language language,
		     json_t *(*make)(const struct report *report, size_t i, enum language language))
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, make(report, i, language));
	json_object_set_new(object, key, list);
}

static json_t *make_totals(const struct report_totals *totals)
{
	json_t *object = json_object();

	put_count(object, "classes", totals->classes);
	put_count(object, "providers", totals->providers);
	put_count(object, "responses", totals->responses);
	put_count(object, "domains", totals->domains);
	put_count(object, "addresses", totals->addresses);
	return object;
}

int report_write_json(FILE *out, const struct report *report, enum language language)
{
	json_t *object = json_object();

	if (!object)
		return -ENOMEM;
	put_time(object, "first", report->first_s);
	put_time(object, "last", report->last_s);
	if (report->lines) {
		put_count(object, "lines", report->lines);
		put_count(object, "unreadable", report->unreadable);
	}
	put_count(object, "messages", report->messages);
	put_counts(object, &report->counts);
	put_count(object, "expired", report->expired);
	put_list(object, "days", report, report->day_count, language, make_day);
	put_list(object, "classes", report, report->class_count, language, make_class);
	put_list(object, "providers", report, report->provider_count, language, make_provider);
	put_list(object, "responses", report, report->response_count, language, make_response);
	put_list(object, "domains", report, report->domain_count, language, make_domain);
	put_list(object, "addresses", report, report->address_count, language, make_address);
	json_object_set_new(object, "totals", make_totals(&report->totals));
	return json_write(out, object);
}
