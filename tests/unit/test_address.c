/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses: the table of vectors for the one folding, and the keyed hash against its reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/address.h"
#include "base/siphash.h"

struct vector {
	const char *text;
	const char *folded; /* NULL: refused */
};

static const struct vector vectors[] = {
	/* case, white space, brackets, the final dot */
	{ "user@example.com", "user@example.com" },
	{ "User@Example.COM", "user@example.com" },
	{ " <User@Example.com> ", "user@example.com" },
	{ "user@example.com.", "user@example.com" },
	{ "user@localhost", "user@localhost" },
	/* routes and comments */
	{ "<@relay.example.net,@b.example.net:user@example.com>", "user@example.com" },
	{ "user@example.com (User Name)", "user@example.com" },
	{ "(a (nested) one) user@example.com", "user@example.com" },
	/* quotes */
	{ "\"user\"@example.com", "user@example.com" },
	{ "\"us\\er\"@example.com", "user@example.com" },
	{ "\"a..b.\"@docomo.example.jp", "a..b.@docomo.example.jp" },
	{ "a..b.@docomo.example.jp", "a..b.@docomo.example.jp" },
	{ "\"with blank\"@example.com", "\"with blank\"@example.com" },
	{ "\"With\\ Blank\"@example.com", "\"with blank\"@example.com" },
	{ "\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com" },
	{ "\"a@b\"@example.com", "\"a@b\"@example.com" },
	{ "\"a(b\"@example.com", "\"a(b\"@example.com" },
	{ "o'brien+tag=x@example.com", "o'brien+tag=x@example.com" },
	/* NFC, and only ASCII is lowered: a mailbox of another script may know cases */
	{ "e\xcc\x81t\xc3\xa9@example.com", "\xc3\xa9t\xc3\xa9@example.com" },
	{ "\xc3\x89@example.com", "\xc3\x89@example.com" },
	{ "\xe6\x9c\xa8\xe9\x9c\x8a@example.jp", "\xe6\x9c\xa8\xe9\x9c\x8a@example.jp" },
	/* domains: A-labels */
	{ "user@b\xc3\xbc" "cher.example", "user@xn--bcher-kva.example" },
	{ "user@B\xc3\x9c" "CHER.example", "user@xn--bcher-kva.example" },
	{ "user@bu\xcc\x88" "cher.example", "user@xn--bcher-kva.example" },
	{ "user@XN--BCHER-KVA.example", "user@xn--bcher-kva.example" },
	{ "user@stra\xc3\x9f" "e.example", "user@xn--strae-oqa.example" },
	{ "user@\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "user@xn--r8jz45g.xn--zckzah" },
	{ "user@example\xe3\x80\x82jp\xe3\x80\x82", "user@example.jp" },
	{ "user@\xef\xbd\x85xample.jp", "user@example.jp" },
	{ "user@a_b.example.com", "user@a_b.example.com" },
	{ "user@[192.0.2.1]", "user@[192.0.2.1]" },
	{ "user@[IPv6:2001:DB8::1]", "user@[ipv6:2001:db8::1]" },
	/* an entry for a domain */
	{ "@Example.com", "@example.com" },
	{ "@b\xc3\xbc" "cher.example", "@xn--bcher-kva.example" },
	/* no addresses */
	{ "", NULL },
	{ "<>", NULL },
	{ "@", NULL },
	{ "user", NULL },
	{ "user@", NULL },
	{ "\"\"@example.com", NULL },
	{ "user@example..com", NULL },
	{ "user@.example.com", NULL },
	{ "user@-example.com", NULL },
	{ "user@exam ple.com", NULL },
	{ "us er@example.com", NULL },
	{ "user@example.com, other@example.com", NULL },
	{ "a@b@example.com", NULL },
	{ "\"a\"b\"@example.com", NULL },
	{ "\"a\\\"@example.com", NULL },
	{ "us\ter@example.com", NULL },
	{ "user@example.com\r\nX-Injected: 1", NULL },
	{ "user\x7f@example.com", NULL },
	{ "us\xc2\x85" "er@example.com", NULL },
	{ "us\xff" "er@example.com", NULL },
	{ "us\xc0\xaf" "er@example.com", NULL },
	{ "user@xn--a-ecp.example", NULL },
	{ "user@\xe2\x80\x8f.example", NULL },
	{ "user@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example", NULL },
};

static void test_vectors_fold_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		struct address address;
		const char *why = NULL;
		int result = address_fold(span_of(v->text), &address, &why);
		if (result != (v->folded ? 0 : -EINVAL) || (v->folded && strcmp(address.text, v->folded) != 0))
			fail_msg("'%s': %d %s, wanted %s", v->text, result, result ? why : address.text, v->folded ? v->folded : "a refusal");
		if (result == 0)
			assert_int_equal(address.len, strlen(address.text));
		else
			assert_non_null(why);
	}
}

static void test_folding_again_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct address again;
		if (!vectors[i].folded)
			continue;
		assert_int_equal(address_fold(span_of(vectors[i].folded), &again, NULL), 0);
		assert_string_equal(again.text, vectors[i].folded);
	}
}

static void test_long_and_nul_are_refused(void **state)
{
	static char text[10000];
	struct address address;
	const char *why = NULL;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + sizeof(text) - 12, "@example.com", 12);
	assert_int_equal(address_fold(span_make(text, sizeof(text)), &address, &why), -EINVAL);
	assert_string_equal(why, "it is too long");
	assert_int_equal(address_fold(span_make(text + 9000, 1000), &address, &why), -EINVAL);
	assert_int_equal(address_fold(span_make("a\0b@example.com", 15), &address, &why), -EINVAL);
	assert_int_equal(address_fold(SPAN_NONE, &address, &why), -EINVAL);
}

static void test_extension_is_stripped_once(void **state)
{
	struct address address, stripped;

	(void)state;
	assert_int_equal(address_fold(SPAN_LIT("user+list+x@example.com"), &address, NULL), 0);
	assert_true(address_strip_extension(&address, "+-", &stripped));
	assert_string_equal(stripped.text, "user@example.com");
	assert_int_equal(stripped.len, strlen(stripped.text));
	assert_true(span_is_equal(address_get_domain(&stripped), SPAN_LIT("example.com")));
	assert_false(address_strip_extension(&stripped, "+-", &address));
	assert_false(address_strip_extension(&stripped, "", &address));
	assert_int_equal(address_fold(SPAN_LIT("+user@example.com"), &address, NULL), 0);
	assert_false(address_strip_extension(&address, "+", &stripped));
}

/* The published vectors of SipHash-1-3 and 2-4: 00 01 02 ... under the key 00 .. 0f. */
static void test_siphash_knows_its_reference(void **state)
{
	static const struct { size_t len; uint64_t hash; } wanted[] = {
		{ 0, 0xabac0158050fc4dc }, { 1, 0xc9f49bf37d57ca93 }, { 2, 0x82cb9b024dc7d44d },
		{ 7, 0xd3927d989bb11140 }, { 8, 0x369095118d299a8e },
	};
	static const struct { size_t len; uint64_t hash; } wanted_2_4[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 },
	};
	const struct siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	for (size_t i = 0; i < sizeof(wanted_2_4) / sizeof(wanted_2_4[0]); i++)
		assert_int_equal(siphash_2_4(&key, span_make(text, wanted_2_4[i].len)), wanted_2_4[i].hash);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(siphash(&key, span_make(text, wanted[i].len)), wanted[i].hash);
	assert_int_not_equal(siphash_pair(&key, SPAN_LIT("ab"), SPAN_LIT("c")), siphash_pair(&key, SPAN_LIT("a"), SPAN_LIT("bc")));
}

/* As a report is read: only the quotes go; case and the domain stay as they are written. */
static void test_needless_quotes_are_dropped(void **state)
{
	static const char *const cases[][2] = {
		{ "\"a..b.\"@Docomo.example.jp", "a..b.@Docomo.example.jp" },
		{ "\".First.Last\"@example.com", ".First.Last@example.com" },
		{ "\"us\\er\"@example.com", "user@example.com" },
		{ "\"with blank\"@example.com", "\"with blank\"@example.com" },
		{ "\"a@b\"@example.com", "\"a@b\"@example.com" },
		{ "\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com" },
		{ "\"\"@example.com", "\"\"@example.com" },
		{ "a.b@example.com", "a.b@example.com" },
		{ "\"open@example.com", "\"open@example.com" },
		{ "", "" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span plain = address_drop_quotes(span_of(cases[i][0]), arena);
		if (!span_is_equal(plain, span_of(cases[i][1])))
			fail_msg("%s: %.*s", cases[i][0], SPAN_ARG(plain));
	}
	assert_false(span_is_known(address_drop_quotes(SPAN_NONE, arena)));
	arena_free(arena);
}

/* An empty comment changes nothing, but it sends the address the long way. */
static void test_the_short_way_ends_where_the_long_one_does(void **state)
{
	static const char letters[] = "aZ09.-_+@@xn--.com";
	unsigned long seed = 88172645463325252UL, folded = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		char text[32] = "()";
		size_t len = 2;
		struct address one, two;
		for (int letters_left = 3 + i % 20; letters_left > 0; letters_left--) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			text[len++] = letters[seed % (sizeof(letters) - 1)];
		}
		int a = address_fold(span_make(text + 2, len - 2), &one, NULL), b = address_fold(span_make(text, len), &two, NULL);
		if (a != b || (a == 0 && (one.at != two.at || !span_is_equal(address_get(&one), address_get(&two)))))
			fail_msg("%s: %d, %d", text + 2, a, b);
		folded += a == 0;
	}
	assert_in_range(folded, 10000, 290000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_short_way_ends_where_the_long_one_does),
		cmocka_unit_test(test_vectors_fold_as_written),
		cmocka_unit_test(test_folding_again_changes_nothing),
		cmocka_unit_test(test_long_and_nul_are_refused),
		cmocka_unit_test(test_extension_is_stripped_once),
		cmocka_unit_test(test_needless_quotes_are_dropped),
		cmocka_unit_test(test_siphash_knows_its_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
