/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in header fields: folded lines, encoded words (RFC 2047), parameters (RFC 2045 section 5.1,
 * RFC 2231), addresses (RFC 5322 section 3.4).  Lenient: what is malformed is taken as it most likely was meant.
 * Pure; one struct charsets a thread; every byte is hostile; time is linear.
 */
#ifndef KODAMA_EVIDENCE_HEADER_H
#define KODAMA_EVIDENCE_HEADER_H

#include "base/arena.h"
#include "base/buffer.h"
#include "evidence/charset.h"

/* Is there anything in it for header_decode to do: an encoded word, a byte above 127, an escape, NUL? */
bool header_needs_decoding(struct span text);

/* One line of ASCII without an encoded word: unfolded, decoded and trimmed it is the same. */
bool header_is_plain(struct span text);

/* Appends `text` with its encoded words decoded, and all of it as valid UTF-8 without NUL. */
void header_decode(struct charsets *charsets, struct span text, struct buffer *out);

/* Cuts "Name: value" (one field, unfolded or not) in two; false when it does not begin as a field does. */
bool header_split(struct span line, struct span *ret_name, struct span *ret_value);

/* Cuts one field with its folded lines off *rest; the line end stays in it.  Loop until rest->len is 0. */
struct span header_take_field(struct span *rest);

/* Unfolds in place: a line end and the white space after it become one blank.  Returns the new length. */
size_t header_unfold(char *text, size_t len);

/* What stands before the first ";", without white space and comments: "text/plain", "Reply". */
struct span header_get_token(struct span value);

/*
 * The parameter of that name (lower case), unquoted, its RFC 2231 sections joined and decoded to UTF-8;
 * in `arena`, or part of `value`.  SPAN_NONE when there is none, or past the arena's limit.
 */
struct span header_find_parameter(struct charsets *charsets, struct span value, const char *name, struct arena *arena);

/*
 * Cuts the next mailbox off a list and returns its address, without display name, brackets and comments:
 * `"Doe, J." <j@example.org> (work), k@example.org` gives j@example.org, then k@example.org.
 * Loop while span_is_known(*rest); an empty span is a piece without an address (a group's name, "<>").
 */
struct span header_take_address(struct span *rest);

#endif
