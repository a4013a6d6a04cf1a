/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the backend for PostgreSQL share: the connection. */
#ifndef KODAMA_STORE_PGSQL_PRIVATE_H
#define KODAMA_STORE_PGSQL_PRIVATE_H

#include "base/arena.h"
#include "store/libpq.h"
#include "store/sql.h"

/* A statement is prepared as it is; one that is run many times over also as one of arrays. */
enum form { FORM_ONE, FORM_MANY, FORMS };

struct sql {
	PGconn *connection;
	bool is_prepared[FORMS][SQL_SLOTS];
	bool has_tables;
	bool has_no_notify, has_no_copy; /* what an engine that speaks PostgreSQL may lack */
	struct arena *arena;
	char error[512];
};

/* libpq's words are several lines; the first one says it. */
void pgsql_keep_words(struct sql *sql, const char *words);

/* Keeps the reason: negative errno. */
int pgsql_fail(struct sql *sql, const PGresult *result);

int pgsql_execute(struct sql *sql, const char *script) __attribute__((warn_unused_result));

/* One result of a row each, to the last of them; after a stop the rest is passed over.  Rows or negative errno. */
int pgsql_take_results(struct sql *sql, sql_visit *visit, void *data) __attribute__((warn_unused_result));

/* In pgsql_copy.c, as in sql.h. */
int pgsql_insert_new(struct sql *sql, const char *text, const struct sql_value *params, size_t count, size_t times) __attribute__((warn_unused_result));
int pgsql_list_pairs(struct sql *sql, const char *table, const char *first, const char *second,
		     bool (*visit)(void *data, uint64_t first, uint64_t second), void *data) __attribute__((warn_unused_result));

#endif
