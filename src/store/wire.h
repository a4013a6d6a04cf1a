/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event and the ruling on it as one run of bytes: what crosses to the writer's thread, and what waits on disk.
 * Texts are cut to what the store keeps.  Pure; any thread; bytes from disk may be damaged.
 */
#ifndef KODAMA_STORE_WIRE_H
#define KODAMA_STORE_WIRE_H

#include "base/buffer.h"
#include "decide/ruling.h"

enum { WIRE_SIZE_MAX = 32 * 1024 };

/* Appends; what does not fit the buffer sets is_cut. */
void wire_put(struct buffer *buffer, const struct event *event, const struct ruling *ruling);

/* As read: the event points into this struct and into the bytes. */
struct wire_event {
	struct event event;
	struct outcome outcome;
	struct verdict verdict;
	struct ruling ruling;
};

/* Takes one event from the front of *rest.  -EINVAL: no such thing, or of another version. */
int wire_take(struct span *rest, struct wire_event *ret_event) __attribute__((warn_unused_result));

#endif
