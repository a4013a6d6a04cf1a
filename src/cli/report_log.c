/* SPDX-License-Identifier: BSD-2-Clause */
/* From counts to sorted lists.  One thread. */
#include "cli/report_log.h"

#include <errno.h>
#include <stdlib.h>

#include "base/address.h"
#include "cli/mask.h"

typedef int compare(const void *a, const void *b);

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

enum { FEW = 100, ITEM_SIZE_MAX = 512 };

/* The first `top` of them, of which there are few, sorted; the others are worth no more than a look. */
static void sort_first(char *items, size_t count, size_t size, compare *by, size_t top)
{
	char item[ITEM_SIZE_MAX], *last = items + (top - 1) * size;

	qsort(items, top, size, by);
	for (char *at = items + top * size; at < items + count * size; at += size) {
		char *to = last;
		if (by(at, last) >= 0)
			continue;
		memcpy(item, at, size);
		memcpy(at, last, size);
		for (; to > items && by(item, to - size) < 0; to -= size)
			memcpy(to, to - size, size);
		memcpy(to, item, size);
	}
}

/* Sorts `count` items, says how many there are, and how many stay. */
static size_t sort(void *items, size_t count, size_t size, compare *by, size_t top, uint64_t *ret_total)
{
	*ret_total = count;
	if (top > 0 && top <= FEW && count > top && size <= ITEM_SIZE_MAX)
		sort_first(items, count, size, by, top);
	else if (count)
		qsort(items, count, size, by);
	return top && count > top ? top : count;
}

/* --- by failures, then deferrals, then deliveries, then name */

static int compare_counts(const struct report_counts *a, const struct report_counts *b)
{
	int order = compare_numbers(a->failed, b->failed);

	order = order ? order : compare_numbers(a->deferred, b->deferred);
	return order ? order : compare_numbers(a->delivered, b->delivered);
}

static int compare_days(const void *a, const void *b)
{
	const struct report_day *x = a, *y = b;

	return x->day < y->day ? -1 : x->day > y->day;
}

static int compare_classes(const void *a, const void *b)
{
	const struct report_class *x = a, *y = b;
	int order = compare_numbers(x->failed, y->failed);

	order = order ? order : compare_numbers(x->deferred, y->deferred);
	return order ? order : strcmp(class_get_name(x->class_id), class_get_name(y->class_id));
}

static int compare_providers(const void *a, const void *b)
{
	const struct report_provider *x = a, *y = b;
	int order = compare_counts(&x->counts, &y->counts);

	return order ? order : span_compare(x->name, y->name);
}

static int compare_domains(const void *a, const void *b)
{
	const struct report_domain *x = a, *y = b;
	int order = compare_numbers(x->counts.deferred, y->counts.deferred);

	order = order ? order : compare_counts(&x->counts, &y->counts);
	return order ? order : span_compare(x->name, y->name);
}

static int compare_addresses(const void *a, const void *b)
{
	const struct report_address *x = a, *y = b;
	int order = compare_numbers(x->failed, y->failed);

	order = order ? order : compare_numbers((uint64_t)x->last_s, (uint64_t)y->last_s);
	return order ? order : span_compare(x->address, y->address);
}

static int fill_days(const struct tally *tally, struct arena *arena, struct report *report)
{
	struct report_day *days = arena_alloc(arena, (tally->day_count + 1) * sizeof(*days));
	uint64_t total;

	if (!days)
		return -ENOMEM;
	for (size_t i = 0; i < tally->day_count; i++)
		days[i] = tally->days[i];
	report->days = days;
	report->day_count = sort(days, tally->day_count, sizeof(*days), compare_days, 0, &total);
	return 0;
}

static int fill_classes(const struct tally *tally, size_t top, struct arena *arena, struct report *report)
{
	struct report_class *classes = arena_alloc(arena, CLASS_COUNT * sizeof(*classes));
	size_t count = 0;

	if (!classes)
		return -ENOMEM;
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		if (!tally->classes[i].failed && !tally->classes[i].deferred)
			continue;
		classes[count] = tally->classes[i];
		classes[count++].class_id = (enum class)i;
	}
	report->classes = classes;
	report->class_count = sort(classes, count, sizeof(*classes), compare_classes, top, &report->totals.classes);
	return 0;
}

static int fill_providers(const struct tally *tally, size_t top, struct arena *arena, struct report *report)
{
	struct report_provider *providers = arena_alloc(arena, tally->provider_count * sizeof(*providers));
	size_t count = 0;

	if (!providers)
		return -ENOMEM;
	for (size_t i = 0; i < tally->provider_count; i++) {
		const struct tally_provider *provider = &tally->providers[i];
		if (provider->counts.delivered || provider->counts.deferred || provider->counts.failed)
			providers[count++] = (struct report_provider){ span_of(provider->name), provider->counts };
	}
	report->providers = providers;
	report->provider_count = sort(providers, count, sizeof(*providers), compare_providers, top, &report->totals.providers);
	return 0;
}

static int fill_domains(const struct tally *tally, size_t top, struct arena *arena, struct report *report)
{
	struct report_domain *domains = arena_alloc(arena, (tally->domain_table.count + 1) * sizeof(*domains));
	size_t count = 0;

	if (!domains)
		return -ENOMEM;
	for (size_t i = 0; i < tally->domain_table.count; i++) {
		const struct tally_domain *domain = &tally->domains[i];
		const struct tally_words *words = domain->words;
		if (domain->counts.deferred)
			domains[count++] = (struct report_domain){ domain->name, domain->counts, words ? words->class_id : CLASS_UNCLASSIFIED,
								   words ? span_make(words->bytes, words->len) : SPAN_NONE };
	}
	report->domains = domains;
	report->domain_count = sort(domains, count, sizeof(*domains), compare_domains, top, &report->totals.domains);
	return 0;
}

/* Did the provider take the mail of anybody else?  Else a bare reply code may be about us. */
static bool takes_others(const struct tally *tally, const struct suspect *suspect)
{
	const struct tally_provider *provider = tally_find_counted(tally, suspect->provider);

	return provider && (provider->has_accepted_others || (provider->has_accepted && provider->accepted != suspect->hash));
}

/* Some become another spelling by folding; what is no address is nobody to suppress. */
static bool fill_address(const struct suspect *suspect, struct arena *arena, struct report_address *ret_address)
{
	struct address folded;

	if (address_fold(suspect->address, &folded, NULL) < 0)
		return false;
	*ret_address = (struct report_address){ .address = arena_copy(arena, address_get(&folded)), .class_id = (enum class)suspect->class_id,
						.failed = suspect->failed, .last_s = suspect->times_s[0] };
	return span_is_known(ret_address->address);
}

static int fill_addresses(const struct scan *scan, size_t top, struct arena *arena, struct report *report)
{
	const struct suspects *suspects = &scan->suspects;
	struct report_address *addresses = arena_alloc(arena, (suspects->table.count + 1) * sizeof(*addresses));
	size_t count = 0;

	if (!addresses)
		return -ENOMEM;
	for (size_t i = 0; i < suspects->table.count; i++) {
		const struct suspect *suspect = &suspects->items[i];
		if (suspect->is_listed && (!suspect->is_weak || takes_others(scan->tally, suspect)))
			count += fill_address(suspect, arena, &addresses[count]);
	}
	report->addresses = addresses;
	report->address_count = sort(addresses, count, sizeof(*addresses), compare_addresses, top, &report->totals.addresses);
	return 0;
}

/* --- responses: what people take for the same answer is one */

struct same {
	struct span masked; /* hosts too */
	struct report_response response;
	int64_t example_s;
};

static int compare_same(const void *a, const void *b)
{
	const struct same *x = a, *y = b;
	int order = span_compare(x->masked, y->masked);

	order = order ? order : (int)x->response.verdict.class_id - (int)y->response.verdict.class_id;
	order = order ? order : strcmp(x->response.verdict.provider, y->response.verdict.provider);
	order = order ? order : (x->example_s < y->example_s ? -1 : x->example_s > y->example_s);
	return order ? order : span_compare(x->response.text, y->response.text);
}

static bool is_same(const struct same *a, const struct same *b)
{
	return span_is_equal(a->masked, b->masked) && a->response.verdict.class_id == b->response.verdict.class_id &&
	       strcmp(a->response.verdict.provider, b->response.verdict.provider) == 0;
}

static int compare_responses(const void *a, const void *b)
{
	const struct report_response *x = a, *y = b;
	int order = compare_numbers(x->failed + x->deferred, y->failed + y->deferred);

	return order ? order : span_compare(x->text, y->text);
}

static int fill_same(const struct tally *tally, struct arena *arena, struct same *same)
{
	for (size_t i = 0; i < tally->response_table.count; i++) {
		const struct tally_response *response = &tally->responses[i];
		char *masked = arena_take(arena, response->example.len + 1);
		if (!masked)
			return -ENOMEM;
		same[i] = (struct same){
			.masked = span_make(masked, mask_text_and_hosts(response->example, tally->ruleset, masked)),
			.response = { .text = response->example, .reply = response->reply, .status = response->status,
				      .verdict = response->verdict, .failed = response->counts[0], .deferred = response->counts[1] },
			.example_s = response->example_s,
		};
	}
	return 0;
}

static int fill_responses(const struct tally *tally, size_t top, struct arena *arena, struct report *report)
{
	size_t all = tally->response_table.count, count = 0;
	struct same *same = arena_alloc(arena, (all + 1) * sizeof(*same));
	struct report_response *responses = arena_alloc(arena, (all + 1) * sizeof(*responses));

	if (!same || !responses || fill_same(tally, arena, same) < 0)
		return -ENOMEM;
	qsort(same, all, sizeof(*same), compare_same);
	for (size_t i = 0; i < all; i++) {
		if (i > 0 && is_same(&same[i - 1], &same[i])) {
			responses[count - 1].failed += same[i].response.failed;
			responses[count - 1].deferred += same[i].response.deferred;
		} else {
			responses[count++] = same[i].response;
		}
	}
	report->responses = responses;
	report->response_count = sort(responses, count, sizeof(*responses), compare_responses, top, &report->totals.responses);
	return 0;
}

int report_from_scan(const struct scan *scan, size_t top, struct arena *arena, struct report *ret_report)
{
	const struct tally *tally = scan->tally;
	struct report report = { .first_s = tally->first_s, .last_s = tally->last_s, .counts = tally->counts, .expired = tally->expired,
				 .messages = scan->log.messages, .lines = scan->log.lines,
				 .unreadable = scan->log.unreadable };

	if (fill_days(tally, arena, &report) < 0 || fill_classes(tally, top, arena, &report) < 0 ||
	    fill_providers(tally, top, arena, &report) < 0 || fill_domains(tally, top, arena, &report) < 0 ||
	    fill_responses(tally, top, arena, &report) < 0 || fill_addresses(scan, top, arena, &report) < 0)
		return -ENOMEM;
	*ret_report = report;
	return 0;
}
