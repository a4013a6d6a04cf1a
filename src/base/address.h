/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses: the one folding under which two spellings are the same mailbox (DESIGN section 6), used for every
 * row, every look-up and every token.  Folded: local part unquoted if possible, ASCII lower case, NFC; domain as
 * A-label (IDNA 2008, UTS 46), lower case, no final dot.  Pure; any thread; the text is hostile.
 */
#ifndef KODAMA_BASE_ADDRESS_H
#define KODAMA_BASE_ADDRESS_H

#include "base/arena.h"

/* RFC 5321 section 4.5.3.1: 64 + "@" + 255, and room for A-labels; with NUL. */
enum { ADDRESS_SIZE = 512, ADDRESS_FOLD_VERSION = 1 };

struct address {
	char text[ADDRESS_SIZE]; /* folded, NUL at the end */
	uint16_t len;
	uint16_t at; /* offset of the "@" before the domain; text[0] == '@' for a domain entry "@example.com" */
};

/*
 * Angle brackets, source routes and comments are taken off first.  -EINVAL with *ret_why (static, English, may be
 * NULL) when it is no address: no "@", empty parts, control bytes, invalid UTF-8, a domain that IDNA refuses, too long.
 */
int address_fold(struct span text, struct address *ret_address, const char **ret_why) __attribute__((warn_unused_result));

/*
 * The address as it stands, but for quotes around a local part that needs none ("a..b."@example.jp, quoted for its dots
 * alone): those are off, as in the folding.  In the arena where it changes; what is no such address stays.
 */
struct span address_drop_quotes(struct span text, struct arena *arena);

struct span address_get(const struct address *address);
struct span address_get_local(const struct address *address);
struct span address_get_domain(const struct address *address);

/* The same without its extension after the first of `delimiters` ("+-"): false when it has none. */
bool address_strip_extension(const struct address *address, const char *delimiters, struct address *ret_address);

/* A folded domain with its A-labels as people write them; false where it has none.  For tables that are asked in that form. */
bool domain_to_unicode(struct span folded, char text_out[static ADDRESS_SIZE]) __attribute__((warn_unused_result));

/* The domain alone, folded the same way; into text of ADDRESS_SIZE.  -EINVAL. */
int domain_fold(struct span text, char text_out[static ADDRESS_SIZE]) __attribute__((warn_unused_result));

#endif
