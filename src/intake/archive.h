/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file that was compressed (codec.h has the ways), read as what it was before.  Constant memory, and no more than ARCHIVE_MAX bytes of
 * it; damaged input ends it.  One thread at a time.
 */
#ifndef KODAMA_INTAKE_ARCHIVE_H
#define KODAMA_INTAKE_ARCHIVE_H

#include <sys/types.h>

#include "base/span.h"

/* What is longer when it is read is no log, but made to keep us busy. */
#define ARCHIVE_MAX (UINT64_C(64) << 30)

struct archive;

/* By the end of its name: is it one that can be read? */
bool archive_is_name(struct span name);
/* The name without that end. */
struct span archive_get_plain_name(struct span name);
/* By the first bytes, too. */
bool archive_is(int fd, const char *path);

/* fd stays the caller's, open as long as this is.  -EINVAL: this is none.  -ENOSYS: the library is not there.  -ENOMEM. */
int archive_open(int fd, const char *path, struct archive **ret_archive) __attribute__((warn_unused_result));
void archive_close(struct archive *archive);

/* Up to `size` bytes from there on; going back begins anew, so read forward.  0: behind the end.  -EIO: it is damaged. */
ssize_t archive_read(struct archive *archive, void *to, size_t size, uint64_t offset) __attribute__((warn_unused_result));

/* How long it was, as far as it can be read; reads all of it. */
uint64_t archive_get_size(int fd, const char *path);

#endif
