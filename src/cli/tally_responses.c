/* SPDX-License-Identifier: BSD-2-Clause */
/* What remotes said: one entry and one verdict for all spellings of an answer.  One thread; the texts are hostile. */
#include "base/quick.h"
#include "classify/safety.h"
#include "cli/mask.h"
#include "cli/tally_parts.h"
#include "cli/verdicts.h"

enum { RESPONSES_MAX = 1 << 14, TEXT_MAX = TALLY_TEXT_MAX };

static void free_response(struct tally_response *response)
{
	tally_free_text(response->key.masked);
	tally_free_text(response->example);
}

void tally_free_responses(struct tally *tally)
{
	for (size_t i = 0; i < tally->response_table.count; i++)
		free_response(&tally->responses[i]);
	free(tally->responses);
	free(tally->response_table.slots);
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
	return a->provider == b->provider && a->is_framed == b->is_framed && a->is_expired == b->is_expired &&
	       a->is_for_another == b->is_for_another && a->action == b->action && status_is_equal(a->dsn, b->dsn) &&
	       span_is_equal(a->masked, b->masked);
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
	response->is_for_all = outcome.command == COMMAND_DATA || outcome.command == COMMAND_END_OF_DATA;
	response->said_by = tally_get_provider(tally, response->verdict.provider);
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
	if (!tally_copy_text(tally, key->masked, &judged.key.masked))
		return NULL;
	if (!tally_copy_text(tally, judged.example, &judged.example)) {
		tally_free_text(judged.key.masked);
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

/* Than its example: parts are not always counted in their order. */
static bool is_earlier(int64_t time_s, int64_t part, const struct tally_response *response)
{
	return time_s < response->example_s || (time_s == response->example_s && part < response->example_part);
}

static void take_earlier_example(struct tally *tally, struct tally_response *response, const struct log_delivery *delivery)
{
	struct outcome outcome;
	struct span example;

	arena_reset(tally->arena);
	if (log_delivery_get_outcome(delivery, tally->arena, &outcome) < 0 || !tally_copy_text(tally, outcome.text, &example))
		return;
	tally_free_text(response->example);
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
 * "host mx.example.com[192.0.2.1] said: " off the text, if that is who the mail was given to: a frame that says nothing new,
 * and without which the answers of many hosts are one.
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

/* What of a verdict rests on addresses, which the mask leaves out. */
static bool is_for_another(struct tally *tally, const struct log_delivery *delivery)
{
	struct outcome outcome;
	struct query query;

	if (delivery->action != ACTION_FAILED)
		return false;
	arena_reset(tally->arena);
	if (log_delivery_get_outcome(delivery, tally->arena, &outcome) < 0)
		return false;
	query = query_of(&outcome);
	return safety_is_for_another(&query, outcome.command);
}

/* *judged: working memory for a text that is not remembered. */
struct tally_response *tally_get_response(struct tally *tally, const struct log_delivery *delivery, uint16_t provider,
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
	key.masked = span_make(tally->masked, mask_text(text, tally->ruleset, tally->masked));
	hash = hash_key(tally, &key);
	response = find_response(tally, &key, hash);
	if ((!response || response->is_for_all) && is_for_another(tally, delivery)) {
		key.is_for_another = true;
		response = find_response(tally, &key, hash);
	}
	if (!response)
		return add_response(tally, &key, hash, delivery);
	if (is_earlier(delivery->time_s, tally->part, response))
		take_earlier_example(tally, response, delivery);
	return response;
}

/* A response of another tally's, with texts of its own. */
static struct tally_response *copy_response(struct tally *tally, const struct tally *from, const struct tally_response *other,
					    const struct tally_key *key, uint64_t hash)
{
	struct tally_response copy = *other;
	void *items = tally->responses;
	struct tally_response *response;

	copy.key = *key;
	if (!tally_copy_text(tally, key->masked, &copy.key.masked))
		return NULL;
	if (!tally_copy_text(tally, other->example, &copy.example)) {
		tally_free_text(copy.key.masked);
		return NULL;
	}
	response = table_add(&tally->response_table, &items, sizeof(*response), hash);
	tally->responses = items;
	if (!response) {
		free_response(&copy);
		return NULL;
	}
	copy.hash = hash;
	copy.said_by = tally_get_provider(tally, from->providers[other->said_by].name);
	copy.counts[COUNT_FAILED] = copy.counts[COUNT_DEFERRED] = 0;
	*response = copy;
	return response;
}

static void take_example(struct tally *tally, struct tally_response *response, const struct tally_response *other)
{
	struct span example;

	if (!is_earlier(other->example_s, other->example_part, response))
		return;
	if (!tally_copy_text(tally, other->example, &example))
		return;
	tally_free_text(response->example);
	response->example = example;
	response->example_s = other->example_s;
	response->example_part = other->example_part;
}

static void merge_response(struct tally *tally, const struct tally *from, const struct tally_response *other)
{
	struct tally_key key = other->key;
	struct tally_response *response;
	uint64_t hash;

	key.provider = tally_get_provider(tally, from->providers[other->key.provider].name);
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

void tally_merge_responses(struct tally *tally, const struct tally *from)
{
	for (size_t i = 0; i < from->response_table.count; i++)
		merge_response(tally, from, &from->responses[i]);
}
