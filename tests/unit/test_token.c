/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens: written, read back by whatever carried them, and every way in which one is not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "evidence/token.h"

#define NOW INT64_C(1795300000)
#define DAY (24 * 3600)
#define USER SPAN_LIT("user@example.com")

struct world {
	struct key_records records;
	struct keyring *ring;
	struct token token;
	char header[TOKEN_HEADER_SIZE];
	char envelope_id[TOKEN_ENVELOPE_ID_SIZE];
};

static int setup(void **state)
{
	static struct world world;

	world = (struct world){ .records = { .count = 0 } };
	assert_int_equal(key_records_add(&world.records, KEY_STREAM, NOW - DAY), 0);
	assert_int_equal(key_records_add(&world.records, NULL, NOW - DAY), 0);
	world.ring = keyring_new(&world.records, TOKEN_VALID_S);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	keyring_unref(world->ring);
	return 0;
}

static void sign(struct world *world, const char *const *recipients, int64_t time_us)
{
	token_begin(&world->token, world->ring->signer, time_us, TOKEN_STREAM_NONE);
	for (; *recipients; recipients++)
		token_add_recipient(&world->token, world->ring->signer, span_of(*recipients));
	token_sign(&world->token, world->ring->signer);
	token_write_header(&world->token, world->header);
	token_write_envelope_id(&world->token, world->ring->signer, world->envelope_id);
}

static void sign_one(struct world *world)
{
	static const char *const recipients[] = { "user@example.com", NULL };

	sign(world, recipients, NOW * 1000000 + 123456);
}

static enum token_state look(struct world *world, struct span text, int64_t now_s)
{
	struct token token;
	enum token_state state = token_read(text, &token);

	return state == TOKEN_VALID ? token_check(&token, world->ring, now_s) : state;
}

static void test_one_recipient(void **state)
{
	struct world *world = *state;
	struct token header, envelope_id;
	char first[TOKEN_ID_SIZE], second[TOKEN_ID_SIZE];

	sign_one(world);
	assert_int_equal(token_read(span_of(world->header), &header), TOKEN_VALID);
	assert_int_equal(token_read(span_of(world->envelope_id), &envelope_id), TOKEN_VALID);
	assert_int_equal(token_check(&header, world->ring, NOW), TOKEN_VALID);
	assert_int_equal(token_check(&envelope_id, world->ring, NOW), TOKEN_VALID);
	assert_int_equal(header.recipients, 1);
	assert_true(token_binds(&header, world->ring, SPAN_LIT("<User@EXAMPLE.com.>"), NOW));
	assert_true(token_binds(&envelope_id, world->ring, USER, NOW));
	assert_false(token_binds(&header, world->ring, SPAN_LIT("victim@example.com"), NOW));
	assert_false(token_binds(&header, world->ring, SPAN_NONE, NOW));
	/* the same message by both ways */
	token_get_id(&header, first);
	token_get_id(&envelope_id, second);
	assert_string_equal(first, second);
	assert_true(strlen(world->envelope_id) <= 100);
}

static void test_many_recipients(void **state)
{
	struct world *world = *state;
	char names[100][32];
	const char *recipients[101] = { NULL };
	struct token header, envelope_id;

	for (int i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "u%d@example.com", i);
		recipients[i] = names[i];
	}
	sign(world, recipients, NOW * 1000000);
	assert_int_equal(look(world, span_of(world->header), NOW), TOKEN_VALID);
	assert_int_equal(token_read(span_of(world->header), &header), TOKEN_VALID);
	assert_int_equal(header.recipients, 100);
	assert_int_equal(header.hash_count, 64);
	assert_true(token_binds(&header, world->ring, span_of(names[0]), NOW));
	assert_true(token_binds(&header, world->ring, span_of(names[63]), NOW));
	assert_false(token_binds(&header, world->ring, span_of(names[64]), NOW));
	/* the short form has no room for them: ours, and binds nobody */
	assert_int_equal(token_read(span_of(world->envelope_id), &envelope_id), TOKEN_VALID);
	assert_int_equal(token_check(&envelope_id, world->ring, NOW), TOKEN_VALID);
	assert_int_equal(envelope_id.recipients, 100);
	assert_false(token_binds(&envelope_id, world->ring, span_of(names[0]), NOW));
	for (struct span rest = span_of(world->header); span_is_known(rest);)
		assert_true(span_take(&rest, '\n').len <= 78);
}

static void test_the_same_twice_is_one(void **state)
{
	static const char *const recipients[] = { "user@example.com", "<USER@example.com>", NULL };
	struct world *world = *state;

	sign(world, recipients, NOW * 1000000);
	assert_int_equal(world->token.recipients, 1);
}

/* One that is no address is nobody's, but a recipient all the same. */
static void test_no_address_counts(void **state)
{
	static const char *const recipients[] = { "user@example.com", "postmaster", NULL };
	struct world *world = *state;

	sign(world, recipients, NOW * 1000000);
	assert_int_equal(world->token.recipients, 2);
	assert_int_equal(world->token.hash_count, 1);
	assert_int_equal(look(world, span_of(world->header), NOW), TOKEN_VALID);
}

/* Mail systems fold, unfold, and indent. */
static void test_carried_through(void **state)
{
	struct world *world = *state;
	struct buffer text;

	sign_one(world);
	buffer_init(&text, 8192);
	for (size_t i = 0; i < strlen(world->header); i++) {
		buffer_add_char(&text, world->header[i]);
		if (i % 7 == 0)
			buffer_add(&text, SPAN_LIT("\r\n\t"));
	}
	assert_int_equal(look(world, buffer_get(&text), NOW), TOKEN_VALID);
	buffer_done(&text);
}

/* Any changed byte of the value: it is not ours any more. */
static void test_every_byte_counts(void **state)
{
	struct world *world = *state;
	struct token token, original;

	sign_one(world);
	assert_int_equal(token_read(span_of(world->header), &original), TOKEN_VALID);
	for (size_t i = 0; i < strlen(world->header); i++) {
		char *c = &world->header[i], old = *c;
		static const char others[] = "09afz;=,. ";
		for (size_t j = 0; j < sizeof(others) - 1; j++) {
			*c = others[j];
			bool is_white = ascii_is_space(old) && ascii_is_space(*c);
			if (*c == old || is_white)
				continue;
			if (token_read(span_of(world->header), &token) == TOKEN_VALID && token_check(&token, world->ring, NOW) == TOKEN_VALID)
				fail_msg("byte %zu made '%c' is still valid: %s", i, *c, world->header);
		}
		*c = old;
	}
}

static void test_every_cut_counts(void **state)
{
	struct world *world = *state;

	sign_one(world);
	for (size_t len = 0; len < strlen(world->header); len++)
		assert_int_not_equal(look(world, span_slice(span_of(world->header), 0, len), NOW), TOKEN_VALID);
	for (size_t len = 0; len < strlen(world->envelope_id); len++)
		assert_int_not_equal(look(world, span_make(world->envelope_id, len), NOW), TOKEN_VALID);
}

static void test_time(void **state)
{
	struct world *world = *state;

	sign_one(world);
	assert_int_equal(look(world, span_of(world->header), NOW + TOKEN_VALID_S), TOKEN_VALID);
	assert_int_equal(look(world, span_of(world->header), NOW + TOKEN_VALID_S + 1), TOKEN_EXPIRED);
	assert_int_equal(look(world, span_of(world->header), NOW - 2 * DAY), TOKEN_EXPIRED);
}

static void test_keys(void **state)
{
	struct world *world = *state;
	struct keyring *other;

	sign_one(world);
	/* another host's, another installation's */
	struct key_records records = { .count = 0 };
	assert_int_equal(key_records_add(&records, NULL, NOW), 0);
	other = keyring_new(&records, TOKEN_VALID_S);
	struct keyring *ours = world->ring;
	world->ring = other;
	assert_int_equal(look(world, span_of(world->header), NOW), TOKEN_UNKNOWN_KEY);
	keyring_unref(other);
	/* the same id with another secret */
	memcpy(records.items[0].id, world->records.items[1].id, KEY_ID_SIZE);
	world->ring = other = keyring_new(&records, TOKEN_VALID_S);
	assert_int_equal(look(world, span_of(world->header), NOW), TOKEN_FORGED);
	keyring_unref(other);
	/* retired: good for what it signed, as long as was said, and for nothing that it signs later */
	world->records.items[1].retired_s = NOW + 10;
	world->ring = other = keyring_new(&world->records, 5 * DAY);
	assert_int_equal(look(world, span_of(world->header), NOW + 4 * DAY), TOKEN_VALID);
	assert_int_equal(look(world, span_of(world->header), NOW + 6 * DAY), TOKEN_UNKNOWN_KEY);
	keyring_unref(other);
	world->records.items[1].retired_s = NOW - DAY;
	world->ring = other = keyring_new(&world->records, 5 * DAY);
	assert_int_equal(look(world, span_of(world->header), NOW), TOKEN_FORGED);
	keyring_unref(other);
	world->ring = ours;
}

static void test_what_is_none(void **state)
{
	static const struct {
		const char *text;
		enum token_state state;
	} rows[] = {
		{ "", TOKEN_ABSENT },
		{ "QQ314159", TOKEN_ABSENT },
		{ "v=2; k=4f2a91c3; t=1.000000; s=-; n=1; r=0123456789abcdef; m=00112233445566778899aabbccddeeff", TOKEN_MALFORMED },
		{ "v=1; k=4f2a91c3; t=1.000000; s=-; n=1; r=0123456789abcdef; m=00112233445566778899aabbccddeeff", TOKEN_VALID },
		{ "v=1; k=4f2a91c3; t=1.000000; s=-; n=1; r=0123456789abcdef; m=00112233445566778899aabbccddeeff; z=1", TOKEN_MALFORMED },
		{ "v=1; k=4f2a91c3; t=1.000000; s=-; n=1; r=0123456789abcdef,0123456789abcdef; m=00112233445566778899aabbccddeeff", TOKEN_MALFORMED },
		{ "v=1; k=4f2a91c3; t=1.000000; s=evil; n=1; r=; m=00112233445566778899aabbccddeeff", TOKEN_MALFORMED },
		{ "v=1; k=4f2a91c3; t=99999999999999999999.000000; s=-; n=1; r=; m=00112233445566778899aabbccddeeff", TOKEN_MALFORMED },
		{ "v=1; k=4f2a91c3; t=-1.000000; s=-; n=1; r=; m=00112233445566778899aabbccddeeff", TOKEN_MALFORMED },
		{ "v=1; k=4f2a91c3; t=1.000000; s=-; n=4294967296; r=; m=00112233445566778899aabbccddeeff", TOKEN_MALFORMED },
		{ "v=1; t=1.000000; k=4f2a91c3; s=-; n=1; r=; m=00112233445566778899aabbccddeeff", TOKEN_MALFORMED },
		{ "kdm1.4f2a91c3.1795300000123456.-.1.0123456789abcdef.00112233445566778899aabbccddeeff", TOKEN_VALID },
		{ "kdm1.4f2a91c3.1795300000123456.-.1.0123456789abcdef.00112233445566778899aabbccddeeff.x", TOKEN_MALFORMED },
		{ "kdm1.4f2a91c3.1795300000123456.-.1.0123456789abcdef", TOKEN_MALFORMED },
		{ "kdm1.", TOKEN_MALFORMED },
	};
	struct token token;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (token_read(span_of(rows[i].text), &token) != rows[i].state)
			fail_msg("row %zu: %s", i, rows[i].text);
}

static void test_longer_than_any(void **state)
{
	struct buffer text;
	struct token token;

	(void)state;
	buffer_init(&text, 1 << 20);
	buffer_add(&text, SPAN_LIT("v=1; k=4f2a91c3; t=1.000000; s=-; n=100; r="));
	for (int i = 0; i < 20000; i++)
		buffer_add(&text, SPAN_LIT("0123456789abcdef,"));
	assert_int_equal(token_read(buffer_get(&text), &token), TOKEN_MALFORMED);
	buffer_clear(&text);
	buffer_add(&text, SPAN_LIT("v=1;"));
	for (int i = 0; i < 100000; i++)
		buffer_add_char(&text, ' ');
	assert_int_equal(token_read(buffer_get(&text), &token), TOKEN_MALFORMED);
	buffer_done(&text);
}

static void test_streams(void **state)
{
	struct world *world = *state;
	char a[TOKEN_STREAM_SIZE], b[TOKEN_STREAM_SIZE];

	token_make_stream(world->ring, SPAN_LIT("login"), SPAN_LIT("alice"), a);
	token_make_stream(world->ring, SPAN_LIT("login"), SPAN_LIT("Alice"), b);
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), 16);
	token_make_stream(world->ring, SPAN_LIT("login"), SPAN_LIT("bob"), b);
	assert_string_not_equal(a, b);
	token_make_stream(world->ring, SPAN_LIT("policy-context"), SPAN_LIT("alice"), b);
	assert_string_not_equal(a, b);
}

/* Two mails to one address have nothing in common that an outsider could see. */
static void test_hashes_do_not_tell(void **state)
{
	static const char *const recipients[] = { "user@example.com", NULL };
	struct world *world = *state;
	struct token first;

	sign(world, recipients, NOW * 1000000);
	first = world->token;
	sign(world, recipients, NOW * 1000000 + 1);
	assert_memory_not_equal(first.hashes[0], world->token.hashes[0], TOKEN_HASH_SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_recipient),
		TEST(test_many_recipients),
		TEST(test_the_same_twice_is_one),
		TEST(test_no_address_counts),
		TEST(test_carried_through),
		TEST(test_every_byte_counts),
		TEST(test_every_cut_counts),
		TEST(test_time),
		TEST(test_keys),
		TEST(test_what_is_none),
		TEST(test_longer_than_any),
		TEST(test_streams),
		TEST(test_hashes_do_not_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
