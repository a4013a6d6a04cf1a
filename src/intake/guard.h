/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tells at once when owner, mode, access list or number of names of a file changes, or any of it, or the place, of a folder above it:
 * whoever asks for it only now and then (trust.h) would not see what was changed back meanwhile.  One thread at a time.
 */
#ifndef KODAMA_INTAKE_GUARD_H
#define KODAMA_INTAKE_GUARD_H

#include <stdbool.h>

struct guard;

struct guard *guard_new(void); /* NULL where the system cannot tell, or out of memory */
void guard_free(struct guard *guard);

/* Readable when something may have changed. */
int guard_get_fd(const struct guard *guard);

/* From now on this file, which has been opened by that absolute name; what was guarded before is no more. */
void guard_set(struct guard *guard, int fd, const char *path);

/* Are the file and all folders above it watched?  Not those that we may not read, for one. */
bool guard_is_whole(const struct guard *guard);

/* Takes what made it readable.  True: look at what is guarded, and guard_set it again, since it may lie elsewhere now. */
bool guard_take(struct guard *guard) __attribute__((warn_unused_result));

#endif
