/* SPDX-License-Identifier: BSD-2-Clause */
/* X-Kodama-Token and its short form.  Pure; any thread; hostile input. */
#include "evidence/token.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>

#include "base/address.h"

#define ENVELOPE_PREFIX "kdm1."

enum {
	PLAIN_SIZE = 192 + TOKEN_HASHES_MAX * (2 * TOKEN_HASH_SIZE + 1),
	FUTURE_S = 24 * 3600, /* our own clocks are not further apart */
	RETIRED_SLACK_S = 3600
};

#define SECOND_US INT64_C(1000000)

/* --- what is signed */

/* printf would take longer than the hashing */
static char *put_text(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len);
	return at + len;
}

static char *put_number(char *at, uint64_t number, size_t width)
{
	char digits[24];
	size_t len = 0;

	do
		digits[len++] = (char)('0' + number % 10);
	while ((number /= 10) > 0 || len < width);
	while (len > 0)
		*at++ = digits[--len];
	return at;
}

static char *put_hex(char *at, const void *bytes, size_t size)
{
	hex_write(bytes, size, at);
	return at + 2 * size;
}

/* What is signed: all before the code, in so few bytes that it is one block of the hash where the mail has one recipient. */
struct plain {
	char version[1];
	char key_id[KEY_ID_SIZE - 1];
	char stream[TOKEN_STREAM_SIZE - 1]; /* filled up with NUL */
	uint8_t time_us[8], recipients[4];  /* the first byte is the highest */
	uint8_t hashes[TOKEN_HASHES_MAX][TOKEN_HASH_SIZE]; /* as many as there are */
};
static_assert(sizeof(struct plain) == 37 + TOKEN_HASHES_MAX * TOKEN_HASH_SIZE, "no padding: it would be signed");

static size_t write_plain(const struct token *token, struct plain *plain)
{
	size_t stream_len = strnlen(token->stream, sizeof(plain->stream)), hashes_size = token->hash_count * sizeof(plain->hashes[0]);
	uint64_t time_us = htobe64((uint64_t)token->time_us);
	uint32_t recipients = htobe32(token->recipients);

	plain->version[0] = '1';
	memcpy(plain->key_id, token->key_id, sizeof(plain->key_id));
	memset(plain->stream, 0, sizeof(plain->stream));
	memcpy(plain->stream, token->stream, stream_len);
	memcpy(plain->time_us, &time_us, sizeof(plain->time_us));
	memcpy(plain->recipients, &recipients, sizeof(plain->recipients));
	memcpy(plain->hashes, token->hashes, hashes_size);
	return offsetof(struct plain, hashes) + hashes_size;
}

static void make_mac(const struct token *token, const struct key *key, uint8_t ret_mac[static TOKEN_MAC_SIZE])
{
	struct plain plain;
	uint8_t code[HMAC_SIZE];

	hmac_make(&key->token, span_make((const char *)&plain, write_plain(token, &plain)), code);
	memcpy(ret_mac, code, TOKEN_MAC_SIZE);
}

/*
 * The time is in it, so that the hashes of two mails do not tell that they had a recipient in common.  No code: what makes it
 * proof is that it is inside what is signed.
 */
static bool hash_recipient(const struct token *token, const struct key *key, struct span recipient, uint8_t ret_hash[static TOKEN_HASH_SIZE])
{
	struct address address;
	char text[sizeof(token->time_us) + sizeof(address.text)];
	uint64_t hash;

	if (address_fold(recipient, &address, NULL) < 0)
		return false;
	uint64_t time_us = htobe64((uint64_t)token->time_us);
	memcpy(text, &time_us, sizeof(time_us));
	memcpy(text + sizeof(time_us), address.text, address.len);
	hash = htobe64(siphash_2_4(&key->recipient, span_make(text, sizeof(time_us) + address.len)));
	memcpy(ret_hash, &hash, TOKEN_HASH_SIZE);
	return true;
}

/* Without a branch, and so in the same time wherever it stands; as one number each: a mail to many asks 2,000 times. */
static bool has_hash(const struct token *token, const uint8_t hash[static TOKEN_HASH_SIZE])
{
	uint64_t wanted, there;
	bool is_found = false;

	static_assert(TOKEN_HASH_SIZE == sizeof(wanted), "a hash is a number");
	memcpy(&wanted, hash, sizeof(wanted));
	for (uint32_t i = 0; i < token->hash_count; i++) {
		memcpy(&there, token->hashes[i], sizeof(there));
		is_found |= there == wanted;
	}
	return is_found;
}

/* --- signing */

void token_begin(struct token *token, const struct key *key, int64_t time_us, const char *stream)
{
	memcpy(token->key_id, key->id, sizeof(token->key_id));
	size_t len = strnlen(stream, sizeof(token->stream) - 1);
	memcpy(token->stream, stream, len);
	token->stream[len] = '\0';
	token->time_us = time_us;
	token->recipients = token->hash_count = 0;
}

void token_add_recipient(struct token *token, const struct key *key, struct span recipient)
{
	uint8_t hash[TOKEN_HASH_SIZE];

	if (token->hash_count == TOKEN_HASHES_MAX || !hash_recipient(token, key, recipient, hash)) {
		token->recipients++;
		return;
	}
	if (has_hash(token, hash))
		return;
	memcpy(token->hashes[token->hash_count++], hash, sizeof(hash));
	token->recipients++;
}

void token_sign(struct token *token, const struct key *key)
{
	make_mac(token, key, token->mac);
}

/* Four hashes a line keep it under 78 columns; what is between two of them is no part of the value. */
void token_write_header(const struct token *token, char ret_text[static TOKEN_HEADER_SIZE])
{
	char *at = put_text(put_text(ret_text, "v=1; k="), token->key_id);

	at = put_number(put_text(at, "; t="), (uint64_t)token->time_us / SECOND_US, 1);
	at = put_number(put_text(at, "."), (uint64_t)token->time_us % SECOND_US, 6);
	at = put_text(put_text(at, "; s="), token->stream);
	at = put_text(put_number(put_text(at, "; n="), token->recipients, 1), ";\n r=");
	for (uint32_t i = 0; i < token->hash_count; i++)
		at = put_hex(put_text(at, i == 0 ? "" : i % 4 == 0 ? ",\n " : ","), token->hashes[i], TOKEN_HASH_SIZE);
	put_hex(put_text(at, token->hash_count > 1 ? ";\n m=" : "; m="), token->mac, TOKEN_MAC_SIZE);
}

void token_write_envelope_id(const struct token *token, const struct key *key, char ret_text[static TOKEN_ENVELOPE_ID_SIZE])
{
	bool has_recipient = token->recipients == 1 && token->hash_count == 1;
	char text[TOKEN_ENVELOPE_ID_SIZE + 24]; /* of a time that nobody lives to see it would be too long */
	uint8_t mac[TOKEN_MAC_SIZE];

	memcpy(mac, token->mac, sizeof(mac));
	if (!has_recipient && token->hash_count > 0) {
		struct token without = *token;
		without.hash_count = 0;
		make_mac(&without, key, mac);
	}
	char *at = put_text(put_text(text, ENVELOPE_PREFIX), token->key_id);
	at = put_number(put_text(at, "."), (uint64_t)token->time_us, 1);
	at = put_text(put_text(at, "."), token->stream);
	at = put_text(put_number(put_text(at, "."), token->recipients, 1), ".");
	if (has_recipient)
		at = put_hex(at, token->hashes[0], TOKEN_HASH_SIZE);
	at = put_hex(put_text(at, "."), mac, TOKEN_MAC_SIZE);
	size_t len = (size_t)(at - text) < TOKEN_ENVELOPE_ID_SIZE ? (size_t)(at - text) : TOKEN_ENVELOPE_ID_SIZE - 1;
	memcpy(ret_text, text, len);
	ret_text[len] = '\0';
}

void token_make_stream(const struct keyring *ring, struct span kind, struct span name, char ret_stream[static TOKEN_STREAM_SIZE])
{
	char text[512];
	size_t len = name.len < sizeof(text) ? name.len : sizeof(text);
	uint8_t bytes[(TOKEN_STREAM_SIZE - 1) / 2];

	/* logins and domains are the same in any case */
	for (size_t i = 0; i < len; i++)
		text[i] = ascii_lower(name.ptr[i]);
	uint64_t hash = siphash_pair(&ring->stream, kind, span_make(text, len));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(hash >> 8 * (sizeof(bytes) - 1 - i));
	hex_write(bytes, sizeof(bytes), ret_stream);
}

/* --- reading */

static bool is_stream(struct span text)
{
	uint8_t bytes[(TOKEN_STREAM_SIZE - 1) / 2];

	if (text.len == 1)
		return text.ptr[0] == TOKEN_STREAM_NONE[0] || text.ptr[0] == TOKEN_STREAM_UNKNOWN[0] || text.ptr[0] == TOKEN_STREAM_EXEMPT[0];
	return hex_read(text, bytes, sizeof(bytes)) == 0;
}

static int take_time(struct span text, bool has_point, int64_t *ret_time_us)
{
	uint64_t seconds, micros = 0, whole = INT64_MAX / SECOND_US - 1;
	struct span rest = text, head = has_point ? span_take(&rest, '.') : text;

	if (!has_point) {
		if (span_parse_unsigned(text, INT64_MAX / 2, &micros) < 0)
			return -EINVAL;
		*ret_time_us = (int64_t)micros;
		return 0;
	}
	if (rest.len != 6 || span_parse_unsigned(head, whole, &seconds) < 0 || span_parse_unsigned(rest, SECOND_US - 1, &micros) < 0)
		return -EINVAL;
	*ret_time_us = (int64_t)seconds * SECOND_US + (int64_t)micros;
	return 0;
}

static int take_hashes(struct span text, struct token *token)
{
	token->hash_count = 0;
	if (text.len == 0)
		return 0;
	while (span_is_known(text)) {
		struct span hash = span_take(&text, ',');
		if (token->hash_count == TOKEN_HASHES_MAX || hex_read(hash, token->hashes[token->hash_count], TOKEN_HASH_SIZE) < 0)
			return -EINVAL;
		token->hash_count++;
	}
	return 0;
}

/* The six values in the order in which both forms have them. */
static int take_values(const struct span values[static 6], bool has_point, struct token *token)
{
	uint8_t id[(KEY_ID_SIZE - 1) / 2];
	uint64_t recipients;

	if (hex_read(values[0], id, sizeof(id)) < 0 || take_time(values[1], has_point, &token->time_us) < 0 || !is_stream(values[2]) ||
	    span_parse_unsigned(values[3], UINT32_MAX, &recipients) < 0 || take_hashes(values[4], token) < 0 ||
	    hex_read(values[5], token->mac, TOKEN_MAC_SIZE) < 0)
		return -EINVAL;
	if (token->hash_count > recipients)
		return -EINVAL;
	hex_write(id, sizeof(id), token->key_id);
	snprintf(token->stream, sizeof(token->stream), "%.*s", SPAN_ARG(values[2]));
	token->recipients = (uint32_t)recipients;
	return 0;
}

/* "k=value;" of *rest, the last without semicolon. */
static int take_pair(struct span *rest, char key, struct span *ret_value)
{
	struct span pair = span_take(rest, ';');

	if (pair.len < 2 || pair.ptr[0] != key || pair.ptr[1] != '=')
		return -EINVAL;
	*ret_value = span_skip(pair, 2);
	return 0;
}

static enum token_state read_header(struct span text, struct token *token)
{
	static const char keys[] = "ktsnrm";
	struct span values[6], version;

	if (take_pair(&text, 'v', &version) < 0 || !span_is_equal(version, SPAN_LIT("1")))
		return TOKEN_MALFORMED;
	for (size_t i = 0; i < 6; i++)
		if (!span_is_known(text) || take_pair(&text, keys[i], &values[i]) < 0)
			return TOKEN_MALFORMED;
	if (text.len > 0)
		return TOKEN_MALFORMED;
	return take_values(values, true, token) < 0 ? TOKEN_MALFORMED : TOKEN_VALID;
}

static enum token_state read_envelope_id(struct span text, struct token *token)
{
	struct span values[6];

	for (size_t i = 0; i < 6; i++) {
		if (!span_is_known(text))
			return TOKEN_MALFORMED;
		values[i] = span_take(&text, '.');
	}
	if (span_is_known(text))
		return TOKEN_MALFORMED;
	return take_values(values, false, token) < 0 ? TOKEN_MALFORMED : TOKEN_VALID;
}

enum token_state token_read(struct span text, struct token *ret_token)
{
	char plain[PLAIN_SIZE];
	size_t len = 0;

	/* folded by whoever carried it */
	for (size_t i = 0; i < text.len; i++) {
		if (ascii_is_space(text.ptr[i]))
			continue;
		if (len == sizeof(plain) || i > TOKEN_TEXT_MAX)
			return TOKEN_MALFORMED;
		plain[len++] = text.ptr[i];
	}
	struct span value = span_make(plain, len);
	if (span_has_prefix_nocase(value, SPAN_LIT(ENVELOPE_PREFIX)))
		return read_envelope_id(span_skip(value, sizeof(ENVELOPE_PREFIX) - 1), ret_token);
	if (span_has_prefix(value, SPAN_LIT("v=")))
		return read_header(value, ret_token);
	return TOKEN_ABSENT;
}

/* --- checking */

static const struct key *find_key(const struct token *token, const struct keyring *ring, int64_t now_s)
{
	return keyring_find(ring, span_of(token->key_id), now_s);
}

enum token_state token_check(const struct token *token, const struct keyring *ring, int64_t now_s)
{
	const struct key *key = find_key(token, ring, now_s);
	int64_t time_s = token->time_us / SECOND_US;
	uint8_t mac[TOKEN_MAC_SIZE];

	if (!key)
		return TOKEN_UNKNOWN_KEY;
	make_mac(token, key, mac);
	if (!secret_is_equal(mac, token->mac, sizeof(mac)))
		return TOKEN_FORGED;
	/* a retired key signs nothing: whoever has got hold of it since is told from us by the time */
	if (key->retired_s && time_s > key->retired_s + RETIRED_SLACK_S)
		return TOKEN_FORGED;
	return now_s - time_s > TOKEN_VALID_S || time_s - now_s > FUTURE_S ? TOKEN_EXPIRED : TOKEN_VALID;
}

bool token_binds(const struct token *token, const struct keyring *ring, struct span recipient, int64_t now_s)
{
	const struct key *key = find_key(token, ring, now_s);
	uint8_t hash[TOKEN_HASH_SIZE];

	return key && span_is_known(recipient) && hash_recipient(token, key, recipient, hash) && has_hash(token, hash);
}

void token_get_id(const struct token *token, char ret_id[static TOKEN_ID_SIZE])
{
	hex_write(token->mac, TOKEN_MAC_SIZE, ret_id);
}
