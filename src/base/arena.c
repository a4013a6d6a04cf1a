/* SPDX-License-Identifier: BSD-2-Clause */
/* Arena: a list of blocks, each twice the one before up to a maximum.  One thread at a time. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/shortage.h"

/* KEPT_SIZE: what a reset leaves for the next use, so that many small ones do not ask malloc each */
enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 256 * 1024, KEPT_SIZE = 64 * 1024, ALIGNMENT = _Alignof(max_align_t) };

struct block {
	struct block *next;
	size_t size;
	_Alignas(max_align_t) char bytes[];
};

/* [at, end) of the last block is free, as far as the limit allows. */
struct arena {
	struct block *first;
	struct block *last;
	char *at, *end;
	size_t used_before; /* what was taken of the blocks before the last */
	size_t limit;
};

static struct block *block_new(size_t size)
{
	struct block *block = malloc(sizeof(*block) + size);

	if (block) {
		block->next = NULL;
		block->size = size;
	} else {
		shortage_note();
	}
	return block;
}

static size_t get_filled(const struct arena *arena)
{
	return (size_t)(arena->at - arena->last->bytes);
}

/* Goes on with a block that is empty. */
static void begin_block(struct arena *arena, struct block *block)
{
	size_t left = arena->limit ? arena->limit - arena->used_before : SIZE_MAX;

	arena->last = block;
	arena->at = block->bytes;
	arena->end = block->bytes + (block->size < left ? block->size : left);
}

struct arena *arena_new(size_t limit)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (!arena)
		return NULL;
	arena->limit = limit;
	arena->first = block_new(FIRST_BLOCK);
	if (!arena->first) {
		free(arena);
		return NULL;
	}
	begin_block(arena, arena->first);
	return arena;
}

static void blocks_free(struct block *block)
{
	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	blocks_free(arena->first);
	free(arena);
}

void arena_reset(struct arena *arena)
{
	struct block *kept = arena->first;

	for (size_t size = kept->size; kept->next && kept->next->size <= KEPT_SIZE - size; kept = kept->next)
		size += kept->next->size;
	blocks_free(kept->next);
	kept->next = NULL;
	arena->used_before = 0;
	begin_block(arena, arena->first);
}

static bool arena_grow(struct arena *arena, size_t size)
{
	size_t used = arena_get_used(arena), block_size = arena->last->size * 2;
	struct block *block = arena->last->next;

	if (arena->limit && size > arena->limit - used)
		return false;
	if (!block || block->size < size) {
		struct block *kept = block;
		if (block_size > LARGEST_BLOCK)
			block_size = LARGEST_BLOCK;
		block = block_new(block_size < size ? size : block_size);
		if (!block)
			return false;
		block->next = kept;
		arena->last->next = block;
	}
	arena->used_before = used;
	begin_block(arena, block);
	return true;
}

void *arena_take(struct arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (size > (size_t)(arena->end - arena->at) && !arena_grow(arena, size))
		return NULL;
	char *piece = arena->at;
	arena->at += size;
	return piece;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *piece = arena_take(arena, size ? size : 1);

	return piece ? memset(piece, 0, size) : NULL;
}

struct span arena_copy(struct arena *arena, struct span text)
{
	char *copy;

	if (!text.ptr || text.len == SIZE_MAX)
		return SPAN_NONE;
	copy = arena_take(arena, text.len + 1);
	if (!copy)
		return SPAN_NONE;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return span_make(copy, text.len);
}

struct span arena_join(struct arena *arena, const struct span *pieces, size_t count)
{
	size_t len = 0;
	char *text, *at;

	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(len, pieces[i].len, &len))
			return SPAN_NONE;
	text = at = len < SIZE_MAX ? arena_take(arena, len + 1) : NULL;
	for (size_t i = 0; text && i < count; at += pieces[i++].len)
		if (pieces[i].len > 0)
			memcpy(at, pieces[i].ptr, pieces[i].len);
	if (!text)
		return SPAN_NONE;
	*at = '\0';
	return span_make(text, len);
}

struct span arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return SPAN_NONE;
	text = arena_take(arena, (size_t)len + 1);
	if (!text)
		return SPAN_NONE;
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return span_make(text, (size_t)len);
}

size_t arena_get_used(const struct arena *arena)
{
	return arena->used_before + get_filled(arena);
}
