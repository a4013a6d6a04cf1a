/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains of recipients and the hosts that answered for them, each known by its hash alone: keyed, and of 64 bits, no two of some
 * thousands have the same.  One thread; their names are hostile.
 */
#include "base/quick.h"
#include "base/quickmask.h"
#include "cli/tally_parts.h"

enum { DOMAINS_MAX = 1 << 16, RELAYS_MAX = 1 << 14, PROVIDER_UNASKED = UINT16_MAX };

static void free_domain(struct tally_domain *domain)
{
	tally_free_text(domain->name);
	free(domain->words);
}

static void forget_relays(struct tally *tally)
{
	for (size_t i = 0; i < tally->relay_table.count; i++)
		tally_free_text(tally->relays[i].host);
	for (size_t i = 0; i < tally->domain_table.count; i++)
		tally->domains[i].relay = 0;
	tally->relay_table.count = 0;
	if (tally->relay_table.size)
		memset(tally->relay_table.slots, 0, tally->relay_table.size * sizeof(*tally->relay_table.slots));
}

void tally_free_domains(struct tally *tally)
{
	for (size_t i = 0; i < tally->domain_table.count; i++)
		free_domain(&tally->domains[i]);
	forget_relays(tally);
	free(tally->domains);
	free(tally->domain_table.slots);
	free(tally->relays);
	free(tally->relay_table.slots);
}

/* --- hosts */

/* "mx.example.com" of "mx.example.com[192.0.2.1]:25", "mx.example.com. [192.0.2.1]"; empty for "none", "local" */
static inline struct span get_relay_host(struct span relay)
{
	uint64_t brackets = relay.len >= 32 ? quickmask_begin(relay.ptr, relay.len, '[') : 0;
	size_t len = brackets ? quickmask_first(brackets) : span_find_char(relay, '[', 0);

	return len >= relay.len ? SPAN_NONE : span_trim_right(span_make(relay.ptr, len));
}

/* Letters, digits, dots and what stands between: nothing that a reader of replies could take for a part of one. */
static bool is_plain(struct span host)
{
	for (size_t i = 0; i < host.len; i++)
		if (!ascii_is_alpha(host.ptr[i]) && !(i > 0 && (ascii_is_digit(host.ptr[i]) || host.ptr[i] == '.' || host.ptr[i] == '-')))
			return false;
	return true;
}

static uint32_t find_relay(struct tally *tally, struct span host, uint64_t hash)
{
	size_t slot = hash;
	uint32_t number = table_find_from(&tally->relay_table, tally->relays, sizeof(*tally->relays), hash, &slot);
	struct tally_relay *relay;

	if (number)
		return number;
	if (tally->relay_table.count == RELAYS_MAX)
		forget_relays(tally);
	void *items = tally->relays;
	relay = table_add(&tally->relay_table, &items, sizeof(*relay), hash);
	tally->relays = items;
	if (!relay || !tally_copy_text(tally, host, &relay->host)) {
		tally->has_no_memory = true;
		return 0;
	}
	relay->provider = tally_find_provider(tally, host, SPAN_NONE);
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

struct tally_domain *tally_get_domain(struct tally *tally, struct span name)
{
	uint64_t hash = quickhash(&tally->key, name);
	size_t slot = hash;
	uint32_t number = table_find_from(&tally->domain_table, tally->domains, sizeof(*tally->domains), hash, &slot);
	struct tally_domain *domain;

	if (number)
		return &tally->domains[number - 1];
	if (tally->domain_table.count == DOMAINS_MAX && drop_domains(tally) < 0)
		return NULL;
	void *items = tally->domains;
	domain = table_add(&tally->domain_table, &items, sizeof(*domain), hash);
	tally->domains = items;
	if (!domain || !tally_copy_text(tally, name, &domain->name)) {
		tally->has_no_memory = true;
		return NULL;
	}
	domain->provider = PROVIDER_UNASKED;
	return domain;
}

const struct tally_relay *tally_get_relay(struct tally *tally, struct tally_domain *domain, struct span relay)
{
	struct span host = get_relay_host(relay);
	uint64_t hash;

	if (!host.len)
		return NULL;
	hash = quickhash(&tally->key, host);
	/* mostly the one that answered before: then all that a delivery needs is in the domain */
	if (!domain->relay || domain->relay_hash != hash) {
		domain->relay = find_relay(tally, host, hash);
		if (!domain->relay)
			return NULL;
		domain->relay_hash = hash;
		domain->relay_provider = tally->relays[domain->relay - 1].provider;
	}
	return &tally->relays[domain->relay - 1];
}

uint16_t tally_get_domain_provider(struct tally *tally, struct tally_domain *domain, const struct tally_relay *relay)
{
	if (relay && domain->relay_provider)
		return domain->relay_provider;
	if (domain->provider == PROVIDER_UNASKED)
		domain->provider = tally_find_provider(tally, SPAN_NONE, domain->name);
	return domain->provider;
}

/* The last deferral's words; of the same second the smaller ones, so that it does not matter who comes first. */
static void note_words(struct tally_domain *domain, int64_t time_s, struct span words, enum class class_id)
{
	struct tally_words *last = domain->words;

	words = span_slice(words, 0, TALLY_SAID_MAX);
	if (last && (time_s < last->time_s || (time_s == last->time_s && span_compare(span_make(last->bytes, last->len), words) <= 0)))
		return;
	if (!last && !(last = domain->words = malloc(sizeof(*last))))
		return;
	last->time_s = time_s;
	last->class_id = class_id;
	last->len = (uint16_t)words.len;
	if (words.len)
		memcpy(last->bytes, words.ptr, words.len);
}

void tally_note_deferral(struct tally_domain *domain, const struct log_delivery *delivery, enum class class_id)
{
	size_t said = span_find(delivery->text, SPAN_LIT(" said: "), 0);

	note_words(domain, delivery->time_s, said == SIZE_MAX ? delivery->text : span_skip(delivery->text, said + 7), class_id);
}

void tally_merge_domains(struct tally *tally, const struct tally *from)
{
	for (size_t i = 0; i < from->domain_table.count; i++) {
		const struct tally_domain *other = &from->domains[i];
		struct tally_domain *domain = tally_get_domain(tally, other->name);
		if (!domain)
			continue;
		tally_sum_counts(&domain->counts, &other->counts);
		if (other->words)
			note_words(domain, other->words->time_s, span_make(other->words->bytes, other->words->len), other->words->class_id);
	}
}
