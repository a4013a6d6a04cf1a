/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character sets to UTF-8 by iconv, with the names that mail uses for them, and the open descriptors kept.
 * What cannot be converted becomes U+FFFD.  No I/O but what iconv does to load a converter.
 * One struct charsets a thread; names and bytes are hostile.
 */
#ifndef KODAMA_EVIDENCE_CHARSET_H
#define KODAMA_EVIDENCE_CHARSET_H

#include "base/buffer.h"

struct charsets;

struct charsets *charsets_new(void);
void charsets_free(struct charsets *charsets);

/*
 * Appends `text`, which is in the character set of that name, as valid UTF-8 without NUL.  A name that is
 * empty or unknown: what is valid UTF-8 stays, ISO-2022-JP is known by its escapes, the rest becomes U+FFFD.
 */
void charset_convert(struct charsets *charsets, struct span name, struct span text, struct buffer *out);

/* Is `text` in the set of that name already what charset_convert would make of it? */
bool charset_is_plain(struct span name, struct span text);

#endif
