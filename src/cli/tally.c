/* SPDX-License-Identifier: BSD-2-Clause */
/* Deliveries, counted.  One thread; recipients, hosts and texts are hostile. */
#include "cli/tally.h"

#include "base/quick.h"
#include "cli/mask.h"
#include "cli/verdicts.h"

enum {
	RESPONSES_MAX = 1 << 14,
	DOMAINS_MAX = 1 << 16,
	RELAYS_MAX = 1 << 14,
	DAYS_MAX = 4000,
	TEXT_MAX = 4096,     /* of a text that is remembered */
	NAME_MAX_BYTES = 512, /* of a recipient */
	ARENA_MAX = 1 << 20,
	DAY_S = 86400,
	PROVIDER_UNASKED = UINT16_MAX
};

enum { COUNT_FAILED, COUNT_DEFERRED };

/* --- new and free */

struct tally *tally_new(const struct ruleset *ruleset, const struct siphash_key *key, int64_t since_s, tally_tell *tell, void *data)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		return NULL;
	tally->ruleset = ruleset;
	tally->key = *key;
	tally->since_s = since_s;
	tally->tell = tell;
	tally->data = data;
	tally->scratch = scratch_new();
	tally->arena = arena_new(ARENA_MAX);
	tally->masked = malloc(TEXT_MAX);
	tally->providers[0].name = "";
	tally->provider_count = 1;
	if (!tally->scratch || !tally->arena || !tally->masked) {
		tally_free(tally);
		return NULL;
	}
	return tally;
}

static void free_text(struct span text)
{
	free((void *)(uintptr_t)text.ptr);
}

static void free_response(struct tally_response *response)
{
	free_text(response->key.masked);
	free_text(response->example);
}

static void free_domain(struct tally_domain *domain)
{
	free_text(domain->name);
	free(domain->said);
}

static void forget_relays(struct tally *tally)
{
	for (size_t i = 0; i < tally->relay_table.count; i++)
		free_text(tally->relays[i].host);
	tally->relay_table.count = 0;
	if (tally->relay_table.size)
		memset(tally->relay_table.slots, 0, tally->relay_table.size * sizeof(*tally->relay_table.slots));
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	for (size_t i = 0; i < tally->response_table.count; i++)
		free_response(&tally->responses[i]);
	for (size_t i = 0; i < tally->domain_table.count; i++)
		free_domain(&tally->domains[i]);
	forget_relays(tally);
	free(tally->responses);
	free(tally->response_table.slots);
	free(tally->domains);
	free(tally->domain_table.slots);
	free(tally->relays);
	free(tally->relay_table.slots);
	free(tally->days);
	free(tally->masked);
	arena_free(tally->arena);
	scratch_free(tally->scratch);
	free(tally);
}

static bool copy_text(struct tally *tally, struct span text, struct span *ret_copy)
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

static uint16_t get_provider(struct tally *tally, const char *name)
{
	for (size_t i = 0; i < tally->provider_count; i++)
		if (tally->providers[i].name == name || strcmp(tally->providers[i].name, name) == 0)
			return (uint16_t)i;
	if (tally->provider_count == TALLY_PROVIDERS_MAX)
		return 0;
	tally->providers[tally->provider_count].name = name;
	return (uint16_t)tally->provider_count++;
}

/* Asked as classifying asks: by host, then by recipient. */
static uint16_t find_provider(struct tally *tally, struct span host, struct span recipient)
{
	const struct query query = { .action = ACTION_DELIVERED, .kind = KIND_LOG, .recipient = recipient, .remote_mta = host };
	struct verdict verdict;

	classify(tally->ruleset, tally->scratch, &query, &verdict);
	return get_provider(tally, verdict.provider);
}

/* --- hosts */

static struct span get_relay_host(struct span relay)
{
	struct span host = span_slice(relay, 0, span_find_char(relay, '[', 0));

	return host.len == relay.len ? SPAN_NONE : span_trim_right(host); /* "none", "local" */
}

/* Is it this host's?  "mx.example.com[192.0.2.1]:25", "mx.example.com. [192.0.2.1]" */
static inline bool is_relay_of(struct span relay, struct span host)
{
	return relay.len > host.len && relay.ptr[host.len] == '[' && quick_is_equal(span_make(relay.ptr, host.len), host);
}

/* Letters, digits, dots and what stands between: nothing that a reader of replies could take for a part of one. */
static bool is_plain(struct span host)
{
	for (size_t i = 0; i < host.len; i++)
		if (!ascii_is_alpha(host.ptr[i]) && !(i > 0 && (ascii_is_digit(host.ptr[i]) || host.ptr[i] == '.' || host.ptr[i] == '-')))
			return false;
	return true;
}

static uint32_t get_relay(struct tally *tally, struct span host)
{
	uint64_t hash = quickhash(&tally->key, host);
	size_t slot = hash;
	struct tally_relay *relay;

	for (uint32_t n; (n = table_find_from(&tally->relay_table, tally->relays, sizeof(*tally->relays), hash, &slot)); slot++)
		if (span_is_equal(tally->relays[n - 1].host, host))
			return n;
	if (tally->relay_table.count == RELAYS_MAX)
		forget_relays(tally);
	void *items = tally->relays;
	relay = table_add(&tally->relay_table, &items, sizeof(*relay), hash);
	tally->relays = items;
	if (!relay || !copy_text(tally, host, &relay->host)) {
		tally->has_no_memory = true;
		return 0;
	}
	relay->provider = find_provider(tally, host, SPAN_NONE);
	relay->is_plain = is_plain(host);
	return (uint32_t)tally->relay_table.count;
}

/* --- domains */

/* The least that makes room: those that deferred the least go. */
static int drop_domains(struct tally *tally)
{
	size_t kept = tally->domain_table.count;

	for (uint64_t least = 0; kept > DOMAINS_MAX / 2; least = least * 2 + 1) {
		size_t count = kept;
		kept = 0;
		for (size_t i = 0; i < count; i++) {
			if (tally->domains[i].counts.deferred > least)
				tally->domains[kept++] = tally->domains[i];
			else
				free_domain(&tally->domains[i]);
		}
	}
	tally->domain_table.count = kept;
	return table_rebuild(&tally->domain_table, tally->domains, sizeof(*tally->domains), tally->domain_table.size);
}

/* name: in lower case. */
static struct tally_domain *get_domain(struct tally *tally, struct span name)
{
	uint64_t hash = quickhash(&tally->key, name);
	size_t slot = hash;
	struct tally_domain *domain;

	for (uint32_t n; (n = table_find_from(&tally->domain_table, tally->domains, sizeof(*tally->domains), hash, &slot)); slot++)
		if (quick_is_equal(tally->domains[n - 1].name, name))
			return &tally->domains[n - 1];
	if (tally->domain_table.count == DOMAINS_MAX && drop_domains(tally) < 0)
		return NULL;
	void *items = tally->domains;
	domain = table_add(&tally->domain_table, &items, sizeof(*domain), hash);
	tally->domains = items;
	if (!domain || !copy_text(tally, name, &domain->name)) {
		tally->has_no_memory = true;
		return NULL;
	}
	domain->provider = PROVIDER_UNASKED;
	return domain;
}

/* The host that answered; NULL: none did. */
static const struct tally_relay *get_delivery_relay(struct tally *tally, struct tally_domain *domain, struct span text)
{
	const struct tally_relay *relay = domain->relay && domain->relay <= tally->relay_table.count ? &tally->relays[domain->relay - 1] : NULL;
	struct span host;

	if (relay && is_relay_of(text, relay->host))
		return relay;
	host = get_relay_host(text);
	if (!host.len)
		return NULL;
	domain->relay = get_relay(tally, host);
	return domain->relay ? &tally->relays[domain->relay - 1] : NULL;
}

/* The provider of the host that answered, else the domain's. */
static uint16_t get_delivery_provider(struct tally *tally, struct tally_domain *domain, const struct tally_relay *relay, struct span recipient)
{
	if (relay && relay->provider)
		return relay->provider;
	if (domain->provider == PROVIDER_UNASKED)
		domain->provider = find_provider(tally, SPAN_NONE, recipient);
	return domain->provider;
}

/* The last deferral's words; of the same second the smaller ones, so that it does not matter who comes first. */
static void note_words(struct tally_domain *domain, int64_t time_s, struct span words, enum class class_id)
{
	words = span_slice(words, 0, TALLY_SAID_MAX);
	if (time_s < domain->deferred_s ||
	    (time_s == domain->deferred_s && span_compare(span_make(domain->said, domain->said_len), words) <= 0))
		return;
	if (!domain->said && !(domain->said = malloc(TALLY_SAID_MAX)))
		return;
	domain->deferred_s = time_s;
	domain->class_id = class_id;
	domain->said_len = (uint16_t)words.len;
	if (words.len)
		memcpy(domain->said, words.ptr, words.len);
}

static void note_deferral(struct tally_domain *domain, const struct log_delivery *delivery, enum class class_id)
{
	size_t said = span_find(delivery->text, SPAN_LIT(" said: "), 0);

	note_words(domain, delivery->time_s, said == SIZE_MAX ? delivery->text : span_skip(delivery->text, said + 7), class_id);
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

/* --- responses */

static int drop_responses(struct tally *tally)
{
	size_t kept = tally->response_table.count;

	for (uint64_t least = 1; kept > RESPONSES_MAX / 2; least *= 2) {
		size_t count = kept;
		kept = 0;
		for (size_t i = 0; i < count; i++) {
			struct tally_response *response = &tally->responses[i];
			if (response->counts[COUNT_FAILED] + response->counts[COUNT_DEFERRED] > least) {
				tally->responses[kept++] = *response;
				continue;
			}
			free_response(response);
			tally->unkept_responses++;
		}
	}
	tally->response_table.count = kept;
	return table_rebuild(&tally->response_table, tally->responses, sizeof(*tally->responses), tally->response_table.size);
}

static bool key_is(const struct tally_key *a, const struct tally_key *b)
{
	return a->provider == b->provider && a->is_framed == b->is_framed && a->is_expired == b->is_expired && a->action == b->action &&
	       status_is_equal(a->dsn, b->dsn) && span_is_equal(a->masked, b->masked);
}

static uint64_t hash_key(const struct tally *tally, const struct tally_key *key)
{
	uint64_t other = (uint64_t)key->provider << 32 | (uint64_t)key->dsn.class_digit << 24 | (uint64_t)key->dsn.subject << 13 |
			 (uint64_t)key->dsn.detail << 3 | (uint64_t)key->is_framed << 2 | (uint64_t)key->is_expired << 1 |
			 (key->action == ACTION_FAILED);

	return quickhash(&tally->key, key->masked) ^ (other + 1) * 0x9e3779b97f4a7c15u;
}

static struct tally_response *find_response(struct tally *tally, const struct tally_key *key, uint64_t hash)
{
	size_t slot = hash;

	for (uint32_t n; (n = table_find_from(&tally->response_table, tally->responses, sizeof(*tally->responses), hash, &slot)); slot++)
		if (key_is(&tally->responses[n - 1].key, key))
			return &tally->responses[n - 1];
	return NULL;
}

/* Another tally's verdict, if it has one. */
static void get_verdict(struct tally *tally, const struct outcome *outcome, const struct tally_key *key, struct verdict *ret_verdict)
{
	const char *provider = tally->providers[key->provider].name;
	struct query query = query_of(outcome);

	if (tally->verdicts && span_is_known(key->masked) && verdicts_find(tally->verdicts, key, provider, ret_verdict))
		return;
	classify(tally->ruleset, tally->scratch, &query, ret_verdict);
	if (tally->verdicts && span_is_known(key->masked))
		verdicts_add(tally->verdicts, key, provider, ret_verdict);
}

/* The verdict on a text that was not seen before; of `response` the key is filled. */
static bool judge(struct tally *tally, const struct log_delivery *delivery, struct tally_response *response)
{
	struct outcome outcome;

	arena_reset(tally->arena);
	if (log_delivery_get_outcome(delivery, tally->arena, &outcome) < 0) {
		tally->has_no_memory = true;
		return false;
	}
	get_verdict(tally, &outcome, &response->key, &response->verdict);
	response->status = outcome.status;
	response->reply = outcome.reply;
	response->said_by = get_provider(tally, response->verdict.provider);
	response->example = outcome.text; /* the arena's, for now */
	return true;
}

static struct tally_response *add_response(struct tally *tally, const struct tally_key *key, uint64_t hash, const struct log_delivery *delivery)
{
	struct tally_response judged = { .hash = hash, .key = *key, .example_s = delivery->time_s, .example_part = tally->part };
	struct tally_response *response;

	if (!judge(tally, delivery, &judged))
		return NULL;
	if (tally->response_table.count == RESPONSES_MAX && drop_responses(tally) < 0)
		return NULL;
	if (!copy_text(tally, key->masked, &judged.key.masked))
		return NULL;
	if (!copy_text(tally, judged.example, &judged.example)) {
		free_text(judged.key.masked);
		return NULL;
	}
	void *items = tally->responses;
	response = table_add(&tally->response_table, &items, sizeof(*response), hash);
	tally->responses = items;
	if (!response) {
		free_response(&judged);
		tally->has_no_memory = true;
		return NULL;
	}
	*response = judged;
	return response;
}

/* What began in an earlier part of the log comes after what is of this one. */
static void take_earlier_example(struct tally *tally, struct tally_response *response, const struct log_delivery *delivery)
{
	struct outcome outcome;
	struct span example;

	arena_reset(tally->arena);
	if (log_delivery_get_outcome(delivery, tally->arena, &outcome) < 0 || !copy_text(tally, outcome.text, &example))
		return;
	free_text(response->example);
	response->example = example;
	response->example_s = delivery->time_s;
	response->example_part = tally->part;
}

static bool skip(struct span *text, struct span prefix)
{
	if (!span_has_prefix(*text, prefix))
		return false;
	*text = span_skip(*text, prefix.len);
	return true;
}

/*
 * "host mx.example.com[192.0.2.1] said: " off the text, if that is who the mail was given to: a frame that says nothing new, and without
 * which the answers of many hosts are one.
 */
static bool drop_frame(struct span *text, struct span relay, const struct tally_relay *host)
{
	size_t close = host && host->is_plain ? span_find_char(relay, ']', host->host.len) : SIZE_MAX;
	struct span rest = *text;

	if (close == SIZE_MAX || !skip(&rest, SPAN_LIT("host ")) || !skip(&rest, span_slice(relay, 0, close + 1)) ||
	    !skip(&rest, SPAN_LIT(" said: ")))
		return false;
	*text = rest;
	return true;
}

/* *judged: working memory for a text that is not remembered. */
static struct tally_response *get_response(struct tally *tally, const struct log_delivery *delivery, uint16_t provider,
					   const struct tally_relay *relay, struct tally_response *judged)
{
	struct tally_key key = { .provider = provider, .is_expired = delivery->is_expired, .action = delivery->action, .dsn = delivery->status };
	struct tally_response *response;
	struct span text = delivery->text;
	uint64_t hash;

	if (text.len > TEXT_MAX) {
		*judged = (struct tally_response){ 0 };
		return judge(tally, delivery, judged) ? judged : NULL;
	}
	key.is_framed = drop_frame(&text, delivery->relay, relay);
	key.masked = span_make(tally->masked, mask_text(text, tally->masked));
	hash = hash_key(tally, &key);
	response = find_response(tally, &key, hash);
	if (!response)
		return add_response(tally, &key, hash, delivery);
	if (delivery->time_s < response->example_s)
		take_earlier_example(tally, response, delivery);
	return response;
}

/* --- a delivery */

static void add_counts(struct report_counts *counts, enum action action)
{
	counts->delivered += action == ACTION_DELIVERED;
	counts->deferred += action == ACTION_DELAYED;
	counts->failed += action == ACTION_FAILED;
}

static void tell(struct tally *tally, const struct log_delivery *delivery, uint64_t hash, uint16_t provider, const struct verdict *verdict)
{
	struct tally_word word = { .hash = hash, .time_s = delivery->time_s, .is_success = verdict == NULL, .provider = provider,
				   .recipient = delivery->recipient };

	if (verdict) {
		bool is_theirs = verdict->scope == SCOPE_RECIPIENT || verdict->scope == SCOPE_DOMAIN;
		if (!is_theirs || (verdict->effect != EFFECT_NOW && verdict->effect != EFFECT_COUNT))
			return;
		word.effect = verdict->effect;
		word.class_id = verdict->class_id;
		word.is_weak = verdict->basis == BASIS_REPLY || verdict->basis == BASIS_WORD;
	}
	tally->tell(tally->data, &word);
}

/* What was said counts for its class and text.  The provider that the verdict names, or the one that was known before. */
static uint16_t add_response_of(struct tally *tally, const struct log_delivery *delivery, struct tally_domain *domain,
				const struct tally_relay *relay, uint16_t provider, uint64_t hash)
{
	struct tally_response judged, *response = get_response(tally, delivery, provider, relay, &judged);
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
		tell(tally, delivery, hash, provider, &response->verdict);
	else
		note_deferral(domain, delivery, response->verdict.class_id);
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

void tally_add(struct tally *tally, const struct log_delivery *delivery)
{
	char folded[NAME_MAX_BYTES];
	struct span recipient;
	const char *at;
	struct tally_domain *domain;
	const struct tally_relay *relay;
	struct report_day *day;
	uint16_t provider;
	uint64_t hash;

	if (delivery->is_probe || delivery->time_s < tally->since_s)
		return;
	if (!tally->first_s || delivery->time_s < tally->first_s)
		tally->first_s = delivery->time_s;
	if (delivery->time_s > tally->last_s)
		tally->last_s = delivery->time_s;
	recipient = fold_recipient(delivery->recipient, folded);
	hash = quickhash(&tally->key, recipient);
	at = memrchr(recipient.ptr, '@', recipient.len);
	domain = get_domain(tally, at ? span_skip(recipient, (size_t)(at - recipient.ptr) + 1) : SPAN_LIT(""));
	if (!domain)
		return;
	relay = get_delivery_relay(tally, domain, delivery->relay);
	provider = get_delivery_provider(tally, domain, relay, recipient);
	if (delivery->action == ACTION_DELIVERED)
		tell(tally, delivery, hash, provider, NULL);
	else
		provider = add_response_of(tally, delivery, domain, relay, provider, hash);
	day = get_day(tally, delivery->time_s);
	if (day)
		add_counts(&day->counts, delivery->action);
	add_counts(&tally->counts, delivery->action);
	add_counts(&tally->providers[provider].counts, delivery->action);
	add_counts(&domain->counts, delivery->action);
	tally->expired += delivery->is_expired;
}

/* --- adding up */

static void sum_counts(struct report_counts *to, const struct report_counts *from)
{
	to->delivered += from->delivered;
	to->deferred += from->deferred;
	to->failed += from->failed;
}

static void merge_days(struct tally *tally, const struct tally *from)
{
	for (size_t i = 0; i < from->day_count; i++) {
		struct report_day *day = find_day(tally, from->days[i].day);
		if (day)
			sum_counts(&day->counts, &from->days[i].counts);
	}
	tally->day_from_s = tally->day_to_s = 0;
}

static void merge_domains(struct tally *tally, const struct tally *from)
{
	for (size_t i = 0; i < from->domain_table.count; i++) {
		const struct tally_domain *other = &from->domains[i];
		struct tally_domain *domain = get_domain(tally, other->name);
		if (!domain)
			continue;
		sum_counts(&domain->counts, &other->counts);
		if (other->said)
			note_words(domain, other->deferred_s, span_make(other->said, other->said_len), other->class_id);
	}
}

/* A response of another tally's, with texts of its own. */
static struct tally_response *copy_response(struct tally *tally, const struct tally *from, const struct tally_response *other,
					    const struct tally_key *key, uint64_t hash)
{
	struct tally_response copy = *other;
	void *items = tally->responses;
	struct tally_response *response;

	copy.key = *key;
	if (!copy_text(tally, key->masked, &copy.key.masked))
		return NULL;
	if (!copy_text(tally, other->example, &copy.example)) {
		free_text(copy.key.masked);
		return NULL;
	}
	response = table_add(&tally->response_table, &items, sizeof(*response), hash);
	tally->responses = items;
	if (!response) {
		free_response(&copy);
		return NULL;
	}
	copy.hash = hash;
	copy.said_by = get_provider(tally, from->providers[other->said_by].name);
	copy.counts[COUNT_FAILED] = copy.counts[COUNT_DEFERRED] = 0;
	*response = copy;
	return response;
}

static void take_example(struct tally *tally, struct tally_response *response, const struct tally_response *other)
{
	struct span example;

	if (other->example_s > response->example_s ||
	    (other->example_s == response->example_s && other->example_part >= response->example_part))
		return;
	if (!copy_text(tally, other->example, &example))
		return;
	free_text(response->example);
	response->example = example;
	response->example_s = other->example_s;
	response->example_part = other->example_part;
}

static void merge_response(struct tally *tally, const struct tally *from, const struct tally_response *other)
{
	struct tally_key key = other->key;
	struct tally_response *response;
	uint64_t hash;

	key.provider = get_provider(tally, from->providers[other->key.provider].name);
	hash = hash_key(tally, &key);
	response = find_response(tally, &key, hash);
	if (!response && tally->response_table.count == RESPONSES_MAX && drop_responses(tally) < 0)
		return;
	if (!response)
		response = copy_response(tally, from, other, &key, hash);
	if (!response)
		return;
	response->counts[COUNT_FAILED] += other->counts[COUNT_FAILED];
	response->counts[COUNT_DEFERRED] += other->counts[COUNT_DEFERRED];
	take_example(tally, response, other);
}

void tally_merge(struct tally *tally, const struct tally *from)
{
	if (from->first_s && (!tally->first_s || from->first_s < tally->first_s))
		tally->first_s = from->first_s;
	if (from->last_s > tally->last_s)
		tally->last_s = from->last_s;
	sum_counts(&tally->counts, &from->counts);
	tally->expired += from->expired;
	tally->unkept_responses += from->unkept_responses;
	tally->has_no_memory |= from->has_no_memory;
	for (unsigned i = 0; i < CLASS_COUNT; i++) {
		tally->classes[i].failed += from->classes[i].failed;
		tally->classes[i].deferred += from->classes[i].deferred;
	}
	for (size_t i = 0; i < from->provider_count; i++)
		sum_counts(&tally->providers[get_provider(tally, from->providers[i].name)].counts, &from->providers[i].counts);
	merge_days(tally, from);
	merge_domains(tally, from);
	for (size_t i = 0; i < from->response_table.count; i++)
		merge_response(tally, from, &from->responses[i]);
}
