/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The token that outbound mail carries, so that what comes back proves itself (DESIGN section 6):
 *
 *   X-Kodama-Token: v=1; k=4f2a91c3; t=1795300000.123456; s=-; n=1; r=0123456789abcdef; m=00112233445566778899aabbccddeeff
 *
 * k: key; t: when; s: stream; n: recipients of the envelope; r: a keyed hash (SipHash-2-4) of each, at most 64; m: HMAC-SHA256
 * over all before, cut to 16 bytes.  The envelope id holds the same in short, with r only if n = 1: "kdm1.k.t.s.n.r.m".
 * Signed is: "1", k (8 bytes of text), s (16, filled up with NUL), t in microseconds (8, highest first), n (4), the hashes (8 each).
 * The sender is not bound: canonical maps, SRS and VERP rewrite it.
 *
 * Pure; time and keys are arguments; any thread; what is read is hostile.
 */
#ifndef KODAMA_EVIDENCE_TOKEN_H
#define KODAMA_EVIDENCE_TOKEN_H

#include "base/keyring.h"

enum {
	TOKEN_HASHES_MAX = 64,
	TOKEN_HASH_SIZE = 8,
	TOKEN_MAC_SIZE = 16,
	TOKEN_ID_SIZE = 2 * TOKEN_MAC_SIZE + 1,
	TOKEN_STREAM_SIZE = 17,
	TOKEN_ENVELOPE_ID_SIZE = 101, /* RFC 3461 section 4.4: 100, and NUL */
	TOKEN_HEADER_SIZE = 192 + TOKEN_HASHES_MAX * (2 * TOKEN_HASH_SIZE + 2),
	TOKEN_TEXT_MAX = 4096,
	TOKEN_VALID_S = 21 * 24 * 3600
};

/* s: 16 hex digits, or one of these. */
#define TOKEN_STREAM_NONE "-"    /* streams were not in use */
#define TOKEN_STREAM_UNKNOWN "*"
#define TOKEN_STREAM_EXEMPT "x"  /* the login was one of exempt-logins */

struct token {
	char key_id[KEY_ID_SIZE];
	char stream[TOKEN_STREAM_SIZE];
	int64_t time_us; /* since the epoch */
	uint32_t recipients;
	uint32_t hash_count;
	uint8_t hashes[TOKEN_HASHES_MAX][TOKEN_HASH_SIZE];
	uint8_t mac[TOKEN_MAC_SIZE];
};

/* What a reader finds; from TOKEN_EXPIRED on it is ours. */
enum token_state { TOKEN_ABSENT, TOKEN_MALFORMED, TOKEN_UNKNOWN_KEY, TOKEN_FORGED, TOKEN_EXPIRED, TOKEN_VALID };

/* --- signing: begin, add each recipient, sign, write */

void token_begin(struct token *token, const struct key *key, int64_t time_us, const char *stream);

/* Any spelling; the same address twice counts once.  Past TOKEN_HASHES_MAX, and what is no address, is counted only. */
void token_add_recipient(struct token *token, const struct key *key, struct span recipient);
void token_sign(struct token *token, const struct key *key);

/* The field's value, folded with "\n ", and NUL. */
void token_write_header(const struct token *token, char ret_text[static TOKEN_HEADER_SIZE]);
void token_write_envelope_id(const struct token *token, const struct key *key, char ret_text[static TOKEN_ENVELOPE_ID_SIZE]);

/* The id of a stream: a keyed hash, so that a token does not tell who wrote the mail.  kind: "login". */
void token_make_stream(const struct keyring *ring, struct span kind, struct span name, char ret_stream[static TOKEN_STREAM_SIZE]);

/* --- checking */

/* Either form, folded or not; TOKEN_ABSENT for what is not meant as one, else MALFORMED, or VALID for well-formed. */
enum token_state token_read(struct span text, struct token *ret_token);

/* Is what was read ours, and in its time? */
enum token_state token_check(const struct token *token, const struct keyring *ring, int64_t now_s);

/* Was the mail for this address, any spelling?  Of a token that is ours. */
bool token_binds(const struct token *token, const struct keyring *ring, struct span recipient, int64_t now_s);

/* Names the message: the same for both forms where n = 1. */
void token_get_id(const struct token *token, char ret_id[static TOKEN_ID_SIZE]);

#endif
