/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Folding: the one spelling under which texts and patterns meet.  Lower case, every run of white space and control
 * bytes one blank (none at the ends), typographic quotes and dashes ASCII, invalid UTF-8 U+FFFD.
 * Two characters that PCRE2 takes for equal without regard to case fold to the same one (a test proves it), so that
 * a folded literal can stand for a caseless pattern.  Pure; any thread; hostile text, linear time.
 */
#ifndef KODAMA_CLASSIFY_FOLD_H
#define KODAMA_CLASSIFY_FOLD_H

#include "base/span.h"

/* A code point is at most that many bytes, folded. */
enum { FOLD_CHAR_SIZE = 4 };

/*
 * Folds `text` into out[size]: the folded length.  *ret_is_cut: it did not fit whole; never cut inside a character.
 * In and out must not overlap.
 */
size_t fold_text(struct span text, char *out, size_t size, bool *ret_is_cut);

/*
 * Every ASCII letter and digit of the mail addresses in a folded text becomes an "x": what somebody chose for a name
 * (user-unknown@example.com) is nobody's words.  In place, the length stays.
 */
void fold_hide_addresses(char *text, size_t len);

/*
 * The words of a folded text: every ASCII byte that \w does not match becomes a blank, and one more stands between an ASCII
 * word and what is not ASCII, so that PCRE2's \b is a blank everywhere but at the ends.  out has room for 2 * len: the bytes
 * written.  Of what no folded text holds, FOLD_BOUNDARY (of a word) becomes a blank, too, and FOLD_END (of the text) stays.
 */
enum { FOLD_BOUNDARY = 1, FOLD_END = 2 };
size_t fold_words(struct span folded, char *out);

/* One code point: the bytes written.  White space becomes a blank. */
size_t fold_char(uint32_t code_point, char out[static FOLD_CHAR_SIZE]);

#endif
