/* SPDX-License-Identifier: BSD-2-Clause */
/* What people ask of the store and change by hand, with the audit of it.  One thread at a time. */
#include <errno.h>

#include "store/private.h"

int store_audit(struct store *store, struct span by, const char *what, struct span address, struct span stream, struct span note,
		int64_t until_s, int64_t now_s)
{
	struct sql_value row[] = { sql_number(now_s), sql_text(by.ptr ? by : SPAN_LIT("")), sql_text(span_of(what)), sql_text(address),
				   sql_text(stream), sql_text(note), sql_number(until_s) };
	int result = store_run(store, STATEMENT_ADD_AUDIT, row, 7, NULL, NULL);

	return result < 0 ? result : 0;
}

static struct span known(struct span text)
{
	return text.ptr ? text : SPAN_LIT("");
}

static bool note_origin(void *data, const struct sql_value *columns, size_t count)
{
	(void)count;
	if (columns[0].number < ORIGIN_BEFORE)
		*(bool *)data = true;
	return true;
}

enum { ORIGIN_NONE = -1 };

static int remove_all_but(struct store *store, int kept_origin, struct span address, struct span stream, struct span by, struct span note,
			  int64_t now_s)
{
	struct sql_value params[] = { sql_text(address), sql_text(known(stream)), sql_number(kept_origin) };
	struct store_scope scope;
	bool was_there = false;
	int result = store_enter(store, &scope);

	if (result < 0)
		return result;
	result = store_run(store, STATEMENT_DROP_SUPPRESSION, params, 3, note_origin, &was_there);
	if (result >= 0)
		result = was_there;
	if (result > 0) {
		int more = store_audit(store, by, "remove", address, known(stream), note, 0, now_s);
		if (more == 0)
			more = store_mark_change(store, address, known(stream), now_s);
		result = more < 0 ? more : result;
	}
	return store_leave(store, scope, result);
}

int store_remove(struct store *store, struct span address, struct span stream, struct span by, struct span note, int64_t now_s)
{
	return remove_all_but(store, ORIGIN_NONE, address, stream, by, note, now_s);
}

int store_remove_evidence(struct store *store, struct span address, struct span stream, struct span by, struct span note, int64_t now_s)
{
	return remove_all_but(store, ORIGIN_MANUAL, address, stream, by, note, now_s);
}

struct row_visit {
	bool (*visit)(void *data, const struct suppression *row);
	void *data;
};

static bool visit_state(void *data, const struct sql_value *columns, size_t count)
{
	const struct row_visit *visitor = data;
	struct tally tallies[HISTORY_TALLIES];
	struct suppression row;

	(void)count;
	state_read(columns, &row, tallies);
	return visitor->visit(visitor->data, &row);
}

int store_find(struct store *store, struct span address, struct span stream, bool (*visit)(void *data, const struct suppression *row),
	       void *data)
{
	struct row_visit visitor = { visit, data };
	struct sql_value params[] = { sql_text(address), sql_text(known(stream)) };

	return store_run(store, STATEMENT_FIND, params, 2, visit_state, &visitor);
}

int store_list(struct store *store, int64_t now_s, bool (*visit)(void *data, const struct suppression *row), void *data)
{
	struct row_visit visitor = { visit, data };
	struct sql_value params[] = { sql_number(now_s) };
	int result = store_run(store, STATEMENT_LIST, params, 1, visit_state, &visitor);

	return result < 0 ? result : 0;
}

int store_list_recent(struct store *store, int64_t since_s, int64_t most, bool (*visit)(void *data, const struct suppression *row), void *data)
{
	struct row_visit visitor = { visit, data };
	struct sql_value params[] = { sql_number(since_s), sql_number(most) };
	int result = store_run(store, STATEMENT_LIST_RECENT, params, 2, visit_state, &visitor);

	return result < 0 ? result : 0;
}

struct count_visit {
	bool (*visit)(void *data, const struct count_row *row);
	void *data;
};

static bool visit_count(void *data, const struct sql_value *columns, size_t count)
{
	const struct count_visit *visitor = data;
	const struct count_row row = { columns[0].text, columns[1].text, columns[2].number, columns[3].number };

	(void)count;
	return visitor->visit(visitor->data, &row);
}

int store_sum_counts(struct store *store, enum count_by by, int64_t since_s, int64_t until_s,
		     bool (*visit)(void *data, const struct count_row *row), void *data)
{
	struct count_visit visitor = { visit, data };
	struct sql_value params[] = { sql_number(since_s / 3600), sql_number(until_s / 3600) };
	int result = store_run(store, by == COUNT_BY_DAY ? STATEMENT_SUM_DAYS : STATEMENT_SUM_PROVIDERS, params, 2, visit_count, &visitor);

	return result < 0 ? result : 0;
}

struct history_visit {
	bool (*visit)(void *data, const struct history_row *row);
	void *data;
};

static bool visit_history(void *data, const struct sql_value *c, size_t count)
{
	const struct history_visit *visitor = data;
	struct history_row row = {
		.received_s = c[0].number, .time_s = c[2].number, .stream = c[3].text, .action = c[4].text, .source = c[5].text,
		.kind = c[6].text, .proof = c[7].text, .proof_reason = c[25].text, .reply = c[8].text, .status = c[9].text, .text = c[10].text,
		.remote_mta = c[11].text, .queue_id = c[12].text, .message_id = c[13].text, .class_name = c[14].text,
		.effect = c[15].text, .basis = c[16].text, .rule = c[17].text, .provider = c[18].text, .decision = c[19].text,
		.why = c[20].text, .until_s = c[21].number, .audit = c[22].text, .by = c[23].text, .note = c[24].text,
	};

	(void)count;
	return visitor->visit(visitor->data, &row);
}

int store_history(struct store *store, struct span address, bool (*visit)(void *data, const struct history_row *row), void *data)
{
	struct history_visit visitor = { visit, data };
	struct sql_value params[] = { sql_text(address) };
	int result = store_run(store, STATEMENT_HISTORY, params, 1, visit_history, &visitor);

	return result < 0 ? result : 0;
}

enum { STREAM_SIZE = 256, STREAMS_MAX = 64 };

struct streams {
	char names[STREAMS_MAX][STREAM_SIZE];
	size_t count;
};

static bool keep_stream(void *data, const struct sql_value *columns, size_t count)
{
	struct streams *streams = data;

	(void)count;
	if (streams->count < STREAMS_MAX) {
		size_t len = columns[0].text.len < STREAM_SIZE ? columns[0].text.len : STREAM_SIZE - 1;
		memcpy(streams->names[streams->count], columns[0].text.len ? columns[0].text.ptr : "", len);
		streams->names[streams->count++][len] = '\0';
	}
	return true;
}

static int forget_rows(struct store *store, struct span address, struct streams *streams)
{
	static const enum statement others[] = { STATEMENT_FORGET_OUTCOMES, STATEMENT_FORGET_AUDIT };
	struct sql_value params[] = { sql_text(address) };
	int rows = store_run(store, STATEMENT_FORGET_ADDRESSES, params, 1, keep_stream, streams);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && rows >= 0; i++) {
		int result = store_run(store, others[i], params, 1, NULL, NULL);
		if (result < 0)
			return result;
		rows += result;
	}
	return rows;
}

/*
 * What changed and what was seen stays as the keyed hashes that it is: the other readers hear of it, and a report that comes once
 * more does not count again.
 */
int store_forget(struct store *store, struct span address, struct span by, int64_t now_s)
{
	struct streams streams = { .count = 0 };
	struct store_scope scope;
	int result = store_enter(store, &scope);

	if (result < 0)
		return result;
	result = forget_rows(store, address, &streams);
	for (size_t i = 0; i < streams.count && result >= 0; i++) {
		int more = store_mark_change(store, address, span_of(streams.names[i]), now_s);
		result = more < 0 ? more : result;
	}
	if (result >= 0) {
		int more = store_audit(store, by, "forget", SPAN_LIT(""), SPAN_LIT(""), SPAN_NONE, 0, now_s);
		result = more < 0 ? more : result;
	}
	return store_leave(store, scope, result);
}
