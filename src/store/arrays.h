/* SPDX-License-Identifier: BSD-2-Clause */
/* A statement for one row of parameters as one for many of them, in PostgreSQL's SQL: by arrays, or by COPY.  Pure. */
#ifndef KODAMA_STORE_ARRAYS_H
#define KODAMA_STORE_ARRAYS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "store/sql.h"

/*
 * types: of each parameter, "bigint".  "INSERT INTO t(a, b) VALUES($1, $2) ..." inserts all in one, "DELETE FROM t WHERE a = $1"
 * deletes all; the rows of a SELECT come with the number of the parameters' row, from 1, before their columns.  False: it is none
 * of them, or has parameters elsewhere.
 */
bool arrays_make_statement(struct span statement, const char *const *types, size_t count, struct buffer *ret_text) __attribute__((warn_unused_result));

/* "INSERT INTO t(a, b) VALUES(...) ..." as "COPY t(a, b) FROM STDIN", added to the text.  False: it is no such statement. */
bool arrays_make_copy(struct span statement, struct buffer *text) __attribute__((warn_unused_result));

/* `times` rows of `count` values as COPY reads them: a line each, TABs between, "\\N" for what is unknown.  SPAN_NONE: out of memory. */
struct span arrays_format_copy(struct arena *arena, const struct sql_value *values, size_t count, size_t times) __attribute__((warn_unused_result));

/* Of `times` values, each `step` behind the one before: "{1,NULL,\"text\"}".  NULL: out of memory. */
const char *arrays_format(struct arena *arena, const struct sql_value *values, size_t step, size_t times) __attribute__((warn_unused_result));

#endif
