/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMAC-SHA256 (RFC 2104, FIPS 180-4) on libcrypto's SHA-256, with the key's two blocks done once: a short text costs
 * three blocks.  Comparison in constant time, and random bytes from the system.  Any thread.
 */
#ifndef KODAMA_BASE_HMAC_H
#define KODAMA_BASE_HMAC_H

#include "base/span.h"

enum { HMAC_SIZE = 32 };

/* What SHA-256 has made of the padded key, inside and outside. */
struct hmac_key {
	uint32_t inner[8], outer[8];
};

struct hmac_key hmac_key_make(struct span secret);
void hmac_make(const struct hmac_key *key, struct span text, uint8_t ret_code[static HMAC_SIZE]);

/* Takes the same time wherever they differ. */
bool secret_is_equal(const void *a, const void *b, size_t size);

/* Not left out by the compiler. */
void secret_wipe(void *bytes, size_t size);

/* From the system's generator; -errno. */
int random_fill(void *bytes, size_t size) __attribute__((warn_unused_result));

/* size bytes as 2 * size lower-case hex digits and NUL. */
void hex_write(const void *bytes, size_t size, char *ret_text);

/* Exactly 2 * size hex digits, any case; -EINVAL. */
int hex_read(struct span text, void *ret_bytes, size_t size) __attribute__((warn_unused_result));

#endif
