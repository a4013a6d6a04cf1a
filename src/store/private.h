/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the store share with each other and with nobody else. */
#ifndef KODAMA_STORE_PRIVATE_H
#define KODAMA_STORE_PRIVATE_H

#include "store/sql.h"
#include "store/statements.h"
#include "store/store.h"

/* The last changes that this handle made, as the index has them: their numbers follow each other. */
enum { OWN_CHANGES_MAX = 16 * 1024 };
struct own_changes {
	int64_t first;            /* number of items[0] */
	size_t count, committed;
	struct own_change { uint64_t hash, value; } *items;
};

struct store {
	const struct sql_driver *driver;
	struct sql *sql;
	int64_t retention_s;
	bool is_in_transaction;
	bool has_changed;        /* since the owner asked last */
	bool is_change_open;     /* in this transaction */
	int64_t drawn, change;   /* in this transaction: the number as the table has it, and the last one that was used */
	struct own_changes own;
	struct siphash_key index_key;
	char error[600];
};

/* Further rows of an address beside enum origin, from this number on: its evidence as it stood before a success (past.h). */
enum { ORIGIN_BEFORE = 2 };

/* Rows visited or negative errno, with the reason kept. */
int store_run(struct store *store, enum statement id, const struct sql_value *params, size_t count, sql_visit *visit, void *data)
	__attribute__((warn_unused_result));

/* The same statement `times` times over, the parameters of one after those of the other.  0 or negative errno. */
int store_run_many(struct store *store, enum statement id, const struct sql_value *params, size_t count, size_t times, sql_visit_nth *visit,
		   void *data) __attribute__((warn_unused_result));

/* The same of an INSERT whose rows are most likely not there yet. */
int store_insert_new(struct store *store, enum statement id, const struct sql_value *params, size_t count, size_t times)
	__attribute__((warn_unused_result));

/* Begins unless a transaction is open; ends it in the same way. */
struct store_scope {
	bool is_own;
};
int store_enter(struct store *store, struct store_scope *ret_scope) __attribute__((warn_unused_result));
int store_leave(struct store *store, struct store_scope scope, int result) __attribute__((warn_unused_result));

int store_audit(struct store *store, struct span by, const char *what, struct span address, struct span stream, struct span note,
		int64_t until_s, int64_t now_s) __attribute__((warn_unused_result));

/* Numbers a change of what is enforced for the address. */
int store_mark_change(struct store *store, struct span address, struct span stream, int64_t now_s) __attribute__((warn_unused_result));
/*
 * The same for many addresses (of which none is there twice), each with what is in force for it from now on.  are_new: those
 * against which nothing stood before; NULL: none is known to be.  values: room for CHANGE_COLUMN_COUNT of them a row.
 */
enum { CHANGE_COLUMN_COUNT = 4 };
int store_mark_changes(struct store *store, const struct suppression *rows, const bool *are_new, size_t count, struct sql_value *values, int64_t now_s)
	__attribute__((warn_unused_result));
/* At the end of a transaction: those that it made are there, or never were. */
void own_changes_end(struct own_changes *own, bool is_committed);

/* What is in force, of the columns max(origin), min(since_s), max(until_s), max(class). */
void enforced_read(const struct sql_value *columns, struct suppression *row);

/* The rows' columns in the order of STATE_COLUMNS. */
enum { STATE_COLUMN_COUNT = 15 };
void state_read(const struct sql_value *columns, struct suppression *row, struct tally tallies[static HISTORY_TALLIES]);

/* Tallies as one text: "count first last section" a line. */
enum { TALLIES_SIZE = HISTORY_TALLIES * (SECTION_NAME_SIZE + 60) };
size_t tallies_parse(struct span text, struct tally tallies[static HISTORY_TALLIES]);
struct span tallies_format(const struct history *history, char text[static TALLIES_SIZE]);

#endif
