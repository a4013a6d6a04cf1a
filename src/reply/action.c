/* SPDX-License-Identifier: BSD-2-Clause */
/* The refusal of a suppressed recipient.  Pure; the template is the operator's, the recipient anybody's. */
#include "reply/action.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/timestamp.h"
#include "reply/xtext.h"

/* RFC 5321 section 4.5.3.1.5: a reply line has 512 bytes, "550 5.1.1 " and CRLF among them. */
enum { TEXT_MAX = 512 - 12 - 1 };

static const char default_template[] = "<%r>: suppressed since %d: %c";

static void expand(struct buffer *out, char letter, const struct address *recipient, int64_t since_s,
		   enum class class_id)
{
	char date[TIMESTAMP_SIZE];

	switch (letter) {
	case 'r':
		xtext_add_readable(out, address_get(recipient));
		break;
	case 'd':
		buffer_add(out, span_of(timestamp_format_date(since_s, date)));
		break;
	case 'c':
		buffer_add(out, span_of(class_get_name(class_id)));
		break;
	case '%':
		buffer_add_char(out, '%');
		break;
	default:
		buffer_printf(out, "%%%c", letter);
	}
}

static bool is_printable(char c)
{
	return c >= ' ' && c < 0x7f;
}

const char *refusal_format(const char *template, const struct address *recipient, int64_t since_s,
			   enum class class_id, char text[static REFUSAL_SIZE])
{
	struct buffer out;

	buffer_init(&out, TEXT_MAX - strlen(" " REFUSAL_MARK));
	for (const char *c = template ? template : default_template; *c; c++) {
		if (*c == '%' && is_printable(c[1]))
			expand(&out, *++c, recipient, since_s, class_id);
		else
			buffer_add_char(&out, is_printable(*c) ? *c : '?');
	}
	struct span said = span_trim(buffer_get(&out));
	if (span_has_suffix_nocase(said, SPAN_LIT(REFUSAL_MARK)))
		said = span_trim_right(span_slice(said, 0, said.len - strlen(REFUSAL_MARK)));
	snprintf(text, REFUSAL_SIZE, "%.*s%s" REFUSAL_MARK, SPAN_ARG(said), said.len ? " " : "");
	buffer_done(&out);
	return text;
}
