/* SPDX-License-Identifier: BSD-2-Clause */
/* The table `keys`. */
#include "store/keytable.h"

#include <errno.h>
#include <stdio.h>

#include "store/private.h"

struct reading {
	struct key_records *records;
	bool is_bad;
};

static bool take_row(void *data, const struct sql_value *columns, size_t count)
{
	struct reading *reading = data;
	struct key_record record = { .created_s = columns[2].number, .retired_s = columns[3].kind == SQL_NUMBER ? columns[3].number : 0 };

	(void)count;
	reading->is_bad = columns[0].text.len >= KEY_ID_SIZE || reading->records->count == KEYS_MAX ||
			  hex_read(columns[1].text, record.secret, sizeof(record.secret)) < 0;
	if (reading->is_bad)
		return false;
	snprintf(record.id, sizeof(record.id), "%.*s", SPAN_ARG(columns[0].text));
	reading->records->items[reading->records->count++] = record;
	secret_wipe(&record, sizeof(record));
	return true;
}

int keytable_read(struct store *store, struct key_records *ret_records)
{
	struct reading reading = { .records = ret_records };

	ret_records->count = 0;
	int result = store_run(store, STATEMENT_LIST_KEYS, NULL, 0, take_row, &reading);
	if (result >= 0 && reading.is_bad)
		result = -EINVAL;
	return result < 0 ? result : 0;
}

static int put(struct store *store, const struct key_record *record)
{
	char secret[2 * KEY_SECRET_SIZE + 1];
	struct sql_value row[] = { sql_text(span_of(record->id)), sql_text(span_make(secret, sizeof(secret) - 1)), sql_number(record->created_s),
				   record->retired_s ? sql_number(record->retired_s) : sql_text(SPAN_NONE) };

	hex_write(record->secret, sizeof(record->secret), secret);
	int result = store_run(store, STATEMENT_PUT_KEY, row, 4, NULL, NULL);
	secret_wipe(secret, sizeof(secret));
	return result < 0 ? result : 0;
}

static int change_records(struct store *store, bool is_new, keyfile_change *change, void *data, struct key_records *records)
{
	int error = keytable_read(store, records);

	if (error == 0 && is_new && records->count > 0)
		error = -EEXIST;
	if (error == 0)
		error = change(data, records);
	if (error == 0) {
		int result = store_run(store, STATEMENT_DROP_KEYS, NULL, 0, NULL, NULL);
		error = result < 0 ? result : 0;
	}
	for (size_t i = 0; i < records->count && error == 0; i++)
		error = put(store, &records->items[i]);
	return error;
}

/* begin takes the one lock of all changes, so that two first starts make one set of keys */
int keytable_change_all(struct store *store, bool is_new, keyfile_change *change, void *data)
{
	struct key_records records = { .count = 0 };
	struct store_scope scope;
	int error = store_enter(store, &scope);

	if (error < 0)
		return error;
	error = store_leave(store, scope, change_records(store, is_new, change, data, &records));
	secret_wipe(&records, sizeof(records));
	return error;
}
