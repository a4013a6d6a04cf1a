/* SPDX-License-Identifier: BSD-2-Clause */
/* A file that was compressed by gzip, read as what it was before.  Damaged input ends it.  One thread at a time. */
#ifndef KODAMA_INTAKE_GZIP_H
#define KODAMA_INTAKE_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct gzip;

#define GZIP_SUFFIX ".gz"

/* By its first bytes: is it one? */
bool gzip_is(int fd);

/* fd stays the caller's; nobody else moves its offset meanwhile.  -EINVAL: this is none.  -ENOMEM. */
int gzip_open(int fd, struct gzip **ret_gzip) __attribute__((warn_unused_result));
void gzip_close(struct gzip *gzip);

/* Up to `size` bytes from there on; going back begins anew, so read forward.  0: behind the end.  -EIO: it is damaged. */
ssize_t gzip_read(struct gzip *gzip, void *to, size_t size, uint64_t offset) __attribute__((warn_unused_result));

/* How long it says that it was, modulo 4 GiB; 0 where it cannot be asked. */
uint64_t gzip_get_size(int fd);

#endif
