/* SPDX-License-Identifier: BSD-2-Clause */
/* The store's handle: backends, transactions, changes, positions, pruning.  One thread at a time. */
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/private.h"
#include "store/schema.h"

static const struct sql_driver *const drivers[] = {
	&sqlite_driver,
#ifdef HAVE_PQ
	&pgsql_driver,
#endif
};

/* Of the last failure of store_open in this thread: there is no handle yet to ask. */
static _Thread_local char open_error[600];

static const struct sql_driver *find_driver(const char *uri)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (span_has_prefix(span_of(uri), span_of(drivers[i]->scheme)))
			return drivers[i];
	}
	return NULL;
}

/* A first start is ordinary.  All else that begins with nothing is told as what it is: nobody is suppressed any more. */
static void tell_begin(const struct store_options *options, const char *place, bool was_emptied)
{
	const char *why = was_emptied ? "the database was there, and empty" :
			  options->has_past ? "there was no database, although a key of an earlier start is there" : "there was none";
	bool is_loss = was_emptied || options->has_past;

	log_event(was_emptied ? LOG_LEVEL_ERROR : is_loss ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "store-begun", "place=\"%s\" why=\"%s\"%s", place, why,
		  is_loss ? " effect=\"what was suppressed is not known any more\" hint=\"if that was not meant: stop kodamad and put a backup back\"" : "");
}

int store_open(const struct store_options *options, struct store **ret_store)
{
	const struct sql_driver *driver = find_driver(options->uri);
	struct sql *sql;
	char why[400];
	bool is_new;

	open_error[0] = '\0';
	if (!driver) {
		/* the kind alone: the rest may hold a password */
		struct span rest = span_of(options->uri), scheme = span_take(&rest, ':');
		snprintf(open_error, sizeof(open_error), "%.*s: no such kind of store", SPAN_ARG(scheme));
		return -EINVAL;
	}
	int result = driver->open(options, options->uri + strlen(driver->scheme), &sql, open_error, sizeof(open_error));
	if (result < 0)
		return result;
	const char *place = driver->is_place_shown ? options->uri + strlen(driver->scheme) : "postgresql";
	result = schema_migrate(driver, sql, options->is_read_only, &is_new, why, sizeof(why));
	struct store *store = result < 0 ? NULL : calloc(1, sizeof(*store));
	if (!store) {
		snprintf(open_error, sizeof(open_error), "%s: %s", place, result < 0 ? why : "out of memory");
		driver->close(sql);
		return result < 0 ? result : -ENOMEM;
	}
	store->driver = driver;
	store->sql = sql;
	store->retention_s = options->retention_s;
	if (is_new)
		tell_begin(options, place, driver->was_emptied && driver->was_emptied(sql));
	result = schema_get_index_key(driver, sql, &store->index_key);
	if (result < 0) {
		snprintf(open_error, sizeof(open_error), "%s: %s", place, driver->get_error(sql));
		store_close(store);
		return result;
	}
	*ret_store = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_rollback(store);
	store->driver->close(store->sql);
	free(store->own.items);
	free(store);
}

const char *store_get_error(const struct store *store)
{
	return store ? store->error : open_error;
}

static int keep_error(struct store *store, int result)
{
	if (result < 0)
		snprintf(store->error, sizeof(store->error), "%s", store->driver->get_error(store->sql));
	else
		store->error[0] = '\0';
	return result;
}

int store_check(struct store *store)
{
	return store->driver->check ? keep_error(store, store->driver->check(store->sql)) : 0;
}

int store_begin(struct store *store)
{
	int result = store_check(store);

	if (result == 0)
		result = keep_error(store, store->driver->begin(store->sql));

	store->is_in_transaction = result == 0;
	store->is_change_open = false;
	return result;
}

/* Of the changes in a transaction only the first one's number was drawn from the table. */
static int save_change(struct store *store)
{
	struct sql_value row[] = { sql_text(SPAN_LIT("change")), sql_number(store->change) };

	if (!store->is_change_open || store->change == store->drawn)
		return 0;
	int result = store_run(store, STATEMENT_SET_META, row, 2, NULL, NULL);
	return result < 0 ? result : 0;
}

int store_commit(struct store *store)
{
	int result = save_change(store);

	if (result < 0) {
		char why[sizeof(store->error)];
		memcpy(why, store->error, sizeof(why));
		store_rollback(store);
		memcpy(store->error, why, sizeof(why));
		return result;
	}
	result = keep_error(store, store->driver->commit(store->sql));
	store->is_in_transaction = false;
	own_changes_end(&store->own, result == 0);
	if (result == 0 && store->is_change_open && store->driver->notify)
		store->driver->notify(store->sql);
	return result;
}

void store_rollback(struct store *store)
{
	if (store->is_in_transaction)
		store->driver->rollback(store->sql);
	store->is_in_transaction = false;
	own_changes_end(&store->own, false);
}

int store_run(struct store *store, enum statement id, const struct sql_value *params, size_t count, sql_visit *visit, void *data)
{
	return keep_error(store, store->driver->run(store->sql, id, statement_texts[id], params, count, visit, data));
}

struct nth_visit {
	sql_visit_nth *visit;
	void *data;
	size_t nth;
};

static bool visit_nth(void *data, const struct sql_value *columns, size_t count)
{
	const struct nth_visit *visitor = data;

	visitor->visit(visitor->data, visitor->nth, columns, count);
	return true;
}

int store_run_many(struct store *store, enum statement id, const struct sql_value *params, size_t count, size_t times, sql_visit_nth *visit,
		   void *data)
{
	struct nth_visit visitor = { visit, data, 0 };
	int result = 0;

	if (times > 1 && store->driver->run_many) {
		result = store->driver->run_many(store->sql, id, statement_texts[id], params, count, times, visit, data);
		if (result <= 0)
			return keep_error(store, result);
		result = 0;
	}
	for (; visitor.nth < times && result >= 0; visitor.nth++)
		result = store_run(store, id, params + visitor.nth * count, count, visit ? visit_nth : NULL, &visitor);
	return result < 0 ? result : 0;
}

int store_insert_new(struct store *store, enum statement id, const struct sql_value *params, size_t count, size_t times)
{
	int result = times > 1 && store->driver->insert_new ?
			     store->driver->insert_new(store->sql, statement_texts[id], params, count, times) : 1;

	return result <= 0 ? keep_error(store, result) : store_run_many(store, id, params, count, times, NULL, NULL);
}

int store_enter(struct store *store, struct store_scope *ret_scope)
{
	ret_scope->is_own = !store->is_in_transaction;
	return ret_scope->is_own ? store_begin(store) : 0;
}

int store_leave(struct store *store, struct store_scope scope, int result)
{
	if (!scope.is_own)
		return result;
	if (result >= 0) {
		int committed = store_commit(store);
		return committed < 0 ? committed : result;
	}
	store_rollback(store);
	return result;
}

static bool take_number(void *data, const struct sql_value *columns, size_t count)
{
	if (count)
		*(int64_t *)data = columns[0].number;
	return false;
}

struct siphash_key store_get_index_key(const struct store *store)
{
	return store->index_key;
}

int store_count_enforced(struct store *store, size_t *ret_count)
{
	int64_t count = 0;
	int result = store_run(store, STATEMENT_COUNT_ENFORCED, NULL, 0, take_number, &count);

	if (result < 0)
		return result;
	*ret_count = (size_t)count;
	return 0;
}

int store_list_enforced(struct store *store, bool (*visit)(void *data, uint64_t hash, uint64_t value), void *data)
{
	return keep_error(store, store->driver->list_pairs(store->sql, "enforced", "hash", "value", visit, data));
}

int store_watch(struct store *store)
{
	return store->driver->watch ? store->driver->watch(store->sql) : -1;
}

void store_take_wakeup(struct store *store)
{
	if (store->driver->take_wakeup)
		store->driver->take_wakeup(store->sql);
}

bool store_take_changed(struct store *store)
{
	bool has_changed = store->has_changed;

	store->has_changed = false;
	return has_changed;
}

int store_get_change(struct store *store, int64_t *ret_change)
{
	struct sql_value name[] = { sql_text(SPAN_LIT("change")) };
	int64_t change = 0;
	int result = store_run(store, STATEMENT_GET_META, name, 1, take_number, &change);

	if (result < 0)
		return result;
	*ret_change = change;
	return 0;
}

struct change_visit {
	bool (*visit)(void *data, uint64_t hash, uint64_t value);
	void *data;
	int64_t last;
	bool is_stopped;
};

static bool visit_change(void *data, const struct sql_value *columns, size_t count)
{
	struct change_visit *change = data;

	(void)count;
	change->is_stopped = !change->visit(change->data, (uint64_t)columns[1].number, (uint64_t)columns[2].number);
	if (!change->is_stopped)
		change->last = columns[0].number;
	return !change->is_stopped;
}

int store_list_changes(struct store *store, int64_t *change, bool (*visit)(void *data, uint64_t hash, uint64_t value), void *data)
{
	struct change_visit visitor = { visit, data, *change, false };
	int64_t oldest = 0, newest = 0;
	int result = store_get_change(store, &newest);

	if (result < 0 || newest <= *change)
		return result;
	result = store_run(store, STATEMENT_FIRST_CHANGE, NULL, 0, take_number, &oldest);
	if (result >= 0 && (result == 0 || oldest > *change + 1))
		return -ESTALE;
	while (result > 0 && !visitor.is_stopped) {
		struct sql_value after[] = { sql_number(visitor.last) };
		result = store_run(store, STATEMENT_LIST_CHANGES, after, 1, visit_change, &visitor);
	}
	*change = visitor.last;
	return result < 0 ? result : 0;
}

struct text_slot {
	char *text;
	size_t size;
};

static bool take_text(void *data, const struct sql_value *columns, size_t count)
{
	struct text_slot *slot = data;

	if (count)
		snprintf(slot->text, slot->size, "%.*s", SPAN_ARG(columns[0].text));
	return false;
}

int store_get_position(struct store *store, const char *name, char *ret_value, size_t size)
{
	struct sql_value params[] = { sql_text(span_of(name)) };
	struct text_slot slot = { ret_value, size };

	return store_run(store, STATEMENT_GET_POSITION, params, 1, take_text, &slot);
}

int store_set_position(struct store *store, const char *name, const char *value)
{
	struct sql_value params[] = { sql_text(span_of(name)), sql_text(span_of(value)) };
	int result = store_run(store, STATEMENT_SET_POSITION, params, 2, NULL, NULL);

	return result < 0 ? result : 0;
}

enum { DAY_S = 24 * 3600, SEEN_S = 43 * DAY_S };

static int prune(struct store *store, enum statement id, int64_t before)
{
	struct sql_value params[] = { sql_number(before) };
	int result = store_run(store, id, params, 1, NULL, NULL);

	return result < 0 ? result : 0;
}

static int get_meta(struct store *store, const char *name, int64_t *ret_value)
{
	struct sql_value params[] = { sql_text(span_of(name)) };
	int result = store_run(store, STATEMENT_GET_META, params, 1, take_number, ret_value);

	return result < 0 ? result : 0;
}

static int set_meta(struct store *store, const char *name, int64_t value)
{
	struct sql_value params[] = { sql_text(span_of(name)), sql_number(value) };
	int result = store_run(store, STATEMENT_SET_META, params, 2, NULL, NULL);

	return result < 0 ? result : 0;
}

int store_touch(struct store *store, int64_t now_s)
{
	return set_meta(store, "touched", now_s);
}

/*
 * A clock that was set years ahead would make everything old.  After a leap of more than a day (or a day without pruning)
 * nothing is deleted until the clock has gone on from there for a day: time to see it and to set it right.
 */
static int may_prune(struct store *store, int64_t now_s)
{
	int64_t clock_s = now_s, from_s = 0;
	int result = get_meta(store, "clock", &clock_s);

	if (result == 0)
		result = get_meta(store, "prune_from", &from_s);
	if (result < 0)
		return result;
	bool is_leap = now_s > clock_s + DAY_S, is_mended = from_s > now_s + DAY_S;
	if (is_leap || is_mended) {
		from_s = is_leap ? now_s + DAY_S : 0;
		result = set_meta(store, "prune_from", from_s);
	}
	if (result == 0)
		result = set_meta(store, "clock", now_s);
	return result < 0 ? result : now_s >= from_s;
}

/* Seen keys stay for twice their time: an outcome that waited in the queue on disk compares by when it came. */
static int prune_all(struct store *store, int64_t now_s)
{
	int64_t retention_s = store->retention_s > 0 ? store->retention_s : TIME_FOREVER;
	int result = 0;

	if (retention_s < now_s)
		result = prune(store, STATEMENT_PRUNE_OUTCOMES, now_s - retention_s);
	if (result == 0)
		result = prune(store, STATEMENT_PRUNE_SEEN, now_s - SEEN_S);
	if (result == 0)
		result = prune(store, STATEMENT_PRUNE_CHANGES, now_s - DAY_S);
	if (result == 0 && retention_s < now_s)
		result = prune(store, STATEMENT_PRUNE_COUNTS, (now_s - (retention_s > 8 * DAY_S ? retention_s : 8 * DAY_S)) / 3600);
	if (result == 0)
		result = prune(store, STATEMENT_PRUNE_BEFORE, now_s - 21 * DAY_S);
	return result;
}

int store_prune(struct store *store, int64_t now_s)
{
	struct store_scope scope;
	int result = store_enter(store, &scope);

	if (result < 0)
		return result;
	int allowed = may_prune(store, now_s);
	result = allowed > 0 ? prune_all(store, now_s) : allowed;
	result = store_leave(store, scope, result);
	return result < 0 ? result : !allowed;
}
