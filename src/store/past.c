/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of `addresses`: origin 0 what stands, from 2 on what a success wiped out, with its time and its keys as the note. */
#include "store/past.h"

#include <stdio.h>

#include "store/private.h"

static struct sql_value name_value(const char *name)
{
	return sql_text(name && *name ? span_of(name) : SPAN_NONE);
}

static void read_history(const struct sql_value *columns, struct history *history)
{
	struct suppression row;

	*history = (struct history){ .kind = DECISION_NONE };
	state_read(columns, &row, history->tallies);
	history->kind = row.kind;
	history->since_s = row.since_s;
	history->until_s = row.until_s;
	history->times = row.times;
	history->class_id = row.class_id;
	history->last_failure_s = row.last_failure_s;
	history->last_success_s = row.last_success_s;
	history->tally_count = row.tally_count;
	snprintf(history->section, sizeof(history->section), "%.*s", SPAN_ARG(row.section));
	snprintf(history->rule, sizeof(history->rule), "%.*s", SPAN_ARG(row.rule));
	snprintf(history->provider, sizeof(history->provider), "%.*s", SPAN_ARG(row.provider));
}

/* "1800000000 12345 67890": the time, and a number for each key. */
static void read_note(struct span note, struct wiped *wiped)
{
	uint64_t number;

	if (span_parse_unsigned(span_take(&note, ' '), INT64_MAX, &number) < 0)
		return;
	wiped->success_s = (int64_t)number;
	while (note.len && wiped->key_count < EVENT_KEYS_MAX && span_parse_unsigned(span_take(&note, ' '), UINT64_MAX, &number) == 0)
		wiped->keys[wiped->key_count++] = number;
}

static struct span write_note(const struct wiped *wiped, char text[static 128])
{
	int len = snprintf(text, 128, "%lld", (long long)wiped->success_s);

	for (size_t i = 0; i < wiped->key_count; i++)
		len += snprintf(text + len, 128 - (size_t)len, " %llu", (unsigned long long)wiped->keys[i]);
	return span_make(text, (size_t)len);
}

static bool take_row(void *data, const struct sql_value *columns, size_t count)
{
	struct past *past = data;
	int64_t origin = columns[2].number;

	(void)count;
	if (origin == ORIGIN_EVIDENCE) {
		past->is_there = true;
		read_history(columns, &past->now);
	} else if (past->wiped_count < PAST_MAX) {
		struct wiped *wiped = &past->wiped[past->wiped_count++];
		*wiped = (struct wiped){ .origin = origin };
		read_history(columns, &wiped->history);
		read_note(columns[11].text, wiped);
	}
	return true;
}

int past_load(struct store *store, struct span address, struct span stream, struct past *ret_past)
{
	struct sql_value params[] = { sql_text(address), sql_text(stream) };

	ret_past->is_there = false;
	ret_past->now = (struct history){ .kind = DECISION_NONE };
	ret_past->wiped_count = 0;
	int result = store_run(store, STATEMENT_GET_STATE, params, 2, take_row, ret_past);
	return result < 0 ? result : 0;
}

static int save(struct store *store, struct span address, struct span stream, int64_t origin, const struct history *history, struct span note)
{
	char tallies[TALLIES_SIZE];
	struct sql_value row[] = {
		sql_text(address), sql_text(stream), sql_number(origin), name_value(decision_get_name(history->kind)),
		sql_number(history->since_s), sql_number(history->until_s), sql_number(history->times),
		sql_text(span_of(history->section)), name_value(class_get_name(history->class_id)), name_value(history->rule),
		name_value(history->provider), sql_text(note), sql_number(history->last_failure_s),
		sql_number(history->last_success_s), sql_text(tallies_format(history, tallies)),
	};
	int result = store_run(store, STATEMENT_PUT_STATE, row, STATE_COLUMN_COUNT, NULL, NULL);

	return result < 0 ? result : 0;
}

int past_save(struct store *store, struct span address, struct span stream, const struct history *now)
{
	return save(store, address, stream, ORIGIN_EVIDENCE, now, SPAN_NONE);
}

static int save_wiped(struct store *store, struct span address, struct span stream, const struct wiped *wiped)
{
	char note[128];

	return save(store, address, stream, wiped->origin, &wiped->history, write_note(wiped, note));
}

static int drop(struct store *store, struct span address, struct span stream, struct past *past, size_t at)
{
	struct sql_value params[] = { sql_text(address), sql_text(stream), sql_number(past->wiped[at].origin) };
	int result = store_run(store, STATEMENT_DROP_STATE, params, 3, NULL, NULL);

	past->wiped_count--;
	memmove(&past->wiped[at], &past->wiped[at + 1], (past->wiped_count - at) * sizeof(past->wiped[0]));
	return result < 0 ? result : 0;
}

static bool is_provisional(const struct wiped *wiped, int64_t now_s)
{
	int64_t distance_s = wiped->success_s > now_s ? wiped->success_s - now_s : now_s - wiped->success_s;

	return distance_s <= SUCCESS_PROVISIONAL_S;
}

/* What can come back no more; and the oldest of too many, that so many successes after it have confirmed. */
static int drop_confirmed(struct store *store, struct span address, struct span stream, struct past *past, int64_t now_s)
{
	int result = 0;

	for (size_t at = 0; at < past->wiped_count && result == 0;) {
		if (is_provisional(&past->wiped[at], now_s))
			at++;
		else
			result = drop(store, address, stream, past, at);
	}
	if (result == 0 && past->wiped_count == PAST_MAX)
		result = drop(store, address, stream, past, 0);
	return result;
}

/* A success that found nothing matters only where an earlier one wiped out what it, too, would have. */
static bool has_anything(const struct past *past)
{
	for (size_t i = 0; i < past->wiped_count; i++) {
		if (!history_is_clean(&past->wiped[i].history))
			return true;
	}
	return false;
}

int past_keep(struct store *store, struct span address, struct span stream, struct past *past, const struct history *before, bool is_reset,
	      const uint64_t *keys, size_t key_count, int64_t received_s)
{
	int result = past->wiped_count ? drop_confirmed(store, address, stream, past, received_s) : 0;

	if (result < 0 || (!is_reset && !has_anything(past)))
		return result;
	struct wiped *wiped = &past->wiped[past->wiped_count];
	wiped->origin = past->wiped_count ? wiped[-1].origin + 1 : ORIGIN_BEFORE;
	wiped->success_s = received_s;
	wiped->key_count = key_count;
	memcpy(wiped->keys, keys, key_count * sizeof(*keys));
	wiped->history = *before;
	past->wiped_count++;
	return save_wiped(store, address, stream, wiped);
}

static bool has_key(const struct wiped *wiped, const uint64_t *keys, size_t key_count)
{
	for (size_t i = 0; i < wiped->key_count; i++) {
		for (size_t j = 0; j < key_count; j++) {
			if (wiped->keys[i] == keys[j])
				return true;
		}
	}
	return false;
}

int past_take_back(struct store *store, struct span address, struct span stream, struct past *past, const uint64_t *keys, size_t key_count,
		   int64_t received_s)
{
	size_t at = 0;
	int result = 0;

	while (at < past->wiped_count && !(is_provisional(&past->wiped[at], received_s) && has_key(&past->wiped[at], keys, key_count)))
		at++;
	if (at == past->wiped_count)
		return 0;
	if (at + 1 == past->wiped_count) {
		history_take_back(&past->now, &past->wiped[at].history);
	} else {
		history_take_back(&past->wiped[at + 1].history, &past->wiped[at].history);
		result = save_wiped(store, address, stream, &past->wiped[at + 1]);
	}
	if (result == 0)
		result = drop(store, address, stream, past, at);
	return result < 0 ? result : 1;
}
