/* SPDX-License-Identifier: BSD-2-Clause */
/* Netstrings.  Pure; hostile input. */
#include "intake/netstring.h"

#include <errno.h>

/* Digits up to ":", one at least, no zero before others: the number of bytes read, 0 when more must come. */
static ssize_t take_length(struct span input, size_t max, size_t *ret_length)
{
	size_t at, length = 0;

	for (at = 0; at < input.len && ascii_is_digit(input.ptr[at]); at++) {
		if (at == 1 && input.ptr[0] == '0')
			return -EINVAL;
		length = length * 10 + (size_t)(input.ptr[at] - '0');
		if (length > max)
			return -EMSGSIZE;
	}
	if (at == input.len)
		return 0;
	if (at == 0 || input.ptr[at] != ':')
		return -EINVAL;
	*ret_length = length;
	return (ssize_t)at + 1;
}

ssize_t netstring_take(struct span input, size_t max, struct span *ret_content)
{
	size_t length;
	ssize_t start = take_length(input, max, &length);

	if (start <= 0)
		return start;
	input = span_skip(input, (size_t)start);
	if (input.len <= length)
		return 0;
	if (input.ptr[length] != ',')
		return -EINVAL;
	*ret_content = span_slice(input, 0, length);
	return start + (ssize_t)length + 1;
}

void netstring_add(struct buffer *buffer, struct span content)
{
	buffer_printf(buffer, "%zu:", content.len);
	buffer_add(buffer, content);
	buffer_add_char(buffer, ',');
}
