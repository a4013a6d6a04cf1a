/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PostgreSQL behind sql.h.  A transaction that writes takes the row of the change numbers first: the writers of a
 * fleet come one after the other, so that numbers become visible in their order and counts are exact.
 * TLS and passwords are the URI's (libpq).  A connection that broke stays broken: its owner opens another.
 */
#include "store/pgsql_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/arrays.h"
#include "store/store.h"

enum { OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, ARENA_MAX = 8 * 1024 * 1024 };

static const struct {
	const char *state; /* how the SQLSTATE begins */
	int error;
} errors[] = {
	{ "55P03", -EBUSY }, { "40", -EBUSY },	 { "57014", -EBUSY }, { "53100", -ENOSPC }, { "53", -ENOMEM },
	{ "42501", -EACCES }, { "28", -EACCES }, { "25006", -EACCES }, { "22", -EINVAL },   { "23", -EINVAL },
};

/* libpq's words are several lines; the first one says it. */
void pgsql_keep_words(struct sql *sql, const char *words)
{
	struct span rest = span_of(words ? words : "");
	struct span line = span_take_line(&rest);

	snprintf(sql->error, sizeof(sql->error), "%.*s", SPAN_ARG(line));
}

int pgsql_fail(struct sql *sql, const PGresult *result)
{
	const char *state = result ? libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

	pgsql_keep_words(sql, result ? libpq.PQresultErrorMessage(result) : libpq.PQerrorMessage(sql->connection));
	if (!sql->error[0])
		pgsql_keep_words(sql, libpq.PQerrorMessage(sql->connection));
	for (size_t i = 0; state && i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (span_has_prefix(span_of(state), span_of(errors[i].state)))
			return errors[i].error;
	}
	return -EIO;
}

/* Tells in *ret_tag (may be NULL) what the server says that it did. */
static int execute(struct sql *sql, const char *script, char ret_tag[static 32])
{
	PGresult *result = libpq.PQexec(sql->connection, script);
	ExecStatusType status = libpq.PQresultStatus(result);
	int error = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : pgsql_fail(sql, result);

	snprintf(ret_tag, 32, "%s", error == 0 ? libpq.PQcmdStatus(result) : "");
	libpq.PQclear(result);
	return error;
}

int pgsql_execute(struct sql *sql, const char *script)
{
	char tag[32];

	return execute(sql, script, tag);
}

static void pgsql_close(struct sql *sql)
{
	libpq.PQfinish(sql->connection);
	arena_free(sql->arena);
	free(sql);
}

static void ignore_notice(void *data, const PGresult *result)
{
	(void)data;
	(void)result;
}

static int connect_to(struct sql *sql, const struct store_options *options)
{
	const char *const names[] = { "dbname", "connect_timeout", "tcp_user_timeout", "client_encoding", "application_name", NULL };
	const char *const values[] = { options->uri, "5", "10000", "UTF8", "kodama", NULL };
	char settings[256];

	/* the URI is spread in its place, and what stands behind it is stronger */
	sql->connection = libpq.PQconnectdbParams(names, values, 1);
	if (!sql->connection || libpq.PQstatus(sql->connection) != CONNECTION_OK)
		return pgsql_fail(sql, NULL);
	libpq.PQsetNoticeReceiver(sql->connection, ignore_notice, NULL);
	snprintf(settings, sizeof(settings), "SET lock_timeout = %u; SET default_transaction_isolation = 'read committed'%s",
		 options->busy_ms ? options->busy_ms : 1, options->is_read_only ? "; SET default_transaction_read_only = on" : "");
	return pgsql_execute(sql, settings);
}

static int pgsql_open(const struct store_options *options, const char *place, struct sql **ret_sql, char *ret_error, size_t size)
{
	struct sql *sql;
	const char *why;

	(void)place;
	if (!libpq_load(&why)) {
		snprintf(ret_error, size, "postgresql: %s", why);
		return -EINVAL;
	}
	sql = calloc(1, sizeof(*sql));
	if (!sql)
		return -ENOMEM;
	sql->arena = arena_new(ARENA_MAX);
	int result = sql->arena ? connect_to(sql, options) : -ENOMEM;
	if (result < 0) {
		/* never the URI: it may hold a password */
		snprintf(ret_error, size, "postgresql: %s", sql->error);
		pgsql_close(sql);
		return result;
	}
	*ret_sql = sql;
	return 0;
}

static bool has_tables(struct sql *sql)
{
	PGresult *result = libpq.PQexec(sql->connection, "SELECT to_regclass('meta') IS NOT NULL");
	bool is_there = libpq.PQresultStatus(result) == PGRES_TUPLES_OK && libpq.PQntuples(result) == 1 &&
			strcmp(libpq.PQgetvalue(result, 0, 0), "t") == 0;

	libpq.PQclear(result);
	return is_there;
}

static void pgsql_rollback(struct sql *sql)
{
	if (libpq.PQtransactionStatus(sql->connection) != PQTRANS_IDLE)
		libpq.PQclear(libpq.PQexec(sql->connection, "ROLLBACK"));
}

/* Before there are tables their making is what has to be one at a time. */
static int pgsql_begin(struct sql *sql)
{
	int result = pgsql_execute(sql, "BEGIN");

	if (result < 0)
		return result;
	sql->has_tables = sql->has_tables || has_tables(sql);
	result = pgsql_execute(sql, sql->has_tables ? "SELECT value FROM meta WHERE name = 'change' FOR UPDATE" :
						      "SELECT pg_advisory_xact_lock(1265583201)");
	if (result < 0)
		pgsql_rollback(sql);
	return result;
}

/* A transaction that had failed before is "committed" by rolling it back. */
static int pgsql_commit(struct sql *sql)
{
	char tag[32];
	int result = execute(sql, "COMMIT", tag);

	if (result == 0 && strcmp(tag, "COMMIT") != 0) {
		pgsql_keep_words(sql, "the transaction had failed");
		result = -EIO;
	}
	if (result < 0)
		pgsql_rollback(sql);
	return result;
}

static int prepare(struct sql *sql, enum form form, unsigned slot, const char *text, char name[static 16])
{
	snprintf(name, 16, "%c%u", form == FORM_MANY ? 'm' : 's', slot);
	if (sql->is_prepared[form][slot])
		return 0;
	PGresult *result = libpq.PQprepare(sql->connection, name, text, 0, NULL);
	int error = libpq.PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : pgsql_fail(sql, result);
	libpq.PQclear(result);
	sql->is_prepared[form][slot] = error == 0;
	return error;
}

static int put_params(struct sql *sql, const struct sql_value *params, size_t count, const char **texts)
{
	arena_reset(sql->arena);
	for (size_t i = 0; i < count; i++) {
		struct span text = SPAN_NONE;
		texts[i] = NULL;
		if (params[i].kind == SQL_NULL)
			continue;
		if (params[i].kind == SQL_NUMBER)
			text = arena_printf(sql->arena, "%lld", (long long)params[i].number);
		else
			text = arena_copy(sql->arena, params[i].text);
		if (!text.ptr) {
			pgsql_keep_words(sql, "out of memory");
			return -ENOMEM;
		}
		texts[i] = text.ptr;
	}
	return 0;
}

static void read_row(const PGresult *result, struct sql_value *columns, int count)
{
	for (int i = 0; i < count; i++) {
		Oid type = libpq.PQftype(result, i);
		const char *text = libpq.PQgetvalue(result, 0, i);
		if (libpq.PQgetisnull(result, 0, i))
			columns[i] = sql_text(SPAN_NONE);
		else if (type == OID_INT8 || type == OID_INT4 || type == OID_INT2)
			columns[i] = sql_number(strtoll(text, NULL, 10));
		else
			columns[i] = sql_text(span_make(text, (size_t)libpq.PQgetlength(result, 0, i)));
	}
}

/* One result of a row each; after a stop the rest is cancelled and passed over. */
int pgsql_take_results(struct sql *sql, sql_visit *visit, void *data)
{
	struct sql_value columns[SQL_PARAMS_MAX];
	bool is_stopped = false;
	int rows = 0, error = 0;
	PGresult *result;

	while ((result = libpq.PQgetResult(sql->connection))) {
		ExecStatusType status = libpq.PQresultStatus(result);
		int count = libpq.PQnfields(result);
		if (status == PGRES_SINGLE_TUPLE && !is_stopped && count <= SQL_PARAMS_MAX) {
			rows += rows < INT_MAX;
			if (visit) {
				read_row(result, columns, count);
				is_stopped = !visit(data, columns, (size_t)count);
			}
		} else if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !is_stopped) {
			error = pgsql_fail(sql, result);
		}
		libpq.PQclear(result);
	}
	return error < 0 ? error : rows;
}

static int pgsql_run(struct sql *sql, unsigned slot, const char *text, const struct sql_value *params, size_t count,
		     sql_visit *visit, void *data)
{
	const char *texts[SQL_PARAMS_MAX];
	char name[16];
	int result = count <= SQL_PARAMS_MAX ? prepare(sql, FORM_ONE, slot, text, name) : -EINVAL;

	if (result == 0)
		result = put_params(sql, params, count, texts);
	if (result < 0)
		return result;
	if (!libpq.PQsendQueryPrepared(sql->connection, name, (int)count, texts, NULL, NULL, 0))
		return pgsql_fail(sql, NULL);
	libpq.PQsetSingleRowMode(sql->connection);
	return pgsql_take_results(sql, visit, data);
}

/* The server's own word; false: of a type that is none of ours. */
static bool get_types(struct sql *sql, const char *name, size_t count, const char **types)
{
	PGresult *result = libpq.PQdescribePrepared(sql->connection, name);
	bool are_known = libpq.PQresultStatus(result) == PGRES_COMMAND_OK && libpq.PQnparams(result) == (int)count;

	for (size_t i = 0; i < count && are_known; i++) {
		Oid type = libpq.PQparamtype(result, (int)i);
		types[i] = type == OID_INT8 ? "bigint" : "text";
		are_known = type == OID_INT8 || type == OID_TEXT;
	}
	libpq.PQclear(result);
	return are_known;
}

/* 1: there is no such form of it. */
static int prepare_many(struct sql *sql, unsigned slot, const char *text, size_t count, char name[static 16])
{
	const char *types[SQL_PARAMS_MAX];
	struct buffer many;
	int result = count <= SQL_PARAMS_MAX ? prepare(sql, FORM_ONE, slot, text, name) : -EINVAL;

	if (result < 0 || sql->is_prepared[FORM_MANY][slot])
		return result < 0 ? result : prepare(sql, FORM_MANY, slot, text, name);
	buffer_init(&many, 16 * 1024);
	result = 1;
	if (get_types(sql, name, count, types) && arrays_make_statement(span_of(text), types, count, &many))
		result = prepare(sql, FORM_MANY, slot, buffer_get_text(&many), name);
	buffer_done(&many);
	return result;
}

struct nth_visit {
	sql_visit_nth *visit;
	void *data;
	size_t times;
};

static bool visit_nth(void *data, const struct sql_value *columns, size_t count)
{
	const struct nth_visit *visitor = data;

	if (count && columns[0].number > 0 && (uint64_t)columns[0].number <= visitor->times)
		visitor->visit(visitor->data, (size_t)columns[0].number - 1, columns + 1, count - 1);
	return true;
}

static int pgsql_run_many(struct sql *sql, unsigned slot, const char *text, const struct sql_value *params, size_t count, size_t times,
			  sql_visit_nth *visit, void *data)
{
	struct nth_visit visitor = { visit, data, times };
	const char *texts[SQL_PARAMS_MAX];
	char name[16];
	int result = prepare_many(sql, slot, text, count, name);

	if (result != 0)
		return result;
	arena_reset(sql->arena);
	for (size_t i = 0; i < count; i++) {
		texts[i] = arrays_format(sql->arena, params + i, count, times);
		if (!texts[i]) {
			pgsql_keep_words(sql, "out of memory");
			return -ENOMEM;
		}
	}
	if (!libpq.PQsendQueryPrepared(sql->connection, name, (int)count, texts, NULL, NULL, 0))
		return pgsql_fail(sql, NULL);
	libpq.PQsetSingleRowMode(sql->connection);
	result = pgsql_take_results(sql, visit ? visit_nth : NULL, &visitor);
	return result < 0 ? result : 0;
}

static const char *pgsql_get_error(const struct sql *sql)
{
	return sql->error;
}

/* Behind the commit, not in it: an engine that speaks PostgreSQL but has no NOTIFY would lose the transaction by it. */
static void pgsql_notify(struct sql *sql)
{
	char error[sizeof(sql->error)];

	if (sql->has_no_notify)
		return;
	memcpy(error, sql->error, sizeof(error));
	sql->has_no_notify = pgsql_execute(sql, "NOTIFY kodama_changes") < 0;
	memcpy(sql->error, error, sizeof(error));
}

static int pgsql_watch(struct sql *sql)
{
	return pgsql_execute(sql, "LISTEN kodama_changes") < 0 ? -1 : libpq.PQsocket(sql->connection);
}

static void pgsql_take_wakeup(struct sql *sql)
{
	PGnotify *notice;

	/* a connection that broke is found out by the next question */
	(void)!libpq.PQconsumeInput(sql->connection);
	while ((notice = libpq.PQnotifies(sql->connection)))
		libpq.PQfreemem(notice);
}

const struct sql_driver pgsql_driver = {
	.scheme = "postgresql:",
	.id_type = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
	.hash_type = "BIGINT PRIMARY KEY",
	.key_type = "TEXT COLLATE \"C\"",
	.clustered = "",
	.open = pgsql_open,
	.close = pgsql_close,
	.execute = pgsql_execute,
	.begin = pgsql_begin,
	.commit = pgsql_commit,
	.rollback = pgsql_rollback,
	.run = pgsql_run,
	.run_many = pgsql_run_many,
	.insert_new = pgsql_insert_new,
	.list_pairs = pgsql_list_pairs,
	.get_error = pgsql_get_error,
	.notify = pgsql_notify,
	.watch = pgsql_watch,
	.take_wakeup = pgsql_take_wakeup,
};
