/* SPDX-License-Identifier: BSD-2-Clause */
/* Any text: the reply is found or not, and what is found keeps its bounds. */
#include <stdint.h>
#include <stdlib.h>

#include "evidence/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(1 << 20);
	struct reply reply;

	if (!arena)
		abort();
	if (reply_find(span_make((const char *)data, size), arena, &reply) != 0)
		abort();
	if (!span_is_known(reply.text) || reply.text.len > size || (reply.code && (reply.code < 200 || reply.code > 599)))
		abort();
	if (reply.text.len && (ascii_is_space(reply.text.ptr[0]) || ascii_is_space(reply.text.ptr[reply.text.len - 1])))
		abort();
	arena_free(arena);
	return 0;
}
