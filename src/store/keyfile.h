/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of the keys that sign tokens: for its owner's eyes, written whole or not at all.  Any thread. */
#ifndef KODAMA_STORE_KEYFILE_H
#define KODAMA_STORE_KEYFILE_H

#include "base/complaint.h"
#include "base/keyring.h"

/*
 * -ENOENT there is none (no complaint); else negative with *complaint: a link, not a file, open to group or others, of
 * somebody else, or no key file.
 */
int keyfile_read(const char *path, struct key_records *ret_records, struct complaint *complaint) __attribute__((warn_unused_result));

/* Reads, lets `change` change, and writes; one process after the other.  is_new: only where there is no file yet, else -EEXIST. */
typedef int keyfile_change(void *data, struct key_records *records);
int keyfile_change_all(const char *path, bool is_new, keyfile_change *change, void *data, struct complaint *complaint)
	__attribute__((warn_unused_result));

#endif
