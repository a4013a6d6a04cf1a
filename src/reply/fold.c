/* SPDX-License-Identifier: BSD-2-Clause */
/* Header values, folded.  Pure; any thread. */
#include "reply/fold.h"

/* RFC 2047 section 2: an encoded word has at most 75 characters; 45 bytes make 60 of base64. */
enum { ENCODED_BYTES = 45 };

void fold_init(struct fold *fold, const char *name)
{
	buffer_init(&fold->buffer, FOLD_VALUE_MAX);
	fold->column = strlen(name) + strlen(": ");
}

void fold_done(struct fold *fold)
{
	buffer_done(&fold->buffer);
}

/* Only the next word breaks the line: a value never ends in an empty one. */
void fold_break(struct fold *fold)
{
	fold->column = FOLD_COLUMNS;
}

static bool is_printable(char c)
{
	return c > ' ' && c < 0x7f;
}

/* Nearly every word is as it should be, and goes to the buffer as it is. */
static struct span make_printable(struct span word, char copy[static FOLD_WORD_MAX])
{
	size_t good = 0;

	while (good < word.len && is_printable(word.ptr[good]))
		good++;
	if (good == word.len)
		return word;
	for (size_t i = 0; i < word.len; i++)
		copy[i] = is_printable(word.ptr[i]) ? word.ptr[i] : '?';
	return span_make(copy, word.len);
}

void fold_add(struct fold *fold, struct span word)
{
	char copy[FOLD_WORD_MAX];

	word = make_printable(span_slice(word, 0, FOLD_WORD_MAX), copy);
	if (fold->buffer.len && fold->column + 1 + word.len > FOLD_COLUMNS) {
		buffer_add_char(&fold->buffer, '\n');
		fold->column = 0;
	}
	if (fold->buffer.len) {
		buffer_add_char(&fold->buffer, ' ');
		fold->column++;
	}
	buffer_add(&fold->buffer, word);
	fold->column += word.len;
}

static bool is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

/* At most `max` bytes that end between two characters. */
static struct span take_characters(struct span *rest, size_t max)
{
	size_t end = rest->len < max ? rest->len : max;

	while (end > 0 && end < rest->len && ((unsigned char)rest->ptr[end] & 0xc0) == 0x80)
		end--;
	if (end == 0)
		end = rest->len < max ? rest->len : max; /* not UTF-8: never stand still */
	struct span piece = span_slice(*rest, 0, end);
	*rest = span_skip(*rest, end);
	return piece;
}

static void add_encoded_word(struct fold *fold, struct span piece)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buffer word;

	buffer_init(&word, FOLD_COLUMNS);
	buffer_add(&word, SPAN_LIT("=?UTF-8?B?"));
	for (size_t at = 0; at < piece.len; at += 3) {
		unsigned bits = (unsigned)(unsigned char)piece.ptr[at] << 16;
		if (at + 1 < piece.len)
			bits |= (unsigned)(unsigned char)piece.ptr[at + 1] << 8;
		if (at + 2 < piece.len)
			bits |= (unsigned char)piece.ptr[at + 2];
		buffer_add_char(&word, digits[bits >> 18]);
		buffer_add_char(&word, digits[bits >> 12 & 63]);
		buffer_add_char(&word, at + 1 < piece.len ? digits[bits >> 6 & 63] : '=');
		buffer_add_char(&word, at + 2 < piece.len ? digits[bits & 63] : '=');
	}
	buffer_add(&word, SPAN_LIT("?="));
	fold_add(fold, buffer_get(&word));
	buffer_done(&word);
}

static void add_words(struct fold *fold, struct span text)
{
	for (text = span_trim(text); text.len; text = span_trim_left(text)) {
		size_t end = 0;

		while (end < text.len && !ascii_is_space(text.ptr[end]))
			end++;
		fold_add(fold, span_slice(text, 0, end));
		text = span_skip(text, end);
	}
}

void fold_add_text(struct fold *fold, struct span text)
{
	if (is_ascii(text)) {
		add_words(fold, text);
		return;
	}
	while (text.len)
		add_encoded_word(fold, take_characters(&text, ENCODED_BYTES));
}
