/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The message on its way to the daemon: one netstring, too long to be kept whole, read as it comes.
 * Pure; any thread; the input is hostile.
 */
#ifndef KODAMA_INTAKE_INGEST_FRAME_H
#define KODAMA_INTAKE_INGEST_FRAME_H

#include "base/span.h"

enum { INGEST_MESSAGE_MAX = 64 << 20 };

/* Zeroed at first. */
struct ingest_frame {
	enum { FRAME_LENGTH, FRAME_CONTENT, FRAME_COMMA, FRAME_END } state;
	unsigned digits;
	size_t left; /* of the content; while the length is read, the length so far */
};

/*
 * The next bytes; what of them is the message goes to *ret_content, borrowed from `input`.  0: more must come; 1: the
 * message is whole (what follows is not looked at); -EINVAL: this is no netstring; -EMSGSIZE: it announces more than
 * INGEST_MESSAGE_MAX, which is known before it comes.
 */
int ingest_frame_take(struct ingest_frame *frame, struct span input, struct span *ret_content) __attribute__((warn_unused_result));

#endif
