/* SPDX-License-Identifier: BSD-2-Clause */
/* HTML to text: one pass, no tree.  Pure; any thread; the text is hostile. */
#include "evidence/html.h"

#include <endian.h>

#include "base/utf8.h"

enum { TAG_MAX = 4096 }; /* bytes; keeps hostile input linear */

/* What a tag does to the text. */
enum effect { EFFECT_NONE, EFFECT_LINE, EFFECT_BLANK, EFFECT_DROP };

static const struct {
	struct span name;
	enum effect effect;
} tags[] = {
	{ SPAN_LIT("br"), EFFECT_LINE }, { SPAN_LIT("p"), EFFECT_LINE }, { SPAN_LIT("div"), EFFECT_LINE },
	{ SPAN_LIT("tr"), EFFECT_LINE }, { SPAN_LIT("li"), EFFECT_LINE }, { SPAN_LIT("table"), EFFECT_LINE },
	{ SPAN_LIT("ul"), EFFECT_LINE }, { SPAN_LIT("ol"), EFFECT_LINE }, { SPAN_LIT("pre"), EFFECT_LINE },
	{ SPAN_LIT("hr"), EFFECT_LINE }, { SPAN_LIT("h1"), EFFECT_LINE }, { SPAN_LIT("h2"), EFFECT_LINE },
	{ SPAN_LIT("h3"), EFFECT_LINE }, { SPAN_LIT("h4"), EFFECT_LINE }, { SPAN_LIT("h5"), EFFECT_LINE },
	{ SPAN_LIT("h6"), EFFECT_LINE }, { SPAN_LIT("blockquote"), EFFECT_LINE }, { SPAN_LIT("dt"), EFFECT_LINE },
	{ SPAN_LIT("dd"), EFFECT_LINE }, { SPAN_LIT("body"), EFFECT_LINE }, { SPAN_LIT("td"), EFFECT_BLANK },
	{ SPAN_LIT("th"), EFFECT_BLANK }, { SPAN_LIT("script"), EFFECT_DROP }, { SPAN_LIT("style"), EFFECT_DROP },
	{ SPAN_LIT("title"), EFFECT_DROP },
};

static const struct {
	struct span name;
	const char *text;
} references[] = {
	{ SPAN_LIT("lt"), "<" }, { SPAN_LIT("gt"), ">" }, { SPAN_LIT("amp"), "&" },
	{ SPAN_LIT("quot"), "\"" }, { SPAN_LIT("apos"), "'" }, { SPAN_LIT("nbsp"), " " },
	{ SPAN_LIT("ndash"), "-" }, { SPAN_LIT("mdash"), "-" }, { SPAN_LIT("lsquo"), "'" },
	{ SPAN_LIT("rsquo"), "'" }, { SPAN_LIT("ldquo"), "\"" }, { SPAN_LIT("rdquo"), "\"" },
	{ SPAN_LIT("auml"), "\u00e4" }, { SPAN_LIT("ouml"), "\u00f6" }, { SPAN_LIT("uuml"), "\u00fc" },
	{ SPAN_LIT("Auml"), "\u00c4" }, { SPAN_LIT("Ouml"), "\u00d6" }, { SPAN_LIT("Uuml"), "\u00dc" },
	{ SPAN_LIT("szlig"), "\u00df" }, { SPAN_LIT("eacute"), "\u00e9" }, { SPAN_LIT("egrave"), "\u00e8" },
	{ SPAN_LIT("agrave"), "\u00e0" }, { SPAN_LIT("ccedil"), "\u00e7" }, { SPAN_LIT("ntilde"), "\u00f1" },
	{ SPAN_LIT("oacute"), "\u00f3" }, { SPAN_LIT("aacute"), "\u00e1" }, { SPAN_LIT("iacute"), "\u00ed" },
	{ SPAN_LIT("atilde"), "\u00e3" },
};

struct writer {
	struct buffer *out;
	bool is_blank_due;   /* white space was seen within the line */
	bool is_line_due;    /* a block begins */
	bool is_at_start;    /* nothing stands on the line yet */
	unsigned pre;        /* within <pre>: lines are kept */
};

static void flush_space(struct writer *writer)
{
	if (writer->is_line_due && !writer->is_at_start)
		buffer_add_char(writer->out, '\n');
	else if (writer->is_blank_due && !writer->is_at_start)
		buffer_add_char(writer->out, ' ');
	writer->is_line_due = writer->is_blank_due = false;
}

static void write_word(struct writer *writer, struct span word)
{
	flush_space(writer);
	buffer_add(writer->out, word);
	writer->is_at_start = false;
}

/* No white space and no control byte. */
static bool is_visible(char c)
{
	return (unsigned char)c > ' ';
}

/* A run of text between tags and references; words with one blank between them are written as one. */
static void write_text(struct writer *writer, struct span text)
{
	size_t i = 0;

	while (i < text.len) {
		size_t start = i;
		if (ascii_is_space(text.ptr[i])) {
			if (writer->pre && text.ptr[i] == '\n') {
				flush_space(writer);
				buffer_add_char(writer->out, '\n');
				writer->is_at_start = true;
			} else {
				writer->is_blank_due = true;
			}
			i++;
			continue;
		}
		while (i < text.len && (is_visible(text.ptr[i]) || (text.ptr[i] == ' ' && i + 1 < text.len && is_visible(text.ptr[i + 1]))))
			i++;
		if (i == start) /* a control byte that is no white space */
			i++;
		write_word(writer, span_slice(text, start, i));
	}
}

/* "&lt;", "&#64;", "&#x40;" at the start of `text`: writes it and returns its length; 0 if it is none. */
static size_t write_reference(struct writer *writer, struct span text)
{
	size_t end = span_find_char(span_slice(text, 0, 12), ';', 1);
	struct span name = span_slice(text, 1, end);
	uint32_t character = 0;
	char bytes[4];

	if (end == SIZE_MAX || name.len == 0)
		return 0;
	for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++)
		if (span_is_equal(name, references[i].name)) {
			if (references[i].text[0] == ' ')
				writer->is_blank_due = true;
			else
				write_word(writer, span_of(references[i].text));
			return end + 1;
		}
	if (name.ptr[0] != '#')
		return 0;
	bool is_hex = name.len > 1 && ascii_lower(name.ptr[1]) == 'x';
	for (size_t i = is_hex ? 2 : 1; i < name.len; i++) {
		char c = ascii_lower(name.ptr[i]);
		bool is_letter = c >= 'a' && c <= 'f';
		if (!ascii_is_digit(c) && !(is_hex && is_letter))
			return 0;
		character = character * (is_hex ? 16 : 10) + (uint32_t)(is_letter ? c - 'a' + 10 : c - '0');
		if (character > 0x10ffff)
			character = 0xfffd;
	}
	if (character == 0xa0 || (character <= ' ' && ascii_is_space((char)character)))
		writer->is_blank_due = true;
	else
		write_word(writer, span_make(bytes, utf8_put(character ? character : 0xfffd, bytes)));
	return end + 1;
}

static enum effect effect_find(struct span name)
{
	char first = name.len ? ascii_lower(name.ptr[0]) : '\0';

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].name.ptr[0] == first && span_is_equal_nocase(name, tags[i].name))
			return tags[i].effect;
	return EFFECT_NONE;
}

/* Where the tag at the start of `text` ends; an address in angle brackets that nobody escaped is no tag. */
static size_t tag_len(struct span text, struct span *ret_name)
{
	size_t i = 1, start;

	if (i < text.len && text.ptr[i] == '/')
		i++;
	for (start = i; i < text.len && ascii_is_alnum(text.ptr[i]); i++)
		;
	*ret_name = span_slice(text, start, i);
	if (i < text.len && (text.ptr[i] == '@' || text.ptr[i] == '.' || text.ptr[i] == '_' || text.ptr[i] == '+'))
		return 0;
	if (start < text.len && i == start && text.ptr[start] != '!' && text.ptr[start] != '?')
		return 0;
	size_t end = span_find_char(span_slice(text, 0, TAG_MAX), '>', i);
	return end == SIZE_MAX ? 0 : end + 1;
}

/* What follows the end tag of `name`; the end where there is none. */
static size_t skip_element(struct span html, struct span name, size_t from)
{
	for (;;) {
		size_t mark = span_find(html, SPAN_LIT("</"), from);
		if (mark == SIZE_MAX)
			return html.len;
		if (span_has_prefix_nocase(span_skip(html, mark + 2), name)) {
			size_t end = span_find_char(html, '>', mark);
			return end == SIZE_MAX ? html.len : end + 1;
		}
		from = mark + 2;
	}
}

static size_t take_tag(struct writer *writer, struct span html, size_t at)
{
	struct span rest = span_skip(html, at), name;
	bool is_end = rest.len > 1 && rest.ptr[1] == '/';
	size_t len;

	if (rest.len > 1 && rest.ptr[1] == '!' && span_has_prefix(rest, SPAN_LIT("<!--"))) {
		size_t end = span_find(html, SPAN_LIT("-->"), at + 4);
		return end == SIZE_MAX ? html.len : end + 3;
	}
	len = tag_len(rest, &name);
	if (len == 0) {
		write_word(writer, SPAN_LIT("<"));
		return at + 1;
	}
	if (span_is_equal_nocase(name, SPAN_LIT("pre")))
		writer->pre = !is_end;
	switch (effect_find(name)) {
	case EFFECT_LINE:
		writer->is_line_due = true;
		break;
	case EFFECT_BLANK:
		writer->is_blank_due = true;
		break;
	case EFFECT_DROP:
		return is_end ? at + len : skip_element(html, name, at + len);
	case EFFECT_NONE:
		break;
	}
	return at + len;
}

/* Where the next "<" or "&" is; eight bytes at a time. */
static size_t find_mark(struct span html, size_t from)
{
	static const uint64_t high = UINT64_C(0x8080808080808080), ones = UINT64_C(0x0101010101010101);
	uint64_t word;

	for (; html.len - from >= sizeof(word); from += sizeof(word)) {
		memcpy(&word, html.ptr + from, sizeof(word));
		word = le64toh(word);
		uint64_t angles = word ^ ones * '<', signs = word ^ ones * '&';
		uint64_t marks = (((angles - ones) & ~angles) | ((signs - ones) & ~signs)) & high;
		if (marks) /* the first is true, above it there may be false ones */
			return from + (size_t)__builtin_ctzll(marks) / 8;
	}
	while (from < html.len && html.ptr[from] != '<' && html.ptr[from] != '&')
		from++;
	return from;
}

void html_to_text(struct span html, struct buffer *out)
{
	struct writer writer = { .out = out, .is_at_start = true };
	size_t i = 0;

	while (i < html.len && !out->is_cut) {
		size_t mark = find_mark(html, i);
		write_text(&writer, span_slice(html, i, mark));
		i = mark;
		if (i == html.len)
			break;
		if (html.ptr[i] == '<') {
			i = take_tag(&writer, html, i);
			continue;
		}
		size_t len = write_reference(&writer, span_skip(html, i));
		if (len == 0) {
			write_word(&writer, SPAN_LIT("&"));
			len = 1;
		}
		i += len;
	}
	buffer_add_char(out, '\n');
}
