/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for people.  One thread; the text is hostile. */
#include "cli/terminal.h"

#include <langinfo.h>
#include <stdlib.h>
#include <sys/ioctl.h>
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

unsigned terminal_get_width(void)
{
	const char *columns = getenv("COLUMNS");
	uint64_t width = 80, wanted;
	struct winsize size;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	else if (columns && span_parse_unsigned(span_of(columns), 100000, &wanted) == 0)
		width = wanted;
	return (unsigned)(width < 40 ? 40 : width > 200 ? 200 : width);
}

bool terminal_has_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* By ranges, for the C library knows widths only in a locale that has them (Unicode's East Asian Width, the large blocks). */
static unsigned get_columns(uint32_t point)
{
	static const struct {
		uint32_t from, to;
		unsigned columns;
	} ranges[] = {
		{ 0x300, 0x36f, 0 },	 { 0x1100, 0x115f, 2 },	  { 0x2e80, 0xa4cf, 2 },   { 0xac00, 0xd7a3, 2 },
		{ 0xf900, 0xfaff, 2 },	 { 0xfe00, 0xfe0f, 0 },	  { 0xfe30, 0xfe6f, 2 },   { 0xff01, 0xff60, 2 },
		{ 0xffe0, 0xffe6, 2 },	 { 0x1f300, 0x1faff, 2 }, { 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (point >= ranges[i].from && point <= ranges[i].to)
			return ranges[i].columns;
	return 1;
}

/* The length of what fits; *ret_columns: what that takes. */
static size_t measure(struct span text, size_t columns, size_t *ret_columns)
{
	size_t at = 0, taken = 0;

	while (at < text.len) {
		uint32_t point;
		size_t len = utf8_decode(span_skip(text, at), &point);
		if (taken + get_columns(point) > columns)
			break;
		taken += get_columns(point);
		at += len;
	}
	*ret_columns = taken;
	return at;
}

size_t terminal_measure(struct span text)
{
	size_t columns;

	measure(text, SIZE_MAX, &columns);
	return columns;
}

struct span terminal_cut(struct span text, size_t columns)
{
	size_t taken;

	return span_slice(text, 0, measure(text, columns, &taken));
}

/* What Japanese begins no line with, and ends none with (JIS X 4051, its common part). */
static bool is_one_of(struct span text, const char *characters)
{
	uint32_t wanted, one;
	struct span rest = span_of(characters);

	(void)utf8_decode(text, &wanted);
	while (rest.len) {
		rest = span_skip(rest, utf8_decode(rest, &one));
		if (one == wanted)
			return true;
	}
	return false;
}

static bool is_wide(struct span text)
{
	uint32_t point;

	(void)utf8_decode(text, &point);
	return get_columns(point) == 2;
}

/* May a line end before text[at]?  before: where the character in front of it begins. */
static bool is_break(struct span text, size_t before, size_t at)
{
	struct span last = span_skip(text, before), next = span_skip(text, at);

	if (last.ptr[0] == ' ' || next.ptr[0] == ' ')
		return true;
	return (is_wide(last) || is_wide(next)) && !is_one_of(next, "、。，．）」』】・ーっゃゅょッャュョ％,.)") && !is_one_of(last, "（「『【(");
}

struct span terminal_take_line(struct span *text, size_t columns)
{
	struct span all = span_trim(*text), line = terminal_cut(all, columns);
	size_t at = line.len, before;
	uint32_t first;

	if (line.len < all.len) {
		while (at > 0) {
			before = at - 1;
			while (before > 0 && (all.ptr[before] & 0xc0) == 0x80)
				before--;
			if (is_break(all, before, at))
				break;
			at = before;
		}
		/* one long word is cut; a character that does not fit is taken all the same */
		line.len = at ? at : line.len ? line.len : utf8_decode(all, &first);
	}
	*text = span_trim_left(span_skip(all, line.len));
	return span_trim_right(line);
}

void terminal_print_cut(FILE *out, enum style style, struct span text, size_t columns)
{
	bool is_cut = columns > 0 && terminal_measure(text) > columns;

	terminal_print(out, style, is_cut ? terminal_cut(text, columns - 1) : text);
	if (is_cut)
		fputs(terminal_has_utf8() ? "\xe2\x80\xa6" : ".", out);
}

void terminal_print_field(FILE *out, enum style style, struct span text, size_t columns)
{
	size_t taken = terminal_measure(text);

	terminal_print_cut(out, style, text, columns);
	fprintf(out, "%*s", taken < columns ? (int)(columns - taken) : 0, "");
}

/* In eighths of a column, where the locale has such blocks. */
void terminal_print_bar(FILE *out, enum style style, uint64_t part, uint64_t whole, unsigned columns)
{
	static const char *const eighths[] = { "", "\xe2\x96\x8f", "\xe2\x96\x8e", "\xe2\x96\x8d",
					       "\xe2\x96\x8c", "\xe2\x96\x8b", "\xe2\x96\x8a", "\xe2\x96\x89" };
	double share = whole ? (double)part / (double)whole : 0;
	unsigned filled = (unsigned)((share > 1 ? 1 : share) * columns * 8 + 0.5);
	bool is_coloured = terminal_has_colour() && style != STYLE_PLAIN;

	if (part && !filled)
		filled = 1;
	if (is_coloured)
		fprintf(out, "\033[%sm", style_codes[style]);
	if (!terminal_has_utf8())
		filled = (filled + 7) / 8 * 8;
	for (unsigned i = 0; i < filled / 8; i++)
		fputs(terminal_has_utf8() ? "\xe2\x96\x88" : "#", out);
	fputs(eighths[filled % 8], out);
	if (is_coloured)
		fputs("\033[0m", out);
}
