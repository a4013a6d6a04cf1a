/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Content-Transfer-Encoding, RFC 2045 section 6: base64 and quoted-printable, decoded as the bytes come.
 * Lenient: what cannot be decoded is passed over (base64) or passed on as it stands (quoted-printable).
 * Pure; one decoder a thread; the bytes are hostile.
 */
#ifndef KODAMA_EVIDENCE_TRANSFER_H
#define KODAMA_EVIDENCE_TRANSFER_H

#include "base/buffer.h"

enum transfer { TRANSFER_IDENTITY, TRANSFER_BASE64, TRANSFER_QUOTED_PRINTABLE };

/* By the field's value: "7bit", "8bit", "binary", and what nobody knows, are the identity. */
enum transfer transfer_find(struct span name);

struct base64 {
	uint32_t bits;
	uint8_t count;   /* of the digits in `bits` */
};

/* Appends what `text` decodes to; white space and foreign bytes are passed over, "=" ends a run of digits. */
void base64_decode(struct base64 *state, struct span text, struct buffer *out);

/* One whole line without its line end; appends the line, with "\n" unless it ends in a soft line break. */
void quoted_printable_decode_line(struct span line, struct buffer *out);

/* RFC 2047 section 4.2: as quoted-printable, "_" is a blank. */
void q_decode(struct span text, struct buffer *out);

/* The value of a hexadecimal digit, either case; -1 for another character. */
int hex_value(char c);

#endif
