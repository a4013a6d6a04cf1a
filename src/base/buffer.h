/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte buffer that grows up to a maximum.  What does not fit is cut, and `is_cut` says so: the
 * writers never fail, so that a caller checks once, at the end.  One thread at a time.
 */
#ifndef KODAMA_BASE_BUFFER_H
#define KODAMA_BASE_BUFFER_H

#include "base/span.h"

struct buffer {
	char *bytes; /* NUL follows the content; NULL while empty */
	size_t len;
	size_t size;
	size_t max; /* of the content, in bytes */
	bool is_cut;
};

void buffer_init(struct buffer *buffer, size_t max);
void buffer_done(struct buffer *buffer);

/* Empties it and keeps its memory. */
void buffer_clear(struct buffer *buffer);

void buffer_add(struct buffer *buffer, struct span text);
void buffer_add_char(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes the first n bytes away. */
void buffer_drop(struct buffer *buffer, size_t n);

/* Borrowed until the next change. */
struct span buffer_get(const struct buffer *buffer);

/* As a C string; "" while empty.  Borrowed until the next change. */
const char *buffer_get_text(const struct buffer *buffer);

#endif
