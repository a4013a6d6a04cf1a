/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC-SHA256.  Any thread. */

/*
 * The old names: EVP allocates three times for each code, which takes longer than the hash of so short a text, and
 * its contexts cannot be shared between threads.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hmac.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>

enum { BLOCK_SIZE = 64 };

static void absorb_key(const uint8_t key[static BLOCK_SIZE], uint8_t pad, uint32_t ret_state[static 8])
{
	uint8_t block[BLOCK_SIZE];
	SHA256_CTX sha;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = key[i] ^ pad;
	SHA256_Init(&sha);
	SHA256_Update(&sha, block, sizeof(block));
	memcpy(ret_state, sha.h, sizeof(sha.h));
	secret_wipe(block, sizeof(block));
	secret_wipe(&sha, sizeof(sha));
}

struct hmac_key hmac_key_make(struct span secret)
{
	uint8_t block[BLOCK_SIZE] = { 0 };
	struct hmac_key key;

	if (secret.len > sizeof(block))
		SHA256((const uint8_t *)secret.ptr, secret.len, block);
	else if (secret.len > 0)
		memcpy(block, secret.ptr, secret.len);
	absorb_key(block, 0x36, key.inner);
	absorb_key(block, 0x5c, key.outer);
	secret_wipe(block, sizeof(block));
	return key;
}

/* As if the key's block had been hashed just now. */
static void resume(SHA256_CTX *sha, const uint32_t state[static 8])
{
	SHA256_Init(sha);
	memcpy(sha->h, state, sizeof(sha->h));
	sha->Nl = BLOCK_SIZE * 8;
}

void hmac_make(const struct hmac_key *key, struct span text, uint8_t ret_code[static HMAC_SIZE])
{
	SHA256_CTX sha;

	resume(&sha, key->inner);
	SHA256_Update(&sha, text.ptr, text.len);
	SHA256_Final(ret_code, &sha);
	resume(&sha, key->outer);
	SHA256_Update(&sha, ret_code, HMAC_SIZE);
	SHA256_Final(ret_code, &sha);
}

bool secret_is_equal(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

void secret_wipe(void *bytes, size_t size)
{
	OPENSSL_cleanse(bytes, size);
}

int random_fill(void *bytes, size_t size)
{
	uint8_t *at = bytes;

	while (size > 0) {
		ssize_t got = getrandom(at, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		at += got;
		size -= (size_t)got;
	}
	return 0;
}

void hex_write(const void *bytes, size_t size, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++) {
		*ret_text++ = digits[at[i] >> 4];
		*ret_text++ = digits[at[i] & 15];
	}
	*ret_text = '\0';
}

static int get_digit(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_read(struct span text, void *ret_bytes, size_t size)
{
	uint8_t *out = ret_bytes;

	if (text.len != 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < text.len; i++)
		if (get_digit(text.ptr[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(get_digit(text.ptr[2 * i]) << 4 | get_digit(text.ptr[2 * i + 1]));
	return 0;
}
