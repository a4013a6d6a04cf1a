/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways in which a log that has been rotated is compressed: gzip, bzip2, xz, zstd.  One row a way, each with a library that is
 * loaded with the first such file, since most daemons never meet one.  One thread at a time.
 */
#ifndef KODAMA_INTAKE_CODEC_H
#define KODAMA_INTAKE_CODEC_H

#include "base/span.h"

/* Both move on as their bytes are taken and made. */
struct codec_data {
	const unsigned char *in;
	size_t in_len;
	unsigned char *out;
	size_t out_room;
};

struct codec {
	struct span suffix; /* ".gz" */
	struct span magic;  /* what such a file begins with */
	/* Of one member of a file.  NULL: no memory. */
	void *(*begin)(void);
	/* 0: there is more, when there is more room or input.  1: the member ends here.  -EIO: it is damaged, or wants too much memory. */
	int (*step)(void *decoder, struct codec_data *data);
	void (*end)(void *decoder);
};

/* By the end of a file's name; NULL: none of them, or one that this build does without. */
const struct codec *codec_find(struct span name);

/* Its library; false: it is not there, which is logged once. */
bool codec_load(const struct codec *codec) __attribute__((warn_unused_result));

#endif
