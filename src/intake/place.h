/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A place in a file that others write, rename, copy and truncate: the inode, how far it was read, and a fingerprint of
 * its first bytes, by which the file is known again when its inode has been given to another.  Any thread.
 */
#ifndef KODAMA_INTAKE_PLACE_H
#define KODAMA_INTAKE_PLACE_H

#include "base/span.h"

enum { PLACE_HEAD_MAX = 256, PLACE_TEXT_SIZE = 160 };

struct place {
	uint64_t inode;
	uint64_t offset;     /* of the first byte not read, the begin of a line */
	uint64_t hash;       /* of the first head_len bytes */
	unsigned head_len;   /* 0: the file was empty */
	int64_t written_ns;  /* when the file was last written to, as far as was seen */
	uint64_t distrusted; /* inode of the log that others could write into, until the log is another file; 0: of none */
};

/* As one line of text; returns it. */
const char *place_format(const struct place *place, char text[static PLACE_TEXT_SIZE]);

/* -EINVAL: not of that form; *ret_place untouched. */
int place_parse(struct span text, struct place *ret_place) __attribute__((warn_unused_result));

struct stat;
int64_t place_get_written_ns(const struct stat *info);

uint64_t place_hash(struct span head);

/* Does the open file begin with what the place remembers, and reach as far?  Always true for a head of 0 bytes. */
bool place_is_in(const struct place *place, int fd);

#endif
