/* SPDX-License-Identifier: BSD-2-Clause */
/* The table `keys`: what a fleet signs with.  One thread at a time, the handle's. */
#ifndef KODAMA_STORE_KEYTABLE_H
#define KODAMA_STORE_KEYTABLE_H

#include "store/keyfile.h"
#include "store/store.h"

int keytable_read(struct store *store, struct key_records *ret_records) __attribute__((warn_unused_result));

/* In one transaction.  is_new: only where there are no keys yet, else -EEXIST. */
int keytable_change_all(struct store *store, bool is_new, keyfile_change *change, void *data) __attribute__((warn_unused_result));

#endif
