/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for people.  One thread; the text is hostile. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"

enum { LABEL_COLUMNS = 10 };

static const char *const style_codes[] = {
	[STYLE_PLAIN] = "", [STYLE_BOLD] = "1",	   [STYLE_DIM] = "2",
	[STYLE_RED] = "31", [STYLE_YELLOW] = "33", [STYLE_GREEN] = "32",
};

bool terminal_has_colour(void)
{
	static int answer = -1;

	if (answer < 0) {
		const char *no = getenv("NO_COLOR");
		const char *term = getenv("TERM");
		answer = isatty(STDOUT_FILENO) && !(no && no[0]) && !(term && strcmp(term, "dumb") == 0);
	}
	return answer;
}

/* What steers a terminal or the order of what it shows (Unicode's bidirectional marks and isolates). */
static bool is_harmless(uint32_t point)
{
	return point >= 0x20 && point != 0x7f && !(point >= 0x80 && point < 0xa0) && point != 0x61c &&
	       !(point >= 0x200b && point <= 0x200f) && !(point >= 0x2028 && point <= 0x202e) &&
	       !(point >= 0x2066 && point <= 0x2069) && point != 0xfeff;
}

static void print_harmless(FILE *out, struct span text)
{
	for (size_t at = 0; at < text.len;) {
		uint32_t point;
		size_t len = utf8_decode(span_skip(text, at), &point);

		if (ascii_is_space(text.ptr[at]))
			fputc(' ', out);
		else if (point == 0xfffd)
			fputs("\xef\xbf\xbd", out);
		else if (is_harmless(point))
			fwrite(text.ptr + at, 1, len, out);
		else
			fputc('?', out);
		at += len;
	}
}

void terminal_print(FILE *out, enum style style, struct span text)
{
	bool is_coloured = style != STYLE_PLAIN && terminal_has_colour();

	if (is_coloured)
		fprintf(out, "\033[%sm", style_codes[style]);
	print_harmless(out, text);
	if (is_coloured)
		fputs("\033[0m", out);
}

void terminal_print_text(FILE *out, enum style style, const char *text)
{
	terminal_print(out, style, span_of(text));
}

void terminal_print_row(FILE *out, const char *label, struct span text)
{
	if (!text.len)
		return;
	fputs("    ", out);
	terminal_print_text(out, STYLE_DIM, label);
	fprintf(out, "%*s", (int)(LABEL_COLUMNS - strlen(label)), "");
	terminal_print(out, STYLE_PLAIN, text);
	fputc('\n', out);
}
