/* SPDX-License-Identifier: BSD-2-Clause */
/* The reader of tokens: whatever it takes for well-formed can be written again, reads the same, and is not ours. */
#include <assert.h>
#include <stdlib.h>

#include "evidence/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keyring *make_ring(void)
{
	struct key_records records = { .count = 1, .items = { { .id = "4f2a91c3", .created_s = 1, .secret = { 1 } } } };

	return keyring_new(&records, TOKEN_VALID_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keyring *ring;
	static struct token token, again;
	char text[TOKEN_HEADER_SIZE], envelope_id[TOKEN_ENVELOPE_ID_SIZE];

	if (!ring)
		ring = make_ring();
	if (token_read(span_make((const char *)data, size), &token) != TOKEN_VALID)
		return 0;
	assert(token.hash_count <= TOKEN_HASHES_MAX && token.hash_count <= token.recipients);
	/* nobody guesses a code */
	assert(token_check(&token, ring, 1795300000) < TOKEN_EXPIRED);
	token_write_header(&token, text);
	assert(strlen(text) < sizeof(text));
	token_write_envelope_id(&token, ring->signer, envelope_id);
	assert(strlen(envelope_id) < sizeof(envelope_id));
	assert(token_read(span_of(text), &again) == TOKEN_VALID);
	assert(again.time_us == token.time_us && again.recipients == token.recipients && again.hash_count == token.hash_count);
	assert(memcmp(again.hashes, token.hashes, sizeof(token.hashes[0]) * token.hash_count) == 0);
	return 0;
}
