/* SPDX-License-Identifier: BSD-2-Clause */
/* Enhanced status codes, RFC 3463 section 2.  Pure; any thread; hostile input. */
#include "evidence/status.h"

#include <errno.h>
#include <stdio.h>

/* One to three digits at *at: moves *at past them. */
static bool take_number(struct span text, size_t *at, uint16_t *ret_number)
{
	size_t i = *at;
	unsigned number = 0;

	while (i < text.len && i - *at < 3 && ascii_is_digit(text.ptr[i]))
		number = number * 10 + (unsigned)(text.ptr[i++] - '0');
	if (i == *at)
		return false;
	*ret_number = (uint16_t)number;
	*at = i;
	return true;
}

/* A letter, a digit, or a dot before one of them: then it was a version, an address or a word. */
static bool is_continued(struct span text, size_t at)
{
	if (at < text.len && text.ptr[at] == '.')
		at++;
	return at < text.len && (ascii_is_alnum(text.ptr[at]) || text.ptr[at] == '_');
}

size_t status_take(struct span text, struct status *ret_status)
{
	struct status status = { 0 };
	size_t at = 2;

	if (text.len < 5 || text.ptr[1] != '.')
		return 0;
	if (text.ptr[0] != '2' && text.ptr[0] != '4' && text.ptr[0] != '5')
		return 0;
	status.class_digit = (uint8_t)(text.ptr[0] - '0');
	if (!take_number(text, &at, &status.subject) || at >= text.len || text.ptr[at++] != '.')
		return 0;
	if (!take_number(text, &at, &status.detail) || is_continued(text, at))
		return 0;
	*ret_status = status;
	return at;
}

int status_parse(struct span text, struct status *ret_status)
{
	struct status status;

	if (text.len == 0 || status_take(text, &status) != text.len)
		return -EINVAL;
	*ret_status = status;
	return 0;
}

/* ".1", ".120" */
static char *put_part(char *at, unsigned number)
{
	*at++ = '.';
	if (number >= 100)
		*at++ = (char)('0' + number / 100);
	if (number >= 10)
		*at++ = (char)('0' + number / 10 % 10);
	*at++ = (char)('0' + number % 10);
	return at;
}

const char *status_format(struct status status, char text[static STATUS_TEXT_SIZE])
{
	char *at = text;

	if (status_is_known(status)) {
		*at++ = (char)('0' + status.class_digit % 10u);
		at = put_part(at, status.subject % 1000u);
		at = put_part(at, status.detail % 1000u);
	}
	*at = '\0';
	return text;
}
