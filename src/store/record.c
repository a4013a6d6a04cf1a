/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One event into the history: seen before? what does it change? and the rows that say so, all in the caller's
 * transaction.  One thread at a time; the event's texts are hostile and are made valid UTF-8 and short first.
 */
#include <errno.h>
#include <stdio.h>

#include "base/utf8.h"
#include "store/enforced.h"
#include "store/past.h"
#include "store/private.h"

enum { ACCEPTED_HOURS = 24, TEXT_MAX = 4096, FIELD_MAX = 1000, ARENA_MAX = 64 * 1024 };

struct recording {
	struct store *store;
	const struct ruling *ruling;
	const struct event *event;
	struct span address, stream;
	struct facts facts;
	struct event_key keys[EVENT_KEYS_MAX];
	size_t key_count;
	bool is_counted; /* by the caller */
	bool is_seen;
	int64_t seen_s, seen_rank, seen_outcome;
	struct arena *arena;
	struct surge *surge;
};

/* Fit for a column of any backend: no NUL, valid UTF-8, about `max` bytes at most. */
static struct sql_value clean(struct recording *r, struct span text, size_t max)
{
	if (!span_is_known(text))
		return sql_text(text);
	struct span valid = utf8_make_valid(utf8_cut(text, max), r->arena);
	return sql_text(span_is_known(valid) ? valid : SPAN_LIT("?"));
}

static struct sql_value clean_field(struct recording *r, struct span text)
{
	return clean(r, text, FIELD_MAX);
}

static struct sql_value name_value(const char *name)
{
	return sql_text(name && *name ? span_of(name) : SPAN_NONE);
}

static struct sql_value reply_value(const struct outcome *outcome, char text[static 8])
{
	snprintf(text, 8, "%u", outcome->reply);
	return sql_text(outcome->reply ? span_of(text) : SPAN_NONE);
}

/* Rules are told apart by provider, failures of no provider by their domain. */
static struct span get_provider(const struct recording *r)
{
	const char *provider = r->event->verdict->provider;

	return provider && *provider ? span_of(provider) : address_get_domain(&r->ruling->address);
}

static bool take_seen(void *data, const struct sql_value *columns, size_t count)
{
	struct recording *r = data;

	(void)count;
	r->is_seen = true;
	r->seen_s = columns[0].number;
	r->seen_rank = columns[1].number;
	r->seen_outcome = columns[2].number;
	return false;
}

static int64_t get_distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* Under the database's own key: whoever chooses the texts cannot make two of them one. */
static struct sql_value hash_sighting(const struct recording *r, const struct event_key *key)
{
	return sql_number((int64_t)siphash_pair(&r->store->index_key, span_of(key->text), r->address));
}

/* The first of the keys that names something seen within its time. */
static int find_seen(struct recording *r, const struct event_key *keys, size_t count)
{
	r->is_seen = false;
	for (size_t i = 0; i < count && !r->is_seen; i++) {
		struct sql_value params[] = { hash_sighting(r, &keys[i]) };
		int result = store_run(r->store, STATEMENT_GET_SEEN, params, 1, take_seen, r);
		if (result < 0)
			return result;
		if (r->is_seen && get_distance(r->seen_s, r->event->received_s) > keys[i].valid_s)
			r->is_seen = false;
	}
	return r->is_seen;
}

static int put_seen(struct recording *r, int64_t time_s, int64_t rank, int64_t outcome)
{
	for (size_t i = 0; i < r->key_count; i++) {
		struct sql_value params[] = { hash_sighting(r, &r->keys[i]), sql_number(time_s), sql_number(rank), sql_number(outcome) };
		int result = store_run(r->store, STATEMENT_PUT_SEEN, params, 4, NULL, NULL);
		if (result < 0)
			return result;
	}
	return 0;
}

static bool is_enforcement_equal(const struct history *a, const struct history *b)
{
	return (a->kind == DECISION_SUPPRESSED) == (b->kind == DECISION_SUPPRESSED) && a->until_s == b->until_s &&
	       a->since_s == b->since_s && a->class_id == b->class_id;
}

/* Writes what became of `old`, and numbers the change if it is one to those who ask. */
static int save_change(struct recording *r, struct span stream, const struct history *old, const struct history *history)
{
	int result = past_save(r->store, r->address, stream, history);

	if (result < 0 || is_enforcement_equal(old, history) ||
	    (old->kind != DECISION_SUPPRESSED && history->kind != DECISION_SUPPRESSED))
		return result;
	return store_mark_change(r->store, r->address, stream, r->event->received_s);
}

/* What names the message's success, as numbers: a keyed hash each. */
static size_t hash_success_keys(const struct recording *r, uint64_t hashes[static EVENT_KEYS_MAX])
{
	struct event_key keys[EVENT_KEYS_MAX];
	size_t count = event_get_keys(r->event, true, keys);

	for (size_t i = 0; i < count; i++)
		hashes[i] = siphash(&r->store->index_key, span_of(keys[i].text));
	return count;
}

/* A success is worth a row only where something is known of the address. */
static int apply_to_known(struct recording *r, struct span stream, struct past *past, const uint64_t *keys, size_t key_count,
			  struct decision *ret_decision)
{
	struct history old = past->now;
	/* the relay that took this very message has given it back: its success never was one */
	int result = r->ruling->is_success || r->facts.is_proof_raised ? 0 :
		past_take_back(r->store, r->address, stream, past, keys, key_count, r->event->received_s);
	struct history before = past->now;

	if (result < 0)
		return result;
	struct decision decision = history_apply(&past->now, r->ruling, r->event->verdict, &r->facts);
	result = 0;
	bool is_reset = decision.reason == REASON_SUCCESS_RESET;
	/* one that comes too late to reset anything, or that is read once more, may not be taken back either */
	if (r->ruling->is_success && (is_reset || (history_is_clean(&before) && r->facts.time_s > before.last_success_s)))
		result = past_keep(r->store, r->address, stream, past, &before, is_reset, keys, key_count, r->event->received_s);
	if (result == 0)
		result = save_change(r, stream, &old, &past->now);
	if (result == 0)
		*ret_decision = decision;
	return result;
}

static int apply_to_stream(struct recording *r, struct span stream, struct decision *ret_decision)
{
	uint64_t keys[EVENT_KEYS_MAX];
	size_t key_count = hash_success_keys(r, keys);
	struct past past;
	int result = past_load(r->store, r->address, stream, &past);

	if (result < 0)
		return result;
	if (!r->ruling->is_success || past.is_there)
		return apply_to_known(r, stream, &past, keys, key_count, ret_decision);
	*ret_decision = history_apply(&past.now, r->ruling, r->event->verdict, &r->facts);
	return 0;
}

/*
 * The streams that the fact counts for: its own, and all where it is shared.  A success is good news for both, unless
 * only a token says so: its sender has it too, and could lift what others know.
 */
static int apply_to_streams(struct recording *r, struct decision *ret_decision)
{
	struct decision shared;
	int result = apply_to_stream(r, r->stream, ret_decision);

	if (result == 0 && r->stream.len && (r->ruling->is_shared_too || (r->ruling->is_success && r->event->outcome->proof != PROOF_TOKEN)))
		result = apply_to_stream(r, SPAN_LIT(""), &shared);
	return result;
}

/* 0: unknown, or of several. */
static struct sql_value hash_recipient(const struct store *store, struct span recipient)
{
	return sql_number(recipient.len ? (int64_t)enforced_hash(&store->index_key, recipient, SPAN_LIT("")) : 0);
}

/* Did the provider take another recipient's mail?  That it took this one's says nothing of what is wrong with this one. */
static int look_up_facts(struct recording *r)
{
	if (!r->ruling->needs_success)
		return 0;
	int64_t hour = r->event->received_s / 3600;
	struct sql_value params[] = { clean_field(r, get_provider(r)), sql_text(SPAN_LIT("delivered")),
				      sql_number(hour - ACCEPTED_HOURS), sql_number(hour), hash_recipient(r->store, r->address) };
	int result = store_run(r->store, STATEMENT_HAS_COUNT, params, 5, NULL, NULL);

	r->facts.has_provider_success = result > 0;
	return result < 0 ? result : 0;
}

struct usual {
	double count;
	int64_t first_hour;
};

static bool take_usual(void *data, const struct sql_value *columns, size_t count)
{
	struct usual *usual = data;

	(void)count;
	usual->count = (double)columns[0].number;
	usual->first_hour = columns[1].kind == SQL_NUMBER ? columns[1].number : INT64_MAX;
	return false;
}

enum { USUAL_HOURS = 7 * 24, USUAL_HOURS_MIN = 3 * 24 };

/* How many such failures ten minutes bring as a rule: the mean of a week; below 0 when there is no data of three days. */
static int find_usual(struct recording *r, double *ret_usual)
{
	int64_t hour = r->event->received_s / 3600;
	bool is_domain = r->event->verdict->class_id == CLASS_DOMAIN_UNKNOWN;
	struct usual usual = { 0, INT64_MAX };
	struct sql_value params[] = { clean_field(r, is_domain ? SPAN_LIT("") : get_provider(r)), sql_number(hour - USUAL_HOURS),
				      sql_number(hour) };
	int result = store_run(r->store, is_domain ? STATEMENT_USUAL_DOMAINS : STATEMENT_USUAL, params, 3, take_usual, &usual);

	*ret_usual = -1;
	if (result > 0 && usual.first_hour <= hour - USUAL_HOURS_MIN)
		*ret_usual = usual.count / (double)(hour - usual.first_hour) / (3600 / SURGE_WINDOW_S);
	return result < 0 ? result : 0;
}

static int look_at_surge(struct recording *r)
{
	struct span group = surge_get_group(r->event->verdict, &r->ruling->address);
	int64_t now_s = r->event->received_s;
	bool is_now = r->ruling->kind == DECISION_COUNTED && !r->ruling->is_success && r->ruling->effect == EFFECT_NOW;
	double usual;

	if (!r->surge)
		return 0;
	r->facts.is_surge = is_now && surge_is_suspect(r->surge, group, now_s);
	int result = r->facts.is_surge ? find_usual(r, &usual) : 0;
	if (result == 0 && r->facts.is_surge)
		r->facts.is_surge = surge_is_on(r->surge, group, usual, now_s);
	surge_note(r->surge, group, r->address, is_now, r->ruling->is_success, now_s);
	return result;
}

static bool take_id(void *data, const struct sql_value *columns, size_t count)
{
	(void)count;
	*(int64_t *)data = columns[0].number;
	return false;
}

static int add_outcome(struct recording *r, const struct decision *decision, int64_t *ret_id)
{
	const struct outcome *o = r->event->outcome;
	const struct verdict *v = r->event->verdict;
	char reply[8], status[STATUS_TEXT_SIZE];

	status_format(o->status, status);
	struct sql_value row[] = {
		sql_text(r->address), sql_text(r->stream), sql_number(r->facts.time_s), sql_number(r->event->received_s),
		clean_field(r, o->sender), name_value(action_get_name(o->action)), reply_value(o, reply), name_value(status),
		clean(r, o->text, TEXT_MAX), name_value(smtp_command_get_name(o->command)), clean_field(r, o->remote_mta),
		clean_field(r, o->reporting_mta), clean_field(r, o->queue_id), clean_field(r, o->envelope_id),
		clean_field(r, o->message_id), name_value(source_get_name(o->source)), name_value(kind_get_name(o->kind)),
		name_value(proof_get_name(o->proof)), name_value(class_get_name(v->class_id)),
		name_value(scope_get_name(v->scope)), name_value(effect_get_name(v->effect)), name_value(basis_get_name(v->basis)),
		name_value(v->rule), name_value(v->provider), name_value(decision_get_name(decision->kind)),
		sql_number(decision->count), sql_number(decision->after), sql_number(decision->until_s),
		name_value(reason_get_text(decision->reason)), name_value(proof_reason_get_name(o->proof_reason)),
	};
	int result = store_run(r->store, STATEMENT_ADD_OUTCOME, row, sizeof(row) / sizeof(row[0]), take_id, ret_id);

	return result < 0 ? result : 0;
}

static int fill_outcome(struct recording *r, bool is_raised)
{
	const struct outcome *o = r->event->outcome;
	char reply[8], status[STATUS_TEXT_SIZE];

	status_format(o->status, status);
	struct sql_value row[] = {
		sql_number(r->seen_outcome), clean_field(r, o->sender), reply_value(o, reply), name_value(status),
		clean(r, o->text, TEXT_MAX), name_value(smtp_command_get_name(o->command)), clean_field(r, o->remote_mta),
		clean_field(r, o->reporting_mta), clean_field(r, o->queue_id), clean_field(r, o->envelope_id),
		clean_field(r, o->message_id), name_value(is_raised ? proof_get_name(o->proof) : ""),
		name_value(is_raised ? proof_reason_get_name(o->proof_reason) : ""), sql_text(r->address),
	};
	int result = store_run(r->store, STATEMENT_FILL_OUTCOME, row, sizeof(row) / sizeof(row[0]), NULL, NULL);

	return result < 0 ? result : 0;
}

int store_count(struct store *store, struct span provider, struct span class_name, int64_t time_s, int64_t n, struct span recipient)
{
	struct sql_value row[] = { sql_text(provider), sql_text(class_name), sql_number(time_s / 3600), sql_number(n),
				   hash_recipient(store, recipient) };
	int result = store_run(store, STATEMENT_COUNT, row, 5, NULL, NULL);

	return result < 0 ? result : 0;
}

static struct decision decide_duplicate(void)
{
	return (struct decision){ .kind = DECISION_NONE, .is_duplicate = true, .reason = REASON_DUPLICATE,
				  .why = reason_get_text(REASON_DUPLICATE) };
}

/* The same failure again.  It counts no more, but a proof of our own makes of a shared one what it is. */
static int record_again(struct recording *r, struct decision *ret_decision)
{
	int64_t seen_s = r->seen_s, seen_outcome = r->seen_outcome;
	int64_t rank = proof_get_rank(r->event->outcome->proof);
	bool is_raised = rank > r->seen_rank;
	struct decision decision = decide_duplicate();
	int result = fill_outcome(r, is_raised);

	if (result == 0 && is_raised && r->seen_rank == proof_get_rank(PROOF_SHARED) && r->ruling->effect == EFFECT_NOW) {
		r->facts.is_proof_raised = true;
		result = apply_to_streams(r, &decision);
		if (decision.reason == REASON_AT_ONCE)
			decision.reason = REASON_PROOF_RAISED;
		decision.why = reason_get_text(decision.reason);
		decision.is_duplicate = true;
	}
	if (result == 0)
		result = put_seen(r, seen_s, is_raised ? rank : r->seen_rank, seen_outcome);
	if (result == 0)
		*ret_decision = decision;
	return result;
}

/* Has the failure of this very mail been seen, within the time in which it makes the success void? */
static int find_failure(struct recording *r)
{
	struct event_key keys[EVENT_KEYS_MAX];
	size_t count = event_get_keys(r->event, false, keys);
	int found = find_seen(r, keys, count);

	return found > 0 ? get_distance(r->seen_s, r->event->received_s) <= SUCCESS_PROVISIONAL_S : found;
}

static int record_new(struct recording *r, struct decision *ret_decision)
{
	struct decision decision = { .kind = r->ruling->kind, .reason = r->ruling->reason,
				     .why = reason_get_text(r->ruling->reason) };
	int64_t id = 0;
	int result = look_up_facts(r);

	if (result == 0)
		result = look_at_surge(r);
	if (result == 0 && r->ruling->kind == DECISION_COUNTED)
		result = apply_to_streams(r, &decision);
	if (result == 0 && r->ruling->is_kept)
		result = add_outcome(r, &decision, &id);
	/* a success without state leaves no row, not even this: millions a day */
	bool is_worth_keys = r->ruling->is_kept || decision.reason == REASON_SUCCESS_RESET;
	if (result == 0 && is_worth_keys)
		result = put_seen(r, r->event->received_s, proof_get_rank(r->event->outcome->proof), id);
	if (result == 0 && !r->is_counted)
		result = store_count(r->store, get_provider(r), span_of(class_get_name(r->event->verdict->class_id)),
				     r->event->received_s, 1, r->address);
	if (result == 0)
		*ret_decision = decision;
	return result;
}

static int record(struct recording *r, struct decision *ret_decision)
{
	r->key_count = event_get_keys(r->event, r->ruling->is_success, r->keys);
	int seen = find_seen(r, r->keys, r->key_count);

	if (seen < 0)
		return seen;
	/* a log that is read late tells of the delivery after the bounce has come */
	int failed = !seen && r->ruling->is_success ? find_failure(r) : 0;
	if (failed < 0)
		return failed;
	if (!seen && !failed)
		return record_new(r, ret_decision);
	if (r->ruling->is_kept)
		return record_again(r, ret_decision);
	*ret_decision = decide_duplicate();
	return 0;
}

static int apply(struct store *store, const struct ruling *ruling, const struct event *event, struct surge *surge, bool is_counted,
		 struct decision *ret_decision)
{
	struct recording r = {
		.store = store, .ruling = ruling, .event = event, .address = address_get(&ruling->address),
		.facts = { .time_s = event_get_time(event), .is_returned = event_is_returned(event), .is_shared = event->outcome->proof == PROOF_SHARED },
		.surge = surge, .is_counted = is_counted,
	};

	if (!ruling->is_kept && !ruling->is_success) {
		*ret_decision = (struct decision){ .kind = ruling->kind, .reason = ruling->reason,
						   .why = reason_get_text(ruling->reason) };
		return 0;
	}
	r.arena = arena_new(ARENA_MAX);
	if (!r.arena)
		return -ENOMEM;
	struct sql_value stream = clean(&r, event->stream, 255);
	r.stream = stream.text.ptr ? stream.text : SPAN_LIT("");
	int result = record(&r, ret_decision);
	arena_free(r.arena);
	return result;
}

int store_apply(struct store *store, const struct ruling *ruling, const struct event *event, struct surge *surge, struct decision *ret_decision)
{
	return apply(store, ruling, event, surge, false, ret_decision);
}

int store_apply_read(struct store *store, const struct ruling *ruling, const struct event *event, struct surge *surge,
		     struct decision *ret_decision)
{
	struct sql_value address[] = { sql_text(address_get(&ruling->address)) };
	int known = ruling->is_success ? store_run(store, STATEMENT_HAS_STATE, address, 1, NULL, NULL) : 1;

	if (known < 0)
		return known;
	if (known > 0)
		return apply(store, ruling, event, surge, ruling->is_success, ret_decision);
	if (surge)
		surge_note(surge, surge_get_group(event->verdict, &ruling->address), address_get(&ruling->address), false, true, event->received_s);
	*ret_decision = (struct decision){ .kind = DECISION_NONE, .reason = REASON_SUCCESS_NOTHING,
					   .why = reason_get_text(REASON_SUCCESS_NOTHING) };
	return 0;
}
