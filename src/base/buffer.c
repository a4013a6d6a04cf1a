/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte buffer with a maximum.  One thread at a time. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/shortage.h"

enum { FIRST_SIZE = 256 };

void buffer_init(struct buffer *buffer, size_t max)
{
	*buffer = (struct buffer){ .max = max };
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->bytes);
	buffer_init(buffer, buffer->max);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->len = 0;
	buffer->is_cut = false;
	if (buffer->bytes)
		buffer->bytes[0] = '\0';
}

/* Room for `more` bytes and the NUL; less where the maximum or the memory ends. */
static size_t buffer_reserve(struct buffer *buffer, size_t more)
{
	if (more > buffer->max - buffer->len) {
		more = buffer->max - buffer->len;
		buffer->is_cut = true;
	}
	if (buffer->len + more < buffer->size)
		return more;
	size_t size = buffer->size ? buffer->size : FIRST_SIZE;
	while (size <= buffer->len + more)
		size *= 2;
	char *bytes = realloc(buffer->bytes, size);
	if (!bytes) {
		shortage_note();
		buffer->is_cut = true;
		return buffer->size ? buffer->size - buffer->len - 1 : 0;
	}
	buffer->bytes = bytes;
	buffer->size = size;
	return more;
}

void buffer_add(struct buffer *buffer, struct span text)
{
	size_t room = buffer_reserve(buffer, text.len);

	if (room > text.len)
		room = text.len;
	if (!buffer->bytes)
		return;
	if (room)
		memcpy(buffer->bytes + buffer->len, text.ptr, room);
	buffer->len += room;
	buffer->bytes[buffer->len] = '\0';
}

void buffer_add_char(struct buffer *buffer, char c)
{
	if (buffer->len >= buffer->max || buffer->len + 1 >= buffer->size) {
		buffer_add(buffer, span_make(&c, 1));
		return;
	}
	buffer->bytes[buffer->len++] = c;
	buffer->bytes[buffer->len] = '\0';
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	char small[512];
	int len;

	va_start(args, format);
	len = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len < sizeof(small)) {
		buffer_add(buffer, span_make(small, (size_t)len));
		return;
	}
	char *large = malloc((size_t)len + 1);
	if (!large) {
		shortage_note();
		buffer->is_cut = true;
		return;
	}
	va_start(args, format);
	vsnprintf(large, (size_t)len + 1, format, args);
	va_end(args);
	buffer_add(buffer, span_make(large, (size_t)len));
	free(large);
}

void buffer_drop(struct buffer *buffer, size_t n)
{
	if (n > buffer->len)
		n = buffer->len;
	if (n == 0)
		return;
	memmove(buffer->bytes, buffer->bytes + n, buffer->len - n + 1);
	buffer->len -= n;
}

struct span buffer_get(const struct buffer *buffer)
{
	return span_make(buffer_get_text(buffer), buffer->len);
}

const char *buffer_get_text(const struct buffer *buffer)
{
	return buffer->bytes ? buffer->bytes : "";
}
