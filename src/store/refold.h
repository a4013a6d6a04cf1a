/* SPDX-License-Identifier: BSD-2-Clause */
/* When the rule of folding addresses changes: rows that the old rule wrote are moved to what the new one makes of them. */
#ifndef KODAMA_STORE_REFOLD_H
#define KODAMA_STORE_REFOLD_H

#include "store/sql.h"

/*
 * Within a transaction.  Where two addresses become one, the state that lasts longer stays; histories are joined.  What is
 * no address any more stays as it is.  The table of what is in force and the changes are empty afterwards: the caller
 * fills the one, readers fill theirs anew.  -errno.
 */
int refold_addresses(const struct sql_driver *driver, struct sql *sql) __attribute__((warn_unused_result));

#endif
