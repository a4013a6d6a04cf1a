/* SPDX-License-Identifier: BSD-2-Clause */
/* Deliveries, counted.  One thread; recipients, hosts and texts are hostile. */
#include "base/quick.h"
#include "cli/tally_parts.h"

enum {
	DAYS_MAX = 4000,
	NAME_MAX_BYTES = 512, /* of a recipient */
	ARENA_MAX = 1 << 20,
	DAY_S = 86400
};

/* --- new and free */

struct tally *tally_new(const struct ruleset *ruleset, const struct siphash_key *key, int64_t since_s, struct tally_listener listener)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return NULL;
	tally->ruleset = ruleset;
	tally->key = *key;
	tally->since_s = since_s;
	tally->listener = listener;
	tally->scratch = scratch_new();
	tally->arena = arena_new(ARENA_MAX);
	tally->masked = malloc(TALLY_TEXT_MAX);
	tally->providers[0].name = "";
	tally->provider_count = 1;
	if (!tally->scratch || !tally->arena || !tally->masked) {
		tally_free(tally);
		return NULL;
	}
	return tally;
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	tally_free_responses(tally);
	tally_free_domains(tally);
	free(tally->days);
	free(tally->masked);
	arena_free(tally->arena);
	scratch_free(tally->scratch);
	free(tally);
}

bool tally_copy_text(struct tally *tally, struct span text, struct span *ret_copy)
{
	char *bytes = malloc(text.len + 1);

	if (!bytes) {
		tally->has_no_memory = true;
		return false;
	}
	if (text.len)
		memcpy(bytes, text.ptr, text.len);
	*ret_copy = span_make(bytes, text.len);
	return true;
}

/* --- providers */

uint16_t tally_get_provider(struct tally *tally, const char *name)
{
	for (size_t i = 0; i < tally->provider_count; i++)
		if (tally->providers[i].name == name)
			return (uint16_t)i;
	for (size_t i = 0; i < tally->provider_count; i++)
		if (strcmp(tally->providers[i].name, name) == 0)
			return (uint16_t)i;
	if (tally->provider_count == TALLY_PROVIDERS_MAX)
		return 0;
	tally->providers[tally->provider_count].name = name;
	return (uint16_t)tally->provider_count++;
}

const struct tally_provider *tally_find_counted(const struct tally *tally, const char *name)
{
	for (size_t i = 0; i < tally->provider_count; i++)
		if (strcmp(tally->providers[i].name, name) == 0)
			return &tally->providers[i];
	return NULL;
}

uint16_t tally_find_provider(struct tally *tally, struct span host, struct span domain)
{
	return tally_get_provider(tally, classify_find_provider(tally->ruleset, host, domain));
}

/* --- days */

static struct report_day *find_day(struct tally *tally, int64_t day)
{
	struct report_day *grown;

	for (size_t i = 0; i < tally->day_count; i++)
		if (tally->days[i].day == day) {
			tally->last_day = i;
			return &tally->days[i];
		}
	if (tally->day_count == DAYS_MAX || !(grown = realloc(tally->days, (tally->day_count + 1) * sizeof(*grown))))
		return NULL;
	tally->days = grown;
	grown[tally->day_count] = (struct report_day){ .day = day };
	tally->last_day = tally->day_count++;
	return &grown[tally->last_day];
}

static struct report_day *get_day(struct tally *tally, int64_t time_s)
{
	struct zone zone = { 0 };
	int64_t wall_s, day;

	if (tally->day_count && time_s >= tally->day_from_s && time_s < tally->day_to_s)
		return &tally->days[tally->last_day];
	wall_s = zone_from_utc(time_s);
	day = (wall_s - (wall_s < 0 ? DAY_S - 1 : 0)) / DAY_S;
	tally->day_from_s = zone_to_utc(&zone, day * DAY_S);
	tally->day_to_s = zone_to_utc(&zone, (day + 1) * DAY_S);
	return find_day(tally, day);
}

/* --- a delivery */

static inline void add_count(struct report_counts *counts, enum action action)
{
	uint64_t *count = action == ACTION_DELIVERED ? &counts->delivered : action == ACTION_DELAYED ? &counts->deferred : &counts->failed;

	++*count;
}

static void tell_failure(struct tally *tally, const struct log_delivery *delivery, uint64_t hash, uint16_t provider, const struct verdict *verdict)
{
	const struct tally_word word = { .hash = hash, .time_s = delivery->time_s, .effect = verdict->effect, .class_id = verdict->class_id,
					 .provider = tally->providers[provider].name, .is_weak = verdict->basis == BASIS_REPLY || verdict->basis == BASIS_WORD,
					 .recipient = delivery->recipient };
	bool is_theirs = verdict->scope == SCOPE_RECIPIENT || verdict->scope == SCOPE_DOMAIN;

	if (is_theirs && (verdict->effect == EFFECT_NOW || verdict->effect == EFFECT_COUNT))
		tally->listener.take_failure(tally->listener.data, &word);
}

/* What was said counts for its class and text.  The provider that the verdict names, or the one that was known before. */
static uint16_t add_response_of(struct tally *tally, const struct log_delivery *delivery, struct tally_domain *domain,
				const struct tally_relay *relay, uint16_t provider, uint64_t hash)
{
	struct tally_response judged, *response = tally_get_response(tally, delivery, provider, relay, &judged);
	bool is_failed = delivery->action == ACTION_FAILED;
	struct report_class *class;

	if (!response)
		return provider;
	class = &tally->classes[response->verdict.class_id];
	class->failed += is_failed;
	class->deferred += !is_failed;
	response->counts[is_failed ? COUNT_FAILED : COUNT_DEFERRED]++;
	provider = response->said_by ? response->said_by : provider;
	if (is_failed)
		tell_failure(tally, delivery, hash, provider, &response->verdict);
	else
		tally_note_deferral(domain, delivery, response->verdict.class_id);
	return provider;
}

/* ASCII letters to lower case, eight of them. */
static inline void fold_eight(char *to, const char *from)
{
	uint64_t word = quickhash_load(from);
	/* bit 7 of each byte: is it 'A' or above, is it above 'Z', is it ASCII */
	uint64_t low = word & 0x7f7f7f7f7f7f7f7f, is_above = (low + 0x3f3f3f3f3f3f3f3f) & ~(low + 0x2525252525252525) & ~word;

	word |= (is_above & 0x8080808080808080) >> 2;
	memcpy(to, &word, sizeof(word));
}

static inline struct span fold_recipient(struct span recipient, char *folded)
{
	size_t len = recipient.len < NAME_MAX_BYTES ? recipient.len : NAME_MAX_BYTES;

	for (size_t at = 0; at + 8 <= len; at += 8)
		fold_eight(folded + at, recipient.ptr + at);
	if (len >= 8)
		fold_eight(folded + len - 8, recipient.ptr + len - 8);
	for (size_t at = 0; at < len && len < 8; at++)
		folded[at] = ascii_lower(recipient.ptr[at]);
	return span_make(folded, len);
}

/* What it takes for one recipient is no proof that it takes others' mail. */
static void note_accepted(struct tally_provider *provider, uint64_t hash)
{
	provider->has_accepted_others |= provider->has_accepted && provider->accepted != hash;
	provider->has_accepted = true;
	provider->accepted = hash;
}

uint64_t tally_add(struct tally *tally, const struct log_delivery *delivery)
{
	char folded[NAME_MAX_BYTES];
	struct span recipient;
	const char *at;
	struct tally_domain *domain;
	const struct tally_relay *relay;
	struct report_day *day;
	uint16_t provider;
	uint64_t hash;

	recipient = fold_recipient(delivery->recipient, folded);
	hash = quickhash(&tally->key, recipient);
	if (delivery->is_probe || delivery->time_s < tally->since_s)
		return hash;
	if (!tally->first_s || delivery->time_s < tally->first_s)
		tally->first_s = delivery->time_s;
	if (delivery->time_s > tally->last_s)
		tally->last_s = delivery->time_s;
	at = memrchr(recipient.ptr, '@', recipient.len);
	domain = tally_get_domain(tally, at ? span_skip(recipient, (size_t)(at - recipient.ptr) + 1) : SPAN_LIT(""));
	if (!domain)
		return hash;
	relay = tally_get_relay(tally, domain, delivery->relay);
	provider = tally_get_domain_provider(tally, domain, relay);
	if (delivery->action == ACTION_DELIVERED) {
		tally->listener.take_success(tally->listener.data, hash);
		note_accepted(&tally->providers[provider], hash);
	} else {
		provider = add_response_of(tally, delivery, domain, relay, provider, hash);
	}
	day = get_day(tally, delivery->time_s);
	if (day)
		add_count(&day->counts, delivery->action);
	add_count(&tally->counts, delivery->action);
	add_count(&tally->providers[provider].counts, delivery->action);
	add_count(&domain->counts, delivery->action);
	tally->expired += delivery->is_expired;
	return hash;
}

/* --- adding up */

void tally_sum_counts(struct report_counts *to, const struct report_counts *from)
{
	to->delivered += from->delivered;
	to->deferred += from->deferred;
	to->failed += from->failed;
}

static void merge_provider(struct tally_provider *to, const struct tally_provider *from)
{
	tally_sum_counts(&to->counts, &from->counts);
	if (from->has_accepted)
		note_accepted(to, from->accepted);
	to->has_accepted_others |= from->has_accepted_others;
}

static void merge_days(struct tally *tally, const struct tally *from)
{
	for (size_t i = 0; i < from->day_count; i++) {
		struct report_day *day = find_day(tally, from->days[i].day);
		if (day)
			tally_sum_counts(&day->counts, &from->days[i].counts);
	}
	tally->day_from_s = tally->day_to_s = 0;
}

void tally_merge(struct tally *tally, const struct tally *from)
{
	if (from->first_s && (!tally->first_s || from->first_s < tally->first_s))
		tally->first_s = from->first_s;
	if (from->last_s > tally->last_s)
		tally->last_s = from->last_s;
	tally_sum_counts(&tally->counts, &from->counts);
	tally->expired += from->expired;
	tally->unkept_responses += from->unkept_responses;
	tally->has_no_memory |= from->has_no_memory;
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		tally->classes[i].failed += from->classes[i].failed;
		tally->classes[i].deferred += from->classes[i].deferred;
	}
	for (size_t i = 0; i < from->provider_count; i++)
		merge_provider(&tally->providers[tally_get_provider(tally, from->providers[i].name)], &from->providers[i]);
	merge_days(tally, from);
	tally_merge_domains(tally, from);
	tally_merge_responses(tally, from);
}
