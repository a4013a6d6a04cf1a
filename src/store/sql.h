/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The little of SQL that the store needs: a connection that runs numbered statements with parameters bound, never
 * spliced.  One driver per backend; what stands above it (store.c and its kin) is the same for all.
 * A connection belongs to one thread.
 */
#ifndef KODAMA_STORE_SQL_H
#define KODAMA_STORE_SQL_H

#include "base/span.h"

struct store_options;

enum sql_kind { SQL_NULL, SQL_NUMBER, SQL_TEXT };

struct sql_value {
	enum sql_kind kind;
	int64_t number;
	struct span text; /* of a result: borrowed for the visit */
};

static inline struct sql_value sql_number(int64_t number)
{
	return (struct sql_value){ SQL_NUMBER, number, SPAN_NONE };
}

/* Unknown is NULL. */
static inline struct sql_value sql_text(struct span text)
{
	return (struct sql_value){ text.ptr ? SQL_TEXT : SQL_NULL, 0, text };
}

/* One row; false stops. */
typedef bool sql_visit(void *data, const struct sql_value *columns, size_t count);

/* A row of the nth of many. */
typedef void sql_visit_nth(void *data, size_t nth, const struct sql_value *columns, size_t count);

struct sql;

struct sql_driver {
	const char *scheme;        /* "sqlite:": how the URI begins */
	bool is_place_shown;       /* in what goes wrong: what stands behind the scheme is no secret */
	const char *id_type;       /* of a primary key that numbers itself */
	const char *hash_type;     /* of a primary key of 64 bits, the quickest to read through */
	const char *key_type;      /* of a text that is looked for: compared byte by byte, whatever the database's language */
	const char *clustered;     /* what makes a table its own index, after the closing bracket */
	int (*open)(const struct store_options *options, const char *place, struct sql **ret_sql, char *ret_error, size_t size);
	void (*close)(struct sql *sql);
	/* Was it there when it was opened, and nothing in it?  NULL where that cannot be. */
	bool (*was_emptied)(const struct sql *sql);
	/* Statements without parameters, several with ";". */
	int (*execute)(struct sql *sql, const char *script);
	/* Is what it works on still what its place names?  0, or negative errno with the reason; NULL: it cannot be anything else. */
	int (*check)(struct sql *sql);
	/* Takes the one lock under which changes are numbered; -EBUSY after the options' wait. */
	int (*begin)(struct sql *sql);
	int (*commit)(struct sql *sql);
	void (*rollback)(struct sql *sql);
	/* `slot` names `text` for good: it is prepared once.  Rows visited, negative errno. */
	int (*run)(struct sql *sql, unsigned slot, const char *text, const struct sql_value *params, size_t count,
		   sql_visit *visit, void *data);
	/*
	 * The same statement `times` times over, as one; NULL where that saves nothing.  What is inserted has no key twice.  0 or negative errno;
	 * 1: not this statement, it has to be run so many times.
	 */
	int (*run_many)(struct sql *sql, unsigned slot, const char *text, const struct sql_value *params, size_t count, size_t times,
			sql_visit_nth *visit, void *data);
	/*
	 * Inserts many rows by the quickest way there is, where most likely none of them is there yet (what ON CONFLICT says has
	 * not to be done); NULL where that saves nothing.  0 or negative errno; 1: nothing was done, by this way it cannot be.
	 */
	int (*insert_new)(struct sql *sql, const char *text, const struct sql_value *params, size_t count, size_t times);
	/* Every row of a table's two columns of 64 bits, the quickest way there is; visit returns false to stop. */
	int (*list_pairs)(struct sql *sql, const char *table, const char *first, const char *second,
			  bool (*visit)(void *data, uint64_t first, uint64_t second), void *data);
	const char *(*get_error)(const struct sql *sql);
	/* Wake-ups between connections; all three may be NULL.  notify: never in a transaction, and its failure is none. */
	void (*notify)(struct sql *sql);
	int (*watch)(struct sql *sql); /* a descriptor that becomes readable, -1: none */
	void (*take_wakeup)(struct sql *sql);
};

enum { SQL_PARAMS_MAX = 40, SQL_SLOTS = 96 };

extern const struct sql_driver sqlite_driver;
extern const struct sql_driver pgsql_driver; /* where libpq is there */

#endif
