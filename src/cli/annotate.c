/* SPDX-License-Identifier: BSD-2-Clause */
/* The header of a message, field by field, each with its folded lines.  Pure; hostile input. */
#include "cli/annotate.h"

#include "reply/header.h"

static struct span take_line(struct span *rest)
{
	size_t end = span_find_char(*rest, '\n', 0);
	size_t len = end == SIZE_MAX ? rest->len : end + 1;
	struct span line = span_slice(*rest, 0, len);

	*rest = span_skip(*rest, len);
	return line;
}

static bool is_folded(struct span rest)
{
	return rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t');
}

/* "From MAILER-DAEMON Sun Nov 22 01:21:28 2026", which is no field. */
static struct span take_mbox_line(struct span *rest)
{
	return span_has_prefix(*rest, SPAN_LIT("From ")) ? take_line(rest) : SPAN_LIT("");
}

/* A line of blanks is none: it may be folded onto a field. */
static bool is_empty(struct span line)
{
	return line.len == 0 || line.ptr[0] == '\n' || span_is_equal(line, SPAN_LIT("\r\n"));
}

/* The next field with all of its lines; false at the end of the header, which stays in *rest. */
static bool take_field(struct span *rest, struct span *ret_field)
{
	struct span after = *rest, line = take_line(&after);

	if (is_empty(line))
		return false;
	while (is_folded(after))
		(void)take_line(&after);
	*ret_field = span_slice(*rest, 0, rest->len - after.len);
	*rest = after;
	return true;
}

/* "" for a line that is no field. */
static struct span get_name(struct span field)
{
	size_t colon = span_find_char(field, ':', 0);

	return colon == SIZE_MAX ? SPAN_LIT("") : span_trim(span_slice(field, 0, colon));
}

/* By its first line: what follows it may be the first one of a message that begins with a folded line. */
static bool is_mark(struct span field, const char *host)
{
	struct span line = take_line(&field);

	return span_is_equal_nocase(get_name(line), SPAN_LIT(HEADER_INGESTED)) &&
	       span_is_equal_nocase(span_trim(span_skip(line, span_find_char(line, ':', 0) + 1)), span_of(host));
}

bool annotate_is_loop(struct span message, const char *host)
{
	struct span rest = message, field;
	unsigned hops = 0;

	(void)take_mbox_line(&rest);
	while (take_field(&rest, &field)) {
		if (is_mark(field, host))
			return true;
		hops += span_is_equal_nocase(get_name(field), SPAN_LIT("Received"));
	}
	return hops > ANNOTATE_HOPS_MAX;
}

static void add_lines(struct buffer *out, struct span lines, const char *line_end)
{
	while (lines.len > 0) {
		struct span line = take_line(&lines);
		buffer_add(out, span_trim_right(line));
		buffer_add(out, span_of(line_end));
	}
}

void annotate(struct span message, struct span fields, const char *host, struct buffer *out)
{
	struct span rest = message, first = message, field;
	const char *line_end = span_has_suffix_nocase(take_line(&first), SPAN_LIT("\r\n")) ? "\r\n" : "\n";

	buffer_add(out, take_mbox_line(&rest));
	if (out->len > 0 && out->bytes[out->len - 1] != '\n')
		buffer_add(out, span_of(line_end));
	add_lines(out, fields, line_end);
	buffer_printf(out, "%s: %s%s", HEADER_INGESTED, host, line_end);
	while (take_field(&rest, &field))
		if (!header_is_ours(get_name(field)))
			buffer_add(out, field);
	buffer_add(out, rest);
}
