/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arena: memory of one mail (or one request), taken piece by piece and freed in one place.
 * It has a limit; past it, or when the system has no memory, a call fails and the arena stays usable.
 * One thread at a time.
 */
#ifndef KODAMA_BASE_ARENA_H
#define KODAMA_BASE_ARENA_H

#include <stddef.h>

#include "base/span.h"

struct arena;

/* limit: bytes that the arena may hand out in total; 0 is no limit.  NULL when out of memory. */
struct arena *arena_new(size_t limit);
void arena_free(struct arena *arena);

/* Forgets all that was handed out; keeps the first block. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type; NULL past the limit. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((warn_unused_result));

/* The same, not zeroed: for bytes that are overwritten at once. */
void *arena_take(struct arena *arena, size_t size) __attribute__((warn_unused_result));

/* Copies; a NUL that does not count follows.  SPAN_NONE past the limit, and for SPAN_NONE. */
struct span arena_copy(struct arena *arena, struct span text) __attribute__((warn_unused_result));
/* One after the other, likewise; unknown ones are empty. */
struct span arena_join(struct arena *arena, const struct span *pieces, size_t count) __attribute__((warn_unused_result));
struct span arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3), warn_unused_result));

/* Bytes handed out so far. */
size_t arena_get_used(const struct arena *arena);

#endif
