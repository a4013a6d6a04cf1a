/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of netstrings: it takes whole ones and nothing else, from whatever pieces; it refuses by the first byte that is
 * wrong, and what it took comes out again byte by byte when it is written.
 */
#include <assert.h>
#include <errno.h>

#include "intake/netstring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 1000 };

static void check_written(struct span content, struct span whole)
{
	struct buffer written;

	buffer_init(&written, CONTENT_MAX + 16);
	netstring_add(&written, content);
	assert(span_is_equal(buffer_get(&written), whole));
	buffer_done(&written);
}

/* Whoever reads byte by byte comes to the same answer, and never to another one before. */
static void check_pieces(struct span whole, ssize_t result)
{
	for (size_t len = 0; len < whole.len && len < CONTENT_MAX + 16; len++) {
		struct span content = SPAN_NONE;
		ssize_t early = netstring_take(span_slice(whole, 0, len), CONTENT_MAX, &content);
		assert(early == 0 || (early < 0 && early == result));
		if (early < 0)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_make((const char *)data, size);

	for (;;) {
		struct span content = SPAN_NONE;
		ssize_t length = netstring_take(rest, CONTENT_MAX, &content);
		assert(length == 0 || length == -EINVAL || length == -EMSGSIZE || (length >= 3 && (size_t)length <= rest.len));
		check_pieces(length > 0 ? span_slice(rest, 0, (size_t)length) : rest, length);
		/* one that is not whole is bounded: no more than this may be waiting */
		assert(length != 0 || rest.len <= CONTENT_MAX + 5);
		if (length <= 0)
			return 0;
		assert(content.len <= CONTENT_MAX && content.ptr + content.len + 1 == rest.ptr + length);
		check_written(content, span_slice(rest, 0, (size_t)length));
		rest = span_skip(rest, (size_t)length);
	}
}
