/* SPDX-License-Identifier: BSD-2-Clause */
/* Paragraphs and items.  The texts are our own. */
#include "cli/help.h"

#include "base/buffer.h"
#include "cli/terminal.h"

enum { WIDTH_MAX = 100, ITEM_MAX = 16, PARAGRAPH_MAX = 16 * 1024 };

void help_print_item(FILE *out, struct span label, size_t indent, struct span text)
{
	size_t width = terminal_get_width() < WIDTH_MAX ? terminal_get_width() : WIDTH_MAX, column = label.len;

	fprintf(out, "%.*s", SPAN_ARG(label));
	/* a blank between them, at least */
	if (label.len > 0 && label.len >= indent) {
		fputc('\n', out);
		column = 0;
	}
	while (text.len > 0) {
		struct span line = terminal_take_line(&text, width - indent);
		fprintf(out, "%*s%.*s\n", (int)(indent - column), "", SPAN_ARG(line));
		column = 0;
	}
}

/* How far in the text of an item stands; 0: it is none. */
static size_t get_item_indent(struct span line)
{
	size_t at = span_find(line, SPAN_LIT("  "), 0);

	if (at == SIZE_MAX || at == 0 || at > ITEM_MAX || line.ptr[at - 1] == '.')
		return 0;
	while (at < line.len && line.ptr[at] == ' ')
		at++;
	return at;
}

struct paragraph {
	struct span label;
	size_t indent;
	struct buffer text;
};

static void end_paragraph(FILE *out, struct paragraph *paragraph)
{
	if (paragraph->text.len > 0)
		help_print_item(out, paragraph->label, paragraph->indent, buffer_get(&paragraph->text));
	buffer_clear(&paragraph->text);
}

static void add_line(FILE *out, struct paragraph *paragraph, struct span line)
{
	struct span text = span_trim_left(line);
	size_t indent = get_item_indent(line);

	if (paragraph->text.len > 0 && indent == 0 && line.len - text.len == paragraph->indent) {
		buffer_add_char(&paragraph->text, ' ');
	} else {
		end_paragraph(out, paragraph);
		paragraph->indent = indent;
		paragraph->label = span_trim_right(span_slice(line, 0, indent));
		text = span_skip(line, indent);
	}
	buffer_add(&paragraph->text, text);
}

void help_print(FILE *out, const char *text)
{
	struct span rest = span_of(text);
	struct paragraph paragraph = { .indent = 0 };

	buffer_init(&paragraph.text, PARAGRAPH_MAX);
	while (rest.len > 0) {
		struct span line = span_take(&rest, '\n');
		bool is_continued = paragraph.text.len > 0 && line.len - span_trim_left(line).len == paragraph.indent;
		if (line.len > 0 && (line.ptr[0] != ' ' || is_continued)) {
			add_line(out, &paragraph, line);
			continue;
		}
		end_paragraph(out, &paragraph);
		fprintf(out, "%.*s\n", SPAN_ARG(line));
	}
	end_paragraph(out, &paragraph);
	buffer_done(&paragraph.text);
}
