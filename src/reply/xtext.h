/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An address in ASCII, RFC 6533 section 3 (utf-8-addr-xtext): \x{HEX} for what is not ASCII, for control bytes, for
 * `\`, `+` and `=`, and, as our headers use them as marks, for blank, `;`, `"`, `<` and `>`.  Pure; hostile input.
 */
#ifndef KODAMA_REPLY_XTEXT_H
#define KODAMA_REPLY_XTEXT_H

#include "base/buffer.h"

/* Invalid UTF-8 comes out as \x{FFFD}. */
void xtext_add(struct buffer *buffer, struct span text);

/* Only what is not printable ASCII is escaped: for words that people read. */
void xtext_add_readable(struct buffer *buffer, struct span text);

/* The domain after the last "@" as A-label where it is a domain; the rest as xtext_add. */
void xtext_add_address(struct buffer *buffer, struct span address);

#endif
