/* SPDX-License-Identifier: BSD-2-Clause */
/* HMAC-SHA256 against RFC 4231 and libcrypto's own; key files; what a retired key is good for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/keyring.h"

#define SECRET "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define STREAM_LINE KEY_STREAM " 100 - " SECRET "\n"

static void test_rfc_4231(void **state)
{
	static const struct {
		struct span key, text;
		const char *code;
	} rows[] = {
		{ SPAN_LIT("\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"), SPAN_LIT("Hi There"),
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ SPAN_LIT("Jefe"), SPAN_LIT("what do ya want for nothing?"), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	};
	char long_key[131], code_text[2 * HMAC_SIZE + 1];
	uint8_t code[HMAC_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hmac_key key = hmac_key_make(rows[i].key);
		hmac_make(&key, rows[i].text, code);
		hex_write(code, sizeof(code), code_text);
		assert_string_equal(code_text, rows[i].code);
	}
	/* longer than a block: the key is hashed first (test case 6) */
	memset(long_key, 0xaa, sizeof(long_key));
	struct hmac_key key = hmac_key_make(span_make(long_key, sizeof(long_key)));
	hmac_make(&key, SPAN_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), code);
	hex_write(code, sizeof(code), code_text);
	assert_string_equal(code_text, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_hex(void **state)
{
	uint8_t bytes[2];

	(void)state;
	assert_int_equal(hex_read(SPAN_LIT("0aF1"), bytes, 2), 0);
	assert_int_equal(bytes[0], 0x0a);
	assert_int_equal(bytes[1], 0xf1);
	assert_int_equal(hex_read(SPAN_LIT("0aF"), bytes, 2), -EINVAL);
	assert_int_equal(hex_read(SPAN_LIT("0aF1 "), bytes, 2), -EINVAL);
	assert_int_equal(hex_read(SPAN_LIT("0ag1"), bytes, 2), -EINVAL);
}

static void test_bad_files(void **state)
{
	static const struct {
		const char *text;
		int error;
		unsigned line;
	} rows[] = {
		{ "# nothing\n\n", 0, 2 },
		{ STREAM_LINE "4f2a91c3 100 - " SECRET "\n", 0, 2 },
		{ STREAM_LINE "4f2a91c3 100 200 " SECRET "\r\n", 0, 2 },
		{ STREAM_LINE "4f2a91c3 100 - " SECRET " more\n", -EINVAL, 2 },
		{ STREAM_LINE "4f2a91c3 100 - 0001\n", -EINVAL, 2 },
		{ "4f2a91 100 - " SECRET "\n", -EINVAL, 1 },
		{ "4f2a91c3 100 " SECRET "\n", -EINVAL, 1 },
		{ "4f2a91c3 now - " SECRET "\n", -EINVAL, 1 },
		{ STREAM_LINE STREAM_LINE, -EINVAL, 2 },
	};
	struct key_records records;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (key_records_parse(span_of(rows[i].text), &records, &line) != rows[i].error || line != rows[i].line)
			fail_msg("row %zu, line %u", i, line);
	}
}

static void test_written_is_read(void **state)
{
	struct key_records records = { .count = 0 }, again;
	struct buffer text;
	unsigned line;

	(void)state;
	assert_int_equal(key_records_add(&records, KEY_STREAM, 100), 0);
	while (records.count < KEYS_MAX)
		assert_int_equal(key_records_add(&records, NULL, 200), 0);
	assert_int_equal(key_records_add(&records, NULL, 200), -E2BIG);
	records.items[3].retired_s = 300;
	buffer_init(&text, 1 << 16);
	key_records_write(&records, &text);
	assert_int_equal(key_records_parse(buffer_get(&text), &again, &line), 0);
	assert_int_equal(again.count, records.count);
	assert_memory_equal(again.items, records.items, sizeof(records.items));
	buffer_done(&text);
}

static void test_retired_key_ends(void **state)
{
	struct key_records records = { .count = 0 };

	(void)state;
	assert_int_equal(key_records_add(&records, NULL, 1000), 0);
	assert_int_equal(key_records_add(&records, NULL, 2000), 0);
	records.items[0].retired_s = 2000;
	struct keyring *ring = keyring_new(&records, 500);
	assert_non_null(ring);
	assert_string_equal(ring->signer->id, records.items[1].id);
	assert_non_null(keyring_find(ring, span_of(records.items[0].id), 2500));
	assert_null(keyring_find(ring, span_of(records.items[0].id), 2501));
	assert_non_null(keyring_find(ring, span_of(records.items[1].id), 1000000));
	assert_null(keyring_find(ring, SPAN_LIT("00000000"), 2000));
	keyring_unref(ring);
}

/* The secret itself is nowhere in the ring: neither whole nor in hex. */
static void test_secret_is_not_in_the_ring(void **state)
{
	struct key_records records = { .count = 0 };

	(void)state;
	assert_int_equal(key_records_add(&records, NULL, 1000), 0);
	struct keyring *ring = keyring_new(&records, 500);
	assert_int_equal(span_find(span_make((const char *)ring, sizeof(*ring)), span_make((const char *)records.items[0].secret, KEY_SECRET_SIZE), 0),
			 SIZE_MAX);
	keyring_unref(ring);
}

static bool count_asking(void *data)
{
	return ++*(unsigned *)data > 1;
}

static void test_holder(void **state)
{
	struct key_records records = { .count = 0 };
	unsigned asked = 0;

	(void)state;
	assert_int_equal(key_records_add(&records, NULL, 1000), 0);
	struct keys *keys = keys_new(keyring_new(&records, 500));
	struct keyring *held = keys_get(keys);
	assert_false(keys_want_more(keys));
	keys_set_reader(keys, count_asking, &asked);
	assert_false(keys_want_more(keys));
	assert_true(keys_want_more(keys));
	assert_int_equal(key_records_add(&records, NULL, 2000), 0);
	keys_set(keys, keyring_new(&records, 500));
	/* who holds the old one ends with it */
	assert_int_equal(held->count, 1);
	keyring_unref(held);
	held = keys_get(keys);
	assert_int_equal(held->count, 2);
	keyring_unref(held);
	keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_4231),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_retired_key_ends),
		cmocka_unit_test(test_secret_is_not_in_the_ring),
		cmocka_unit_test(test_holder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
