/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of machine-readable reports (RFC 3464 section 2.1, RFC 5965 section 3): lines, types, addresses.
 * Pure; any thread; hostile input; time is linear.
 */
#ifndef KODAMA_EVIDENCE_VALUE_H
#define KODAMA_EVIDENCE_VALUE_H

#include "base/arena.h"

/*
 * Cuts the next field off *rest, its value unfolded in the arena; an empty name for an empty line.  A line that
 * begins no field continues the one before, white space or not.  Loop while span_is_known(*rest).  -ENOMEM.
 */
int value_take_field(struct span *rest, struct arena *arena, struct span *ret_name, struct span *ret_value)
	__attribute__((warn_unused_result));

/* "smtp; 550 No" to "550 No". */
struct span value_strip_type(struct span value);

/* "rfc822; <a@example.org> (comment)" to "a@example.org"; empty where there is no address. */
struct span value_get_address(struct span typed);

/* Something on both sides of an "@", and no program or file. */
bool value_is_address(struct span text);

/* RFC 6533 section 3: "\x{5B57}" is a character.  What is malformed stays. */
struct span value_decode_unicode(struct span address, struct arena *arena);

/* RFC 3461 section 4, where the text can only be xtext: every "+" in it begins "+2B" or "+3D". */
struct span value_decode_xtext(struct span text, struct arena *arena);

/* RFC 5322 date to seconds since the epoch; 0 for what is none. */
int64_t value_parse_time(struct span text);

#endif
