/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What comes in over the ingest socket, in whatever pieces: the same answer as from the whole, the same as netstring_take's
 * for what is short enough for it, and never more than was announced.  The message behind it is annotated: what is added
 * does not depend on it, it is known again, and its body stays.
 */
#include <assert.h>
#include <errno.h>

#include "cli/annotate.h"
#include "intake/ingest_frame.h"
#include "intake/netstring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 4096 };

/* In pieces of that size; the message goes to `message`. */
static int take(struct span input, size_t piece, struct buffer *message)
{
	struct ingest_frame frame = { .state = FRAME_LENGTH };
	int result = 0;

	while (result == 0 && input.len > 0) {
		struct span content, chunk = span_slice(input, 0, input.len < piece ? input.len : piece);
		result = ingest_frame_take(&frame, chunk, &content);
		assert(result < 0 || (content.len <= chunk.len && (content.len == 0 || (content.ptr >= chunk.ptr && content.ptr + content.len <= chunk.ptr + chunk.len))));
		if (result >= 0)
			buffer_add(message, content);
		input = span_skip(input, chunk.len);
	}
	return result;
}

/* What one call adds the next one takes out again, but for the mark; and the rest stays. */
static void check_annotated(struct span message)
{
	static const char host[] = "mx.example.jp";
	static const struct span fields = SPAN_LIT("X-Bounce-Result: a;\n b\n");
	struct buffer plain, once, twice;

	buffer_init(&plain, 3 * INPUT_MAX);
	buffer_init(&once, 3 * INPUT_MAX);
	buffer_init(&twice, 3 * INPUT_MAX);
	annotate(message, SPAN_LIT(""), host, &plain);
	annotate(message, fields, host, &once);
	annotate(buffer_get(&once), SPAN_LIT(""), host, &twice);
	assert(!twice.is_cut && annotate_is_loop(buffer_get(&plain), host) && annotate_is_loop(buffer_get(&once), host));
	size_t mark = sizeof(HEADER_INGESTED ": ") - 1 + strlen(host);
	assert(twice.len == plain.len + mark + 1 || twice.len == plain.len + mark + 2);
	buffer_done(&plain);
	buffer_done(&once);
	buffer_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_make((const char *)data, size < INPUT_MAX ? size : INPUT_MAX), content = SPAN_NONE;
	ssize_t wanted = netstring_take(input, INGEST_MESSAGE_MAX, &content);
	static const size_t pieces[] = { 1, 2, 3, 7, 64, INPUT_MAX };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct buffer message;
		buffer_init(&message, INPUT_MAX);
		int result = take(input, pieces[i], &message);
		assert(wanted > 0 ? result == 1 : result == wanted);
		assert(result != 1 || span_is_equal(buffer_get(&message), content));
		buffer_done(&message);
	}
	check_annotated(wanted > 0 ? content : input);
	return 0;
}
