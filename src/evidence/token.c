/* SPDX-License-Identifier: BSD-2-Clause */
/* X-Kodama-Token and its short form.  Pure; any thread; hostile input. */
#include "evidence/token.h"

#include <errno.h>
#include <stdio.h>

#include "base/address.h"

#define ENVELOPE_PREFIX "kdm1."

enum {
	MESSAGE_SIZE = 128 + TOKEN_HASHES_MAX * (2 * TOKEN_HASH_SIZE + 1),
	FUTURE_S = 24 * 3600, /* our own clocks are not further apart */
	RETIRED_SLACK_S = 3600
};

#define SECOND_US INT64_C(1000000)

/* --- what is signed */

/* printf would take as long as the hashing */
static char *put_text(char *at, const char *text)
{
	size_t len = strlen(text);

	memcpy(at, text, len);
	return at + len;
}

static char *put_number(char *at, uint64_t number, unsigned base, size_t width)
{
	char digits[64];
	size_t len = 0;

	do
		digits[len++] = "0123456789abcdef"[number % base];
	while ((number /= base) > 0 || len < width);
	while (len > 0)
		*at++ = digits[--len];
	return at;
}

/* "v=1;k=...;t=...;s=...;n=...;r=...;": all before the code, without white space.  Returns its length. */
static size_t write_message(const struct token *token, char out[static MESSAGE_SIZE])
{
	char *at = put_text(put_text(out, "v=1;k="), token->key_id);

	at = put_number(put_text(at, ";t="), (uint64_t)token->time_us / SECOND_US, 10, 1);
	at = put_number(put_text(at, "."), (uint64_t)token->time_us % SECOND_US, 10, 6);
	at = put_text(put_text(at, ";s="), token->stream);
	at = put_text(put_number(put_text(at, ";n="), token->recipients, 10, 1), ";r=");
	for (uint32_t i = 0; i < token->hash_count; i++) {
		if (i > 0)
			*at++ = ',';
		hex_write(token->hashes[i], TOKEN_HASH_SIZE, at);
		at += 2 * TOKEN_HASH_SIZE;
	}
	*at++ = ';';
	return (size_t)(at - out);
}

static void make_mac(const struct token *token, const struct key *key, uint8_t ret_mac[static TOKEN_MAC_SIZE])
{
	char message[MESSAGE_SIZE];
	uint8_t code[HMAC_SIZE];

	hmac_make(&key->token, span_make(message, write_message(token, message)), code);
	memcpy(ret_mac, code, TOKEN_MAC_SIZE);
}

/* The time is in it, so that the hashes of two mails do not tell that they had a recipient in common. */
static bool hash_recipient(const struct token *token, const struct key *key, struct span recipient, uint8_t ret_hash[static TOKEN_HASH_SIZE])
{
	char text[32 + ADDRESS_SIZE];
	uint8_t code[HMAC_SIZE];
	struct address address;

	if (address_fold(recipient, &address, NULL) < 0)
		return false;
	char *end = put_text(put_text(put_number(text, (uint64_t)token->time_us, 16, 1), ":"), address.text);
	hmac_make(&key->recipient, span_make(text, (size_t)(end - text)), code);
	memcpy(ret_hash, code, TOKEN_HASH_SIZE);
	return true;
}

static bool has_hash(const struct token *token, const uint8_t hash[static TOKEN_HASH_SIZE])
{
	bool is_found = false;

	for (uint32_t i = 0; i < token->hash_count; i++)
		is_found |= secret_is_equal(token->hashes[i], hash, TOKEN_HASH_SIZE);
	return is_found;
}

/* --- signing */

void token_begin(struct token *token, const struct key *key, int64_t time_us, const char *stream)
{
	memcpy(token->key_id, key->id, sizeof(token->key_id));
	snprintf(token->stream, sizeof(token->stream), "%s", stream);
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
void token_write_header(const struct token *token, struct buffer *out)
{
	char hex[2 * TOKEN_MAC_SIZE + 1];

	buffer_printf(out, "v=1; k=%s; t=%lld.%06lld; s=%s; n=%u;\n r=", token->key_id, (long long)(token->time_us / SECOND_US),
		      (long long)(token->time_us % SECOND_US), token->stream, token->recipients);
	for (uint32_t i = 0; i < token->hash_count; i++) {
		hex_write(token->hashes[i], TOKEN_HASH_SIZE, hex);
		buffer_printf(out, "%s%s", i == 0 ? "" : i % 4 == 0 ? ",\n " : ",", hex);
	}
	hex_write(token->mac, TOKEN_MAC_SIZE, hex);
	buffer_printf(out, "%s m=%s", token->hash_count > 1 ? ";\n" : ";", hex);
}

void token_write_envelope_id(const struct token *token, const struct key *key, char ret_text[static TOKEN_ENVELOPE_ID_SIZE])
{
	char hash[2 * TOKEN_HASH_SIZE + 1] = "", mac_text[2 * TOKEN_MAC_SIZE + 1];
	bool has_recipient = token->recipients == 1 && token->hash_count == 1;
	uint8_t mac[TOKEN_MAC_SIZE];

	memcpy(mac, token->mac, sizeof(mac));
	if (has_recipient) {
		hex_write(token->hashes[0], TOKEN_HASH_SIZE, hash);
	} else if (token->hash_count > 0) {
		struct token without = *token;
		without.hash_count = 0;
		make_mac(&without, key, mac);
	}
	hex_write(mac, sizeof(mac), mac_text);
	snprintf(ret_text, TOKEN_ENVELOPE_ID_SIZE, ENVELOPE_PREFIX "%s.%lld.%s.%u.%s.%s", token->key_id, (long long)token->time_us, token->stream,
		 token->recipients, hash, mac_text);
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
	char plain[MESSAGE_SIZE + 64];
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
