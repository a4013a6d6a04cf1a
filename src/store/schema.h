/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables, from version to version.  What was released is never edited: a change is a new row of the list. */
#ifndef KODAMA_STORE_SCHEMA_H
#define KODAMA_STORE_SCHEMA_H

#include "base/siphash.h"
#include "store/sql.h"

/* The version that this program works on: the number of migrations it knows. */
extern const unsigned schema_version;

/*
 * Brings a database to this version; -EINVAL when it is newer (or fit for no reading), with a sentence in ret_error.  *ret_is_new: it held
 * nothing, and the tables were made here.
 */
int schema_migrate(const struct sql_driver *driver, struct sql *sql, bool is_read_only, bool *ret_is_new, char *ret_error, size_t size)
	__attribute__((warn_unused_result));

/* The key under which the database keeps hashes of addresses; -errno, -EIO when it is damaged. */
int schema_get_index_key(const struct sql_driver *driver, struct sql *sql, struct siphash_key *ret_key) __attribute__((warn_unused_result));

#endif
