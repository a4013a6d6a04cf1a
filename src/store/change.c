/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes of what is enforced: their numbers, and the entries as the index has them.  One thread at a time. */
#include <stdlib.h>

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

/* A window onto the last of them: what does not follow the last one, or is too much, begins it anew. */
static void own_changes_add(struct own_changes *own, int64_t number, uint64_t hash, uint64_t value)
{
	if (!own->items)
		own->items = calloc(OWN_CHANGES_MAX, sizeof(*own->items));
	if (!own->items)
		return;
	if (own->count == OWN_CHANGES_MAX || number != own->first + (int64_t)own->count) {
		own->first = number;
		own->count = own->committed = 0;
	}
	own->items[own->count++] = (struct own_change){ hash, value };
}

void own_changes_end(struct own_changes *own, bool is_committed)
{
	if (is_committed)
		own->committed = own->count;
	else
		own->count = own->committed;
}

bool store_list_own_changes(struct store *store, int64_t *change, bool (*visit)(void *data, uint64_t hash, uint64_t value), void *data)
{
	const struct own_changes *own = &store->own;
	int64_t end = own->first + (int64_t)own->committed;

	if (*change + 1 < own->first || *change + 1 >= end)
		return false;
	for (size_t i = (size_t)(*change + 1 - own->first); i < own->committed && visit(data, own->items[i].hash, own->items[i].value); i++)
		++*change;
	return true;
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
		uint64_t hash = hash_row(store, &rows[i]), value = enforced_pack(&rows[i]);
		own_changes_add(&store->own, number, hash, value);
		*at++ = sql_number(number);
		*at++ = sql_number((int64_t)hash);
		*at++ = sql_number((int64_t)value);
		*at++ = sql_number(now_s);
	}
	return store_insert_new(store, STATEMENT_ADD_CHANGE, values, CHANGE_COLUMN_COUNT, count);
}

static bool is_new(const bool *are_new, size_t i)
{
	return are_new && are_new[i];
}

static struct sql_value *add_entry(const struct store *store, const struct suppression *row, struct sql_value *at)
{
	*at++ = sql_number((int64_t)hash_row(store, row));
	*at++ = sql_number((int64_t)enforced_pack(row));
	return at;
}

static int compare_entries(const void *a, const void *b)
{
	const struct sql_value *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* What is new goes apart from what may replace another entry: it is written quicker. */
static int put_enforced(struct store *store, const struct suppression *rows, const bool *are_new, bool chosen, size_t count, struct sql_value *values)
{
	struct sql_value *at = values;

	for (size_t i = 0; i < count; i++) {
		if (is_new(are_new, i) == chosen && enforced_pack(&rows[i]))
			at = add_entry(store, &rows[i], at);
	}
	size_t times = (size_t)(at - values) / 2;
	/* in the order of their table, page after page */
	qsort(values, times, 2 * sizeof(*values), compare_entries);
	return chosen ? store_insert_new(store, STATEMENT_PUT_ENFORCED, values, 2, times) :
			store_run_many(store, STATEMENT_PUT_ENFORCED, values, 2, times, NULL, NULL);
}

static int drop_enforced(struct store *store, const struct suppression *rows, const bool *are_new, size_t count, struct sql_value *values)
{
	struct sql_value *at = values;

	for (size_t i = 0; i < count; i++) {
		if (!is_new(are_new, i) && !enforced_pack(&rows[i]))
			*at++ = sql_number((int64_t)hash_row(store, &rows[i]));
	}
	return store_run_many(store, STATEMENT_DROP_ENFORCED, values, 1, (size_t)(at - values), NULL, NULL);
}

int store_mark_changes(struct store *store, const struct suppression *rows, const bool *are_new, size_t count, struct sql_value *values, int64_t now_s)
{
	int result = add_changes(store, rows, count, values, now_s);

	if (result == 0)
		result = put_enforced(store, rows, are_new, true, count, values);
	if (result == 0)
		result = put_enforced(store, rows, are_new, false, count, values);
	return result < 0 ? result : drop_enforced(store, rows, are_new, count, values);
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

	return result < 0 ? result : store_mark_changes(store, &row, NULL, 1, values, now_s);
}
