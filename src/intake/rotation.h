/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that log rotation leaves beside a log: renamed, copied, compressed.  Which one is it that was being
 * read, which one came before, which one after?  Any thread; the names are whoever's who may write to the folder.
 */
#ifndef KODAMA_INTAKE_ROTATION_H
#define KODAMA_INTAKE_ROTATION_H

#include <limits.h>
#include <sys/stat.h>

#include "intake/place.h"

/* A log's name, and what it consists of. */
struct rotation {
	char *path, *folder, *base;
};

/* path: absolute; copied.  -ENOMEM: what there is, rotation_done frees. */
int rotation_init(struct rotation *rotation, const char *path) __attribute__((warn_unused_result));
void rotation_done(struct rotation *rotation);

/* A file that was found, open; the descriptor is the caller's. */
struct rotated {
	int fd;
	struct stat info;
	char path[PATH_MAX];
};

/* How long it was before it was compressed; for that an archive is read to its end. */
uint64_t rotated_get_size(const struct rotated *rotated);

/* A regular file, no link, to be read: the descriptor or -errno. */
int rotation_open_file(const char *path) __attribute__((warn_unused_result));

/* By its name: one that is compressed, and that we can read. */
bool rotation_is_archive(const char *path);

/*
 * The file that a place is in, else a copy of that file; the log itself only where may_be_path.  In all of these: false when
 * there is none, *ret_rotated untouched.
 */
bool rotation_find_place(const struct rotation *rotation, const struct place *place, bool may_be_path, struct rotated *ret_rotated)
	__attribute__((warn_unused_result));

/* Of those that were written before a file, the newest. */
bool rotation_find_before(const struct rotation *rotation, uint64_t inode, int64_t written_ns, struct rotated *ret_rotated)
	__attribute__((warn_unused_result));

/* Of those that were written after a file, the oldest; left: the place in that file, by which its own archive is known. */
bool rotation_find_after(const struct rotation *rotation, uint64_t inode, int64_t written_ns, const struct place *left,
			 struct rotated *ret_rotated) __attribute__((warn_unused_result));

#endif
