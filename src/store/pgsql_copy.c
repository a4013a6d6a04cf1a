/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * COPY, PostgreSQL's quickest way for many rows, in and out.  An engine that speaks PostgreSQL may have none: then the same is asked for by
 * statements.
 */
#include "store/pgsql_private.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>

#include "store/arrays.h"

/* Why did it fail?  Of the two that may be set right by going another way: a row is there, or the engine has no such COPY. */
static bool is_way_at_fault(struct sql *sql, const PGresult *result)
{
	const char *state = libpq.PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (!state)
		return false;
	/* the words of a COPY that is not known, not to be had here, or not of this table */
	if (span_has_prefix(span_of(state), SPAN_LIT("0A")) || span_has_prefix(span_of(state), SPAN_LIT("42")))
		sql->has_no_copy = true;
	return sql->has_no_copy || strcmp(state, "23505") == 0;
}

/* To the last result.  1: not by COPY. */
static int end_copy(struct sql *sql, int result)
{
	bool is_open = true;
	PGresult *answer;

	/* where its end could not be said, each answer is that it wants more */
	while (is_open && (answer = libpq.PQgetResult(sql->connection))) {
		is_open = libpq.PQresultStatus(answer) != PGRES_COPY_IN;
		if (libpq.PQresultStatus(answer) != PGRES_COMMAND_OK && result == 0)
			result = is_way_at_fault(sql, answer) ? 1 : pgsql_fail(sql, answer);
		libpq.PQclear(answer);
	}
	return result;
}

enum { CHUNK_ROWS = 256 };

static int send_rows(struct sql *sql, const struct sql_value *params, size_t count, size_t times)
{
	int result = 0;

	for (size_t at = 0; at < times && result == 0; at += CHUNK_ROWS) {
		size_t rows = times - at < CHUNK_ROWS ? times - at : CHUNK_ROWS;
		arena_reset(sql->arena);
		struct span text = arrays_format_copy(sql->arena, params + at * count, count, rows);
		if (!text.ptr)
			pgsql_keep_words(sql, "out of memory");
		result = !text.ptr ? -ENOMEM : libpq.PQputCopyData(sql->connection, text.ptr, (int)text.len) == 1 ? 0 : pgsql_fail(sql, NULL);
	}
	if (libpq.PQputCopyEnd(sql->connection, result < 0 ? "given up" : NULL) != 1 && result == 0)
		result = pgsql_fail(sql, NULL);
	return result;
}

/*
 * Behind a savepoint: what fails ends a transaction otherwise.  That is a question of its own, for CockroachDB takes no COPY
 * beside another statement.
 */
static int copy_rows(struct sql *sql, const char *copy, const struct sql_value *params, size_t count, size_t times)
{
	int result = pgsql_execute(sql, "SAVEPOINT kodama_copy");

	if (result < 0)
		return result;
	PGresult *begun = libpq.PQexec(sql->connection, copy);
	if (libpq.PQresultStatus(begun) == PGRES_COPY_IN)
		result = end_copy(sql, send_rows(sql, params, count, times));
	else
		result = is_way_at_fault(sql, begun) ? 1 : pgsql_fail(sql, begun);
	libpq.PQclear(begun);
	if (result < 0)
		return result;
	int ended = pgsql_execute(sql, result == 0 ? "RELEASE SAVEPOINT kodama_copy" : "ROLLBACK TO SAVEPOINT kodama_copy");
	return ended < 0 ? ended : result;
}

int pgsql_insert_new(struct sql *sql, const char *text, const struct sql_value *params, size_t count, size_t times)
{
	struct buffer copy;
	int result = 1;

	if (sql->has_no_copy)
		return 1;
	buffer_init(&copy, 4096);
	if (arrays_make_copy(span_of(text), &copy))
		result = copy_rows(sql, buffer_get_text(&copy), params, count, times);
	buffer_done(&copy);
	return result;
}

/* A tuple of COPY in binary: the number of fields, then each one's length and bytes; everything the network's way round. */
enum { COPY_HEAD = 19, COPY_TUPLE = 2 + 4 + 8 + 4 + 8 };

static bool read_pair(const char *row, int size, uint64_t pair[static 2])
{
	static const char head[] = { 0, 2, 0, 0, 0, 8 };

	if (size != COPY_TUPLE || memcmp(row, head, sizeof(head)) != 0 || memcmp(row + 14, head + 2, 4) != 0)
		return false;
	memcpy(&pair[0], row + 6, 8);
	memcpy(&pair[1], row + 18, 8);
	pair[0] = be64toh(pair[0]);
	pair[1] = be64toh(pair[1]);
	return true;
}

/* What is there after a stop is read and passed over: the server is told, and sends little more. */
static void cancel(struct sql *sql)
{
	PGcancel *request = libpq.PQgetCancel(sql->connection);
	char why[256];

	if (request)
		(void)!libpq.PQcancel(request, why, sizeof(why));
	libpq.PQfreeCancel(request);
}

static int take_copy(struct sql *sql, bool (*visit)(void *data, uint64_t first, uint64_t second), void *data)
{
	bool is_first = true, is_stopped = false, is_other = false;
	uint64_t pair[2];
	char *row;
	int size;

	while ((size = libpq.PQgetCopyData(sql->connection, &row, 0)) > 0) {
		/* the first one brings the head with it, the last one is the mark of the end: 2 bytes */
		int skipped = is_first && size >= COPY_HEAD ? COPY_HEAD : 0;
		bool is_pair = read_pair(row + skipped, size - skipped, pair);
		bool is_end = size - skipped <= 2;
		libpq.PQfreemem(row);
		is_first = false;
		if (is_stopped || is_other || (!is_pair && is_end))
			continue;
		is_other = !is_pair;
		is_stopped = is_pair && !visit(data, pair[0], pair[1]);
		if (is_stopped)
			cancel(sql);
	}
	int rows = pgsql_take_results(sql, NULL, NULL);
	if (is_stopped)
		return 0;
	if (is_other) {
		pgsql_keep_words(sql, "COPY in a form that is not known");
		return -EIO;
	}
	return rows < 0 ? rows : 0;
}

struct pair_visit {
	bool (*visit)(void *data, uint64_t first, uint64_t second);
	void *data;
};

static bool visit_pair(void *data, const struct sql_value *columns, size_t count)
{
	const struct pair_visit *visitor = data;

	(void)count;
	return visitor->visit(visitor->data, (uint64_t)columns[0].number, (uint64_t)columns[1].number);
}

/* For an engine that speaks PostgreSQL, but has no COPY in binary. */
static int select_pairs(struct sql *sql, const char *select, bool (*visit)(void *data, uint64_t first, uint64_t second), void *data)
{
	struct pair_visit visitor = { visit, data };

	if (!libpq.PQsendQuery(sql->connection, select))
		return pgsql_fail(sql, NULL);
	libpq.PQsetSingleRowMode(sql->connection);
	int rows = pgsql_take_results(sql, visit_pair, &visitor);
	return rows < 0 ? rows : 0;
}

int pgsql_list_pairs(struct sql *sql, const char *table, const char *first, const char *second,
			    bool (*visit)(void *data, uint64_t first, uint64_t second), void *data)
{
	char text[200];

	snprintf(text, sizeof(text), "COPY %s(%s, %s) TO STDOUT (FORMAT binary)", table, first, second);
	PGresult *result = libpq.PQexec(sql->connection, text);
	bool is_copy = libpq.PQresultStatus(result) == PGRES_COPY_OUT;
	libpq.PQclear(result);
	if (is_copy)
		return take_copy(sql, visit, data);
	if (libpq.PQstatus(sql->connection) != CONNECTION_OK)
		return pgsql_fail(sql, NULL);
	snprintf(text, sizeof(text), "SELECT %s, %s FROM %s", first, second, table);
	return select_pairs(sql, text, visit, data);
}
