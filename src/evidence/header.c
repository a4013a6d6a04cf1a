/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields: cutting and decoding.  Pure; one struct charsets a thread; every byte is hostile. */
#include "evidence/header.h"

#include <endian.h>

#include "base/utf8.h"
#include "evidence/transfer.h"

enum { SECTIONS_MAX = 64 }; /* of one RFC 2231 parameter */

/* --- encoded words */

struct encoded_word {
	struct span charset;
	struct span text;
	char encoding; /* 'b', 'q' */
	size_t len;    /* of the whole, "=?" to "?=" */
};

/* An encoded word at the very start of `text`. */
static bool word_parse(struct span text, struct encoded_word *word)
{
	size_t charset_end, end;

	if (text.len < 8 || text.ptr[0] != '=' || text.ptr[1] != '?')
		return false;
	charset_end = span_find_char(span_slice(text, 0, 80), '?', 2);
	if (charset_end == SIZE_MAX || charset_end + 3 > text.len || text.ptr[charset_end + 2] != '?')
		return false;
	word->encoding = ascii_lower(text.ptr[charset_end + 1]);
	if (word->encoding != 'b' && word->encoding != 'q')
		return false;
	end = span_find(text, SPAN_LIT("?="), charset_end + 3);
	if (end == SIZE_MAX)
		return false;
	word->charset = span_slice(text, 2, charset_end);
	word->charset = span_take(&word->charset, '*'); /* RFC 2231 section 5: a language follows */
	word->text = span_slice(text, charset_end + 3, end);
	word->len = end + 2;
	return true;
}

static void word_decode(const struct encoded_word *word, struct buffer *bytes)
{
	struct base64 state = { 0 };

	if (word->encoding == 'q') {
		q_decode(word->text, bytes);
		return;
	}
	base64_decode(&state, word->text, bytes);
	base64_decode(&state, SPAN_LIT("="), bytes);
}

/*
 * Appends the run of encoded words at the start of `text` and returns its length.  A character may be cut
 * between two words of one set (against the RFC, and common), so their bytes are joined before conversion.
 */
static size_t words_decode(struct charsets *charsets, struct span text, struct encoded_word word, struct buffer *out)
{
	struct buffer bytes;
	struct span charset = word.charset;
	size_t end = 0, next = 0;

	buffer_init(&bytes, text.len);
	do {
		if (!span_is_equal_nocase(charset, word.charset)) {
			charset_convert(charsets, charset, buffer_get(&bytes), out);
			buffer_clear(&bytes);
			charset = word.charset;
		}
		word_decode(&word, &bytes);
		end = next + word.len;
		for (next = end; next < text.len && ascii_is_space(text.ptr[next]); next++)
			;
	} while (word_parse(span_skip(text, next), &word));
	charset_convert(charsets, charset, buffer_get(&bytes), out);
	buffer_done(&bytes);
	return end;
}

/* Is there a byte below blank or above "~"?  Eight at a time; a TAB counts, and is rare in an unfolded value. */
static bool is_plain(struct span text)
{
	static const uint64_t high = UINT64_C(0x8080808080808080), blanks = UINT64_C(0x2020202020202020);
	size_t i = 0;
	uint64_t word;

	for (; text.len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, text.ptr + i, sizeof(word));
		if ((word | (word - blanks)) & high)
			return false;
	}
	for (; i < text.len; i++)
		if ((unsigned char)text.ptr[i] - 0x20u > 0x7f - 0x20u)
			return false;
	return true;
}

/* "=?": headers have fewer question marks than equals signs. */
static bool has_encoded_word(struct span text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	while (at < end && (at = memchr(at, '?', (size_t)(end - at)))) {
		if (at > text.ptr && at[-1] == '=')
			return true;
		at++;
	}
	return false;
}

bool header_is_plain(struct span text)
{
	return is_plain(text) && !has_encoded_word(text);
}

bool header_needs_decoding(struct span text)
{
	if (is_plain(text))
		return has_encoded_word(text);
	return has_encoded_word(text) || !text_is_ascii(text) || memchr(text.ptr, 0x1b, text.len) ||
	       memchr(text.ptr, '\0', text.len);
}

/* Where the last "?=" stands; a word can only begin before it, which keeps hostile input linear. */
static size_t find_last_end(struct span text)
{
	for (size_t i = text.len; i >= 2; i--)
		if (text.ptr[i - 1] == '=' && text.ptr[i - 2] == '?')
			return i - 2;
	return 0;
}

void header_decode(struct charsets *charsets, struct span text, struct buffer *out)
{
	size_t plain = 0, mark = 0, last_end = find_last_end(text);
	struct encoded_word word;

	while ((mark = span_find(text, SPAN_LIT("=?"), mark)) < last_end) {
		struct span rest = span_skip(text, mark);
		if (!word_parse(rest, &word)) {
			mark += 2;
			continue;
		}
		charset_convert(charsets, SPAN_NONE, span_slice(text, plain, mark), out);
		mark += words_decode(charsets, rest, word, out);
		plain = mark;
	}
	charset_convert(charsets, SPAN_NONE, span_skip(text, plain), out);
}

/* --- lines */

/* How many bytes at the start may be a name's: RFC 5322 section 2.2, printable ASCII without the colon. */
static size_t name_len(struct span text)
{
	static const uint64_t high = UINT64_C(0x8080808080808080), ones = UINT64_C(0x0101010101010101);
	size_t i = 0;
	uint64_t word;

	for (; text.len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, text.ptr + i, sizeof(word));
		word = le64toh(word);
		uint64_t colons = word ^ ones * ':';
		uint64_t stop = (((colons - ones) & ~colons) | word | (word - ones * '!')) & high;
		/* above the first stop there may be false ones */
		if (stop)
			return i + (size_t)__builtin_ctzll(stop) / 8;
	}
	while (i < text.len && (unsigned char)text.ptr[i] - 0x21u <= 0x7fu - 0x21u && text.ptr[i] != ':')
		i++;
	return i;
}

bool header_split(struct span line, struct span *ret_name, struct span *ret_value)
{
	size_t end = name_len(line), colon = end;

	while (colon < line.len && (line.ptr[colon] == ' ' || line.ptr[colon] == '\t'))
		colon++;
	if (end == 0 || colon == line.len || line.ptr[colon] != ':')
		return false;
	*ret_name = span_slice(line, 0, end);
	*ret_value = span_skip(line, colon + 1);
	return true;
}

struct span header_take_field(struct span *rest)
{
	size_t end = 0;

	do {
		const char *lf = memchr(rest->ptr + end, '\n', rest->len - end);
		end = lf ? (size_t)(lf - rest->ptr) + 1 : rest->len;
	} while (end < rest->len && (rest->ptr[end] == ' ' || rest->ptr[end] == '\t'));
	struct span field = span_slice(*rest, 0, end);
	*rest = span_skip(*rest, end);
	return field;
}

/* The next line end at or after `from`; `len` where there is none. */
static size_t find_line_end(const char *text, size_t len, size_t from, bool has_cr)
{
	const char *lf = memchr(text + from, '\n', len - from);
	size_t end = lf ? (size_t)(lf - text) : len;
	const char *cr = has_cr ? memchr(text + from, '\r', end - from) : NULL;

	return cr ? (size_t)(cr - text) : end;
}

size_t header_unfold(char *text, size_t len)
{
	bool has_cr = memchr(text, '\r', len);
	size_t end = find_line_end(text, len, 0, has_cr), to = end, from;

	while (end < len) {
		while (to > 0 && (text[to - 1] == ' ' || text[to - 1] == '\t'))
			to--;
		for (from = end; from < len && ascii_is_space(text[from]); from++)
			;
		if (from == len)
			break;
		text[to++] = ' ';
		end = find_line_end(text, len, from, has_cr);
		memmove(text + to, text + from, end - from);
		to += end - from;
	}
	return to;
}

/* --- parameters */

/* The length of the comment at the start of `text`, nested ones within; 0 if none begins there. */
static size_t comment_len(struct span text)
{
	size_t depth = 0;

	if (text.len == 0 || text.ptr[0] != '(')
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\\')
			i++;
		else if (text.ptr[i] == '(')
			depth++;
		else if (text.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return text.len;
}

static struct span skip_space_and_comments(struct span text)
{
	for (;;) {
		text = span_trim_left(text);
		size_t len = comment_len(text);
		if (len == 0)
			return text;
		text = span_skip(text, len);
	}
}

struct span header_get_token(struct span value)
{
	size_t end = 0;

	value = skip_space_and_comments(value);
	while (end < value.len && value.ptr[end] != ';' && value.ptr[end] != '(')
		end++;
	return span_trim(span_slice(value, 0, end));
}

/* The length of a quoted string at the start of `text`, quotes included; the rest where it never closes. */
static size_t quoted_len(struct span text)
{
	for (size_t i = 1; i < text.len; i++) {
		if (text.ptr[i] == '\\')
			i++;
		else if (text.ptr[i] == '"')
			return i + 1;
	}
	return text.len;
}

/* The content of a quoted string, which may hold quoted pairs. */
static struct span unquote(struct span quoted, struct arena *arena)
{
	struct span inner = span_skip(quoted, 1);
	size_t to = 0;

	if (inner.len && inner.ptr[inner.len - 1] == '"')
		inner.len--;
	if (inner.len == 0 || !memchr(inner.ptr, '\\', inner.len))
		return inner;
	char *text = arena_alloc(arena, inner.len);
	if (!text)
		return SPAN_NONE;
	for (size_t i = 0; i < inner.len; i++) {
		if (inner.ptr[i] == '\\' && i + 1 < inner.len)
			i++;
		text[to++] = inner.ptr[i];
	}
	return span_make(text, to);
}

/* What follows the next ";" outside of comments; SPAN_NONE where there is none. */
static struct span skip_semicolon(struct span text)
{
	const char *semicolon = text.len ? memchr(text.ptr, ';', text.len) : NULL;
	size_t i = 0;

	if (!semicolon)
		return SPAN_NONE;
	if (!memchr(text.ptr, '(', (size_t)(semicolon - text.ptr)))
		return span_skip(text, (size_t)(semicolon - text.ptr) + 1);
	while (i < text.len && text.ptr[i] != ';')
		i += text.ptr[i] == '(' ? comment_len(span_skip(text, i)) : 1;
	return i < text.len ? span_skip(text, i + 1) : SPAN_NONE;
}

/* One "name=value" off *rest (which stands after a ";"); false at the end. */
static bool take_parameter(struct span *rest, struct span *ret_name, struct span *ret_value)
{
	size_t end = 0;

	*rest = skip_space_and_comments(*rest);
	if (rest->len == 0)
		return false;
	while (end < rest->len && rest->ptr[end] != '=' && rest->ptr[end] != ';')
		end++;
	*ret_name = span_trim(span_slice(*rest, 0, end));
	*ret_value = span_slice(*rest, end, end);
	if (end < rest->len && rest->ptr[end] == '=') {
		*rest = span_trim_left(span_skip(*rest, end + 1));
		if (rest->len && rest->ptr[0] == '"')
			end = quoted_len(*rest);
		else
			for (end = 0; end < rest->len && rest->ptr[end] != ';' && !ascii_is_space(rest->ptr[end]);)
				end++;
		*ret_value = span_slice(*rest, 0, end);
	}
	*rest = skip_semicolon(span_skip(*rest, end));
	return true;
}

struct section {
	struct span value;
	bool is_known, is_extended;
};

/* "0", "0*", "" (the whole, extended) after the first "*" of a parameter's name. */
static bool section_parse(struct span suffix, size_t *ret_index, bool *ret_is_extended)
{
	uint64_t index = 0;

	*ret_is_extended = suffix.len == 0 || suffix.ptr[suffix.len - 1] == '*';
	if (suffix.len && *ret_is_extended)
		suffix.len--;
	if (suffix.len && span_parse_unsigned(suffix, SECTIONS_MAX - 1, &index) < 0)
		return false;
	*ret_index = (size_t)index;
	return true;
}

static void percent_decode(struct span text, struct buffer *out)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = -1, low = -1;
		if (text.ptr[i] == '%' && text.len - i > 2) {
			high = hex_value(text.ptr[i + 1]);
			low = hex_value(text.ptr[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			buffer_add_char(out, (char)(high << 4 | low));
			i += 2;
		} else {
			buffer_add_char(out, text.ptr[i]);
		}
	}
}

/* RFC 2231 sections 3 and 4: charset'language'text in the first section, the rest follows on. */
static struct span sections_join(struct charsets *charsets, const struct section *sections, struct arena *arena)
{
	struct buffer bytes, text;
	struct span charset = SPAN_NONE, joined;

	buffer_init(&bytes, 64 * 1024);
	buffer_init(&text, 256 * 1024);
	for (size_t i = 0; i < SECTIONS_MAX && sections[i].is_known; i++) {
		struct span value = sections[i].value;
		if (i == 0 && sections[i].is_extended && span_find_char(value, '\'', 0) != SIZE_MAX) {
			charset = span_take(&value, '\'');
			(void)span_take(&value, '\'');
		}
		if (sections[i].is_extended)
			percent_decode(value, &bytes);
		else
			buffer_add(&bytes, value);
	}
	charset_convert(charsets, charset, buffer_get(&bytes), &text);
	joined = arena_copy(arena, buffer_get(&text));
	buffer_done(&bytes);
	buffer_done(&text);
	return joined;
}

/* The sections of a parameter that has no value under its plain name. */
static struct span find_sections(struct charsets *charsets, struct span rest, struct span wanted, struct arena *arena)
{
	struct section sections[SECTIONS_MAX] = { 0 };
	struct span name, value;
	size_t index;
	bool is_extended;

	while (take_parameter(&rest, &name, &value)) {
		if (name.len <= wanted.len || !span_has_prefix_nocase(name, wanted) || name.ptr[wanted.len] != '*' ||
		    !section_parse(span_skip(name, wanted.len + 1), &index, &is_extended) || sections[index].is_known)
			continue;
		if (value.len && value.ptr[0] == '"')
			value = unquote(value, arena);
		sections[index] = (struct section){ value, true, is_extended };
	}
	return sections[0].is_known ? sections_join(charsets, sections, arena) : SPAN_NONE;
}

struct span header_find_parameter(struct charsets *charsets, struct span value, const char *name, struct arena *arena)
{
	struct span wanted = span_of(name), rest = skip_semicolon(value), found_name, found;
	bool has_sections = false;

	while (take_parameter(&rest, &found_name, &found)) {
		if (span_is_equal_nocase(found_name, wanted))
			return found.len && found.ptr[0] == '"' ? unquote(found, arena) : found;
		has_sections |= found_name.len > wanted.len && found_name.ptr[wanted.len] == '*';
	}
	return has_sections ? find_sections(charsets, skip_semicolon(value), wanted, arena) : SPAN_NONE;
}

/* --- addresses */

/* Where the mailbox at the start of `text` ends: a "," or ";" outside of quotes, comments and brackets. */
static size_t mailbox_len(struct span text)
{
	bool is_in_angle = false;
	size_t i = 0;

	while (i < text.len) {
		char c = text.ptr[i];
		if (c == '"') {
			i += quoted_len(span_skip(text, i));
			continue;
		}
		if (c == '(') {
			i += comment_len(span_skip(text, i));
			continue;
		}
		if (c == '<')
			is_in_angle = true;
		else if (c == '>')
			is_in_angle = false;
		else if ((c == ',' || c == ';') && !is_in_angle)
			break;
		i++;
	}
	return i;
}

/* The "<" outside of quotes and comments; SIZE_MAX if there is none. */
static size_t find_angle(struct span text)
{
	size_t i = 0;

	while (i < text.len) {
		char c = text.ptr[i];
		if (c == '<')
			return i;
		i += c == '"' ? quoted_len(span_skip(text, i)) : c == '(' ? comment_len(span_skip(text, i)) : 1;
	}
	return SIZE_MAX;
}

struct span header_take_address(struct span *rest)
{
	size_t len = mailbox_len(*rest);
	struct span mailbox = span_slice(*rest, 0, len);
	size_t angle = find_angle(mailbox);

	*rest = len < rest->len ? span_skip(*rest, len + 1) : SPAN_NONE;
	if (angle != SIZE_MAX) {
		size_t end = span_find_char(mailbox, '>', angle);
		return span_trim(span_slice(mailbox, angle + 1, end == SIZE_MAX ? mailbox.len : end));
	}
	mailbox = skip_space_and_comments(mailbox);
	size_t end = 0;
	while (end < mailbox.len && !ascii_is_space(mailbox.ptr[end]) && mailbox.ptr[end] != '(')
		end += mailbox.ptr[end] == '"' ? quoted_len(span_skip(mailbox, end)) : 1;
	mailbox = span_slice(mailbox, 0, end);
	return span_find_char(mailbox, '@', 0) == SIZE_MAX ? span_slice(mailbox, 0, 0) : mailbox;
}

