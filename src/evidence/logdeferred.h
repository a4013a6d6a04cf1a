/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deferred recipients of one message of a log, in a ring, in the order in which they were deferred: retries come in the same
 * order, so that the one that is looked for is mostly the next.  A ring that grows long gets an index: whatever the order, and
 * whatever the number, finding one takes the same time.  For logmessage.c alone.  Pure; one thread.
 */
#ifndef KODAMA_EVIDENCE_LOGDEFERRED_H
#define KODAMA_EVIDENCE_LOGDEFERRED_H

#include "base/span.h"
#include "evidence/status.h"

enum deferred_field { DEFERRED_RECIPIENT, DEFERRED_ORIG_TO, DEFERRED_RELAY, DEFERRED_TEXT, DEFERRED_FIELDS };

enum { DEFERRED_FIELD_MAX = 2048 };

/* A recipient whose mail is still in the queue, and the last reason. */
struct deferred {
	struct deferred *next, *previous; /* in the ring */
	uint32_t hash; /* of the recipient, keyed */
	struct status status;
	bool is_doubtful;
	uint16_t lengths[DEFERRED_FIELDS];
	char bytes[];
};

/* Zeroed at first. */
struct deferred_ring {
	struct deferred *last;        /* the one that was found or added last; NULL: empty */
	struct deferred_index *index; /* NULL: it is short */
};

/* NULL: out of memory, or a field of more than DEFERRED_FIELD_MAX, which *ret_is_long says. */
struct deferred *deferred_new(const struct span texts[static DEFERRED_FIELDS], uint32_t hash, bool *ret_is_long);
void deferred_free(struct deferred *deferred);
/* SPAN_NONE for an unknown one. */
struct span deferred_get(const struct deferred *deferred, enum deferred_field field);

/* Behind the one that was found or added last; the ring's from now on. */
void deferred_add(struct deferred_ring *ring, struct deferred *deferred);
/* Out of the ring, and the caller's; NULL: it is not in it. */
struct deferred *deferred_take(struct deferred_ring *ring, struct span recipient, uint32_t hash);
struct deferred *deferred_take_any(struct deferred_ring *ring);

#endif
