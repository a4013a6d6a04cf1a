/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries that people put on the list, one or many: what stands there is read for some thousand of them at once, and what is
 * to be written is written table by table, so that a server far away is not asked line by line.  One thread at a time.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "store/enforced.h"
#include "store/private.h"

enum { RUN_MAX = 8000, SEEN_SIZE = 2 * RUN_MAX, AUDIT_COLUMN_COUNT = 7 };

struct standing {
	enum origin origin;
	int64_t until_s;
	bool is_there; /* a row of this origin, whatever it says */
	bool is_alone; /* there is no row of another origin */
};

/* Entries of different addresses (or streams), so that none changes what holds for the others. */
struct run {
	struct store *store;
	const char *what; /* for the audit */
	struct span by;
	int64_t now_s;
	struct suppression rows[RUN_MAX];
	struct standing standings[RUN_MAX];
	bool are_new[RUN_MAX];
	size_t count;
	struct suppression *shared[RUN_MAX]; /* those of rows that are not alone */
	struct sql_value values[RUN_MAX * STATE_COLUMN_COUNT];
	uint64_t seen[SEEN_SIZE];
};

static struct span known(struct span text)
{
	return text.ptr ? text : SPAN_LIT("");
}

/* True: the first of its address and stream in this run. */
static bool note_address(struct run *run, const struct suppression *row)
{
	uint64_t hash = enforced_hash(&run->store->index_key, row->address, row->stream);
	size_t at = hash % SEEN_SIZE;

	while (run->seen[at] && run->seen[at] != hash)
		at = (at + 1) % SEEN_SIZE;
	bool is_new = !run->seen[at];
	run->seen[at] = hash;
	return is_new;
}

/* How many of them make a run. */
static size_t take_run(struct run *run, const struct suppression *rows, size_t count)
{
	memset(run->seen, 0, sizeof(run->seen));
	for (run->count = 0; run->count < count && run->count < RUN_MAX; run->count++) {
		struct suppression *row = &run->rows[run->count];
		*row = rows[run->count];
		row->stream = known(row->stream);
		if (!note_address(run, row))
			break;
		run->standings[run->count] = (struct standing){ .origin = row->origin, .is_alone = true };
	}
	return run->count;
}

/* Until when does it stand against the address?  An entry that is held is less than one that is enforced. */
static void take_standing(void *data, size_t nth, const struct sql_value *columns, size_t count)
{
	struct run *run = data;
	struct standing *standing = &run->standings[nth];
	enum decision_kind kind = DECISION_NONE;

	(void)count;
	if (columns[0].number != (int64_t)standing->origin) {
		standing->is_alone = false;
		return;
	}
	decision_find(columns[1].text, &kind);
	standing->is_there = true;
	standing->until_s = kind == DECISION_SUPPRESSED ? columns[2].number : kind == DECISION_HELD ? 1 : 0;
}

static int find_standings(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		run->values[2 * i] = sql_text(run->rows[i].address);
		run->values[2 * i + 1] = sql_text(run->rows[i].stream);
	}
	return store_run_many(run->store, STATEMENT_GET_STANDING, run->values, 2, run->count, take_standing, run);
}

/* What lasts as long already stays as it is. */
static void drop_what_stands(struct run *run)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->count; i++) {
		const struct standing *standing = &run->standings[i];
		const struct suppression *row = &run->rows[i];
		if (standing->until_s >= row->until_s || (standing->until_s && row->kind == DECISION_HELD))
			continue;
		run->are_new[kept] = standing->is_alone && !standing->is_there;
		run->standings[kept] = *standing;
		run->rows[kept++] = *row;
	}
	run->count = kept;
}

static struct sql_value *add_state(const struct suppression *row, struct sql_value *at)
{
	struct span class_name = row->class_id == CLASS_UNCLASSIFIED ? SPAN_NONE : span_of(class_get_name(row->class_id));
	const struct sql_value columns[] = {
		sql_text(row->address), sql_text(row->stream), sql_number(row->origin),
		sql_text(span_of(decision_get_name(row->kind))), sql_number(row->since_s), sql_number(row->until_s),
		sql_number(1), sql_text(SPAN_LIT("")), sql_text(class_name), sql_text(row->rule), sql_text(row->provider),
		sql_text(row->note), sql_number(row->origin == ORIGIN_MANUAL ? 0 : row->since_s), sql_number(0),
		sql_text(SPAN_LIT("")),
	};

	static_assert(sizeof(columns) / sizeof(columns[0]) == STATE_COLUMN_COUNT, "a value for each column");
	memcpy(at, columns, sizeof(columns));
	return at + STATE_COLUMN_COUNT;
}

/* Those that are there already, or those that are not. */
static int put_entries(struct run *run, bool are_there)
{
	struct sql_value *at = run->values;

	for (size_t i = 0; i < run->count; i++) {
		if (run->standings[i].is_there == are_there)
			at = add_state(&run->rows[i], at);
	}
	size_t times = (size_t)(at - run->values) / STATE_COLUMN_COUNT;
	return are_there ? store_run_many(run->store, STATEMENT_PUT_STATE, run->values, STATE_COLUMN_COUNT, times, NULL, NULL) :
			   store_insert_new(run->store, STATEMENT_PUT_STATE, run->values, STATE_COLUMN_COUNT, times);
}

static int audit_entries(struct run *run)
{
	struct sql_value *at = run->values;

	for (size_t i = 0; i < run->count; i++, at += AUDIT_COLUMN_COUNT) {
		const struct suppression *row = &run->rows[i];
		const struct sql_value columns[] = { sql_number(run->now_s), sql_text(known(run->by)), sql_text(span_of(run->what)),
						     sql_text(row->address), sql_text(row->stream), sql_text(row->note),
						     sql_number(row->until_s) };
		memcpy(at, columns, sizeof(columns));
	}
	return store_insert_new(run->store, STATEMENT_ADD_AUDIT, run->values, AUDIT_COLUMN_COUNT, run->count);
}

static void take_enforced(void *data, size_t nth, const struct sql_value *columns, size_t count)
{
	struct run *run = data;

	(void)count;
	enforced_read(columns, run->shared[nth]);
}

/* By hand and by evidence as one: an entry that is alone says by itself what is in force. */
static int find_enforced(struct run *run)
{
	size_t count = 0;

	for (size_t i = 0; i < run->count; i++) {
		struct suppression *row = &run->rows[i];
		if (run->standings[i].is_alone)
			continue;
		run->values[2 * count] = sql_text(row->address);
		run->values[2 * count + 1] = sql_text(row->stream);
		*row = (struct suppression){ .address = row->address, .stream = row->stream };
		run->shared[count++] = row;
	}
	return store_run_many(run->store, STATEMENT_GET_ENFORCED, run->values, 2, count, take_enforced, run);
}

/* How many were written. */
static int write_run(struct run *run)
{
	int result = put_entries(run, false);

	if (result == 0)
		result = put_entries(run, true);
	if (result == 0)
		result = audit_entries(run);
	if (result == 0)
		result = find_enforced(run);
	if (result == 0)
		result = store_mark_changes(run->store, run->rows, run->are_new, run->count, run->values, run->now_s);
	return result < 0 ? result : (int)run->count;
}

static int import_run(struct run *run)
{
	int result = find_standings(run);

	if (result < 0)
		return result;
	drop_what_stands(run);
	return write_run(run);
}

static int import_rows(struct run *run, const struct suppression *rows, size_t count)
{
	int changed = 0, result = 0;

	for (size_t at = 0; at < count && result >= 0; changed += result) {
		at += take_run(run, &rows[at], count - at);
		result = import_run(run);
	}
	return result < 0 ? result : changed;
}

static int add_row(struct run *run, const struct suppression *row)
{
	struct suppression manual = *row;

	manual.origin = ORIGIN_MANUAL;
	manual.kind = DECISION_SUPPRESSED;
	take_run(run, &manual, 1);
	/* nobody has looked whether it is */
	run->standings[0].is_alone = run->are_new[0] = false;
	run->standings[0].is_there = true;
	int result = write_run(run);
	return result < 0 ? result : 0;
}

int store_add(struct store *store, const struct suppression *row, struct span by, int64_t now_s)
{
	struct run *run = calloc(1, sizeof(*run));
	struct store_scope scope;
	int result = run ? store_enter(store, &scope) : -ENOMEM;

	if (result == 0) {
		run->store = store, run->what = "add", run->by = by, run->now_s = now_s;
		result = store_leave(store, scope, add_row(run, row));
	}
	free(run);
	return result;
}

int store_import(struct store *store, const struct suppression *rows, size_t count, struct span by, int64_t now_s)
{
	struct run *run = calloc(1, sizeof(*run));
	struct store_scope scope;
	int result = run ? store_enter(store, &scope) : -ENOMEM;

	if (result == 0) {
		run->store = store, run->what = "import", run->by = by, run->now_s = now_s;
		result = store_leave(store, scope, import_rows(run, rows, count));
	}
	free(run);
	return result;
}
