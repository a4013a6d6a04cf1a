/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes of what is enforced: their numbers, and the entries as the index has them.  One thread at a time. */
#include "store/enforced.h"
#include "store/private.h"

static bool take_drawn(void *data, const struct sql_value *columns, size_t count)
{
	if (count)
		*(int64_t *)data = columns[0].number;
	return false;
}

/* The first of a transaction keeps the other writers waiting; so the next ones are ours without asking. */
static int draw_number(struct store *store, int64_t *ret_number)
{
	if (store->is_in_transaction && store->is_change_open) {
		*ret_number = ++store->change;
		return 0;
	}
	int result = store_run(store, STATEMENT_NEXT_CHANGE, NULL, 0, take_drawn, &store->drawn);
	if (result < 0)
		return result;
	*ret_number = store->change = store->drawn;
	store->has_changed = store->is_change_open = true;
	return 0;
}

static uint64_t hash_row(const struct store *store, const struct suppression *row)
{
	return enforced_hash(&store->index_key, row->address, row->stream);
}

static int add_changes(struct store *store, const struct suppression *rows, size_t count, struct sql_value *values, int64_t now_s)
{
	struct sql_value *at = values;

	for (size_t i = 0; i < count; i++) {
		int64_t number;
		int result = draw_number(store, &number);
		if (result < 0)
			return result;
		*at++ = sql_number(number);
		*at++ = sql_number((int64_t)hash_row(store, &rows[i]));
		*at++ = sql_number((int64_t)enforced_pack(&rows[i]));
		*at++ = sql_number(now_s);
	}
	return store_run_many(store, STATEMENT_ADD_CHANGE, values, CHANGE_COLUMN_COUNT, count, NULL, NULL);
}

static int put_enforced(struct store *store, const struct suppression *rows, size_t count, struct sql_value *values)
{
	struct sql_value *at = values;

	for (size_t i = 0; i < count; i++) {
		uint64_t value = enforced_pack(&rows[i]);
		if (!value)
			continue;
		*at++ = sql_number((int64_t)hash_row(store, &rows[i]));
		*at++ = sql_number((int64_t)value);
	}
	return store_run_many(store, STATEMENT_PUT_ENFORCED, values, 2, (size_t)(at - values) / 2, NULL, NULL);
}

static int drop_enforced(struct store *store, const struct suppression *rows, size_t count, struct sql_value *values)
{
	struct sql_value *at = values;

	for (size_t i = 0; i < count; i++) {
		if (!enforced_pack(&rows[i]))
			*at++ = sql_number((int64_t)hash_row(store, &rows[i]));
	}
	return store_run_many(store, STATEMENT_DROP_ENFORCED, values, 1, (size_t)(at - values), NULL, NULL);
}

int store_mark_changes(struct store *store, const struct suppression *rows, size_t count, struct sql_value *values, int64_t now_s)
{
	int result = add_changes(store, rows, count, values, now_s);

	if (result == 0)
		result = put_enforced(store, rows, count, values);
	return result < 0 ? result : drop_enforced(store, rows, count, values);
}

void enforced_read(const struct sql_value *columns, struct suppression *row)
{
	row->kind = DECISION_SUPPRESSED;
	row->origin = columns[0].number == ORIGIN_MANUAL ? ORIGIN_MANUAL : ORIGIN_EVIDENCE;
	row->since_s = columns[1].number;
	row->until_s = columns[2].number;
	class_find(columns[3].text, &row->class_id);
}

static bool take_enforced(void *data, const struct sql_value *columns, size_t count)
{
	(void)count;
	enforced_read(columns, data);
	return false;
}

int store_mark_change(struct store *store, struct span address, struct span stream, int64_t now_s)
{
	struct suppression row = { .address = address, .stream = stream };
	struct sql_value params[] = { sql_text(address), sql_text(stream) }, values[CHANGE_COLUMN_COUNT];
	int result = store_run(store, STATEMENT_GET_ENFORCED, params, 2, take_enforced, &row);

	return result < 0 ? result : store_mark_changes(store, &row, 1, values, now_s);
}
