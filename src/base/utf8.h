/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 (RFC 3629): is it valid, and made valid.  Pure; any thread; the text is hostile. */
#ifndef KODAMA_BASE_UTF8_H
#define KODAMA_BASE_UTF8_H

#include "base/arena.h"
#include "base/buffer.h"

/* Only bytes below 128. */
bool text_is_ascii(struct span text);

/* Only printable ASCII and white space: in nearly every character set it is what it seems. */
bool text_is_plain(struct span text);

/* No overlong forms, no surrogates, nothing above U+10FFFF.  NUL is a character like any other. */
bool utf8_is_valid(struct span text);

/* The bytes of the valid character at the start of `text`; 0 when there is none. */
size_t utf8_take(struct span text);

/* The bytes of the character at the start of `text`, which is not empty; U+FFFD and at least 1 for what is none. */
size_t utf8_decode(struct span text, uint32_t *ret_character);

/* Appends with U+FFFD in place of every run of bytes that cannot begin or continue a character, and of NUL. */
void utf8_add_valid(struct buffer *buffer, struct span text);

/* As UTF-8, 1 to 4 bytes; U+FFFD for what is no character.  Returns how many bytes. */
size_t utf8_put(uint32_t character, char bytes[static 4]);

/* `text` itself where it is valid and holds no NUL, else a repaired copy; SPAN_NONE past the arena's limit. */
struct span utf8_make_valid(struct span text, struct arena *arena) __attribute__((warn_unused_result));

/* The longest prefix of at most `max` bytes that does not end within a character. */
struct span utf8_cut(struct span text, size_t max);

/* Without the beginning of a character that a cut left at the end. */
struct span utf8_trim_partial(struct span text);

#endif
