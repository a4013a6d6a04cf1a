/* SPDX-License-Identifier: BSD-2-Clause */
/* One long netstring, piece by piece.  Pure; hostile input. */
#include "intake/ingest_frame.h"

#include <errno.h>

/* One byte of "12345:". */
static int take_length(struct ingest_frame *frame, char byte)
{
	if (byte == ':' && frame->digits > 0) {
		frame->state = frame->left > 0 ? FRAME_CONTENT : FRAME_COMMA;
		return 0;
	}
	/* no zero before other digits */
	if (!ascii_is_digit(byte) || (frame->digits > 0 && frame->left == 0))
		return -EINVAL;
	frame->digits++;
	frame->left = frame->left * 10 + (size_t)(byte - '0');
	return frame->left > INGEST_MESSAGE_MAX ? -EMSGSIZE : 0;
}

static struct span take_content(struct ingest_frame *frame, struct span input)
{
	struct span content = span_slice(input, 0, input.len < frame->left ? input.len : frame->left);

	frame->left -= content.len;
	if (frame->left == 0)
		frame->state = FRAME_COMMA;
	return content;
}

int ingest_frame_take(struct ingest_frame *frame, struct span input, struct span *ret_content)
{
	*ret_content = SPAN_LIT("");
	while (frame->state == FRAME_LENGTH && input.len > 0) {
		int error = take_length(frame, input.ptr[0]);
		if (error < 0)
			return error;
		input = span_skip(input, 1);
	}
	if (frame->state == FRAME_CONTENT) {
		*ret_content = take_content(frame, input);
		input = span_skip(input, ret_content->len);
	}
	if (frame->state == FRAME_COMMA && input.len > 0) {
		if (input.ptr[0] != ',')
			return -EINVAL;
		frame->state = FRAME_END;
	}
	return frame->state == FRAME_END;
}
