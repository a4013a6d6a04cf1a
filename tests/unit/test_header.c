/* SPDX-License-Identifier: BSD-2-Clause */
/* Header fields: parameters (RFC 2231), addresses, folds; tables of named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "evidence/header.h"
#include "evidence/value.h"

static const struct {
	const char *name;
	const char *value;
	const char *wanted; /* of the parameter "p"; NULL: absent */
} parameters[] = {
	{ "token", "a/b; p=x", "x" },
	{ "quoted", "a/b; p=\"x; y\"", "x; y" },
	{ "quoted pairs", "a/b; p=\"x\\\"y\\\\\"", "x\"y\\" },
	{ "other case, blanks around", "a/b ; q=1 ; P = x ; r=2", "x" },
	{ "comment before and after", "a/b (c;p=no); (p=no) p=x (d)", "x" },
	{ "name is a part of another", "a/b; pp=1; p=2", "2" },
	{ "in another's quoted value", "a/b; q=\"; p=1\"; p=2", "2" },
	{ "never closed", "a/b; p=\"x y", "x y" },
	{ "empty", "a/b; p=", "" },
	{ "none", "a/b; q=1", NULL },
	{ "no parameters at all", "a/b", NULL },
	{ "the first of two", "a/b; p=1; p=2", "1" },
	{ "folded", "a/b;\r\n\tp=\"x\"", "x" },
	{ "sections", "a/b; p*0=ab; p*1=\"c d\"; p*2=e", "abc de" },
	{ "sections in any order", "a/b; p*1=b; p*0=a", "ab" },
	{ "a section is missing", "a/b; p*0=a; p*2=c", "a" },
	{ "character set and language", "a/b; p*=iso-8859-1'de'%E4%20b", "\u00e4 b" },
	{ "sections, extended and not", "a/b; p*0*=utf-8''%C3; p*1*=%A4; p*2=%41", "\u00e4%41" },
	{ "extended without a set", "a/b; p*=%41%4", "A%4" },
	{ "section number too large", "a/b; p*99999999999999999999=a", NULL },
};

static const struct {
	const char *name;
	const char *list;
	const char *wanted; /* joined by "|" */
} addresses[] = {
	{ "bare", "a@example.org", "a@example.org" },
	{ "in brackets", "<a@example.org>", "a@example.org" },
	{ "display name", "Doe <a@example.org>", "a@example.org" },
	{ "quoted display name with a comma and a bracket", "\"Doe, <J.\" <a@example.org>", "a@example.org" },
	{ "comment", "a@example.org (Doe, J. <x@example.org>)", "a@example.org" },
	{ "comment first", "(x) a@example.org", "a@example.org" },
	{ "list", "a@example.org, B <b@example.org>,c@example.org", "a@example.org|b@example.org|c@example.org" },
	{ "quoted local part", "\"a, b\"@example.org", "\"a, b\"@example.org" },
	{ "null", "<>", "" },
	{ "no address", "MAILER-DAEMON", "" },
	{ "group without members", "undisclosed-recipients:;", "|" },
	{ "bracket that never closes", "<a@example.org", "a@example.org" },
	{ "comment that never closes", "a@example.org (x", "a@example.org" },
	{ "empty", "", "" },
};

static const struct {
	const char *name;
	const char *typed;
	const char *wanted;
} typed_addresses[] = {
	{ "type", "rfc822; a@example.org", "a@example.org" },
	{ "type in capitals without blank", "RFC822;a@example.org", "a@example.org" },
	{ "brackets", "rfc822;<a@example.org>", "a@example.org" },
	{ "no type", "<a@example.org>", "a@example.org" },
	{ "comment", "rfc822; a@example.org (Doe)", "a@example.org" },
	{ "source route", "rfc822;@relay.example.org,@b.example.org:a@example.org", "a@example.org" },
	{ "program", "X-Unix; |/usr/bin/procmail a@example.org", "" },
	{ "nothing", "rfc822;", "" },
	{ "blank", "rfc822; ", "" },
};

static const struct {
	const char *name;
	const char *text;
	const char *wanted;
} xtexts[] = {
	{ "plus and equals sign", "a+2Bb+3Dc@example.org", "a+b=c@example.org" },
	{ "an address with an extension", "a+tag@example.org", "a+tag@example.org" },
	{ "an extension that looks like xtext", "a+42@example.org", "a+42@example.org" },
	{ "an extension that has xtext beside it", "a+2B+x@example.org", "a+2B+x@example.org" },
	{ "at the end", "a+", "a+" },
};

static void test_parameters(void **state)
{
	struct charsets *charsets = charsets_new();
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		struct span found = header_find_parameter(charsets, span_of(parameters[i].value), "p", arena);
		if (!span_is_equal(found, span_of(parameters[i].wanted)) || span_is_known(found) != (parameters[i].wanted != NULL))
			fail_msg("%s: '%.*s'", parameters[i].name, SPAN_ARG(found));
	}
	arena_free(arena);
	charsets_free(charsets);
}

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct span rest = span_of(addresses[i].list);
		struct buffer out;

		buffer_init(&out, 1000);
		while (span_is_known(rest)) {
			buffer_add(&out, header_take_address(&rest));
			if (span_is_known(rest))
				buffer_add_char(&out, '|');
		}
		if (strcmp(buffer_get_text(&out), addresses[i].wanted) != 0)
			fail_msg("%s: '%s'", addresses[i].name, buffer_get_text(&out));
		buffer_done(&out);
	}
}

static void test_typed_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(typed_addresses) / sizeof(typed_addresses[0]); i++) {
		struct span found = value_get_address(span_of(typed_addresses[i].typed));
		if (!span_is_equal(found, span_of(typed_addresses[i].wanted)))
			fail_msg("%s: '%.*s'", typed_addresses[i].name, SPAN_ARG(found));
	}
}

static void test_xtext(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(xtexts) / sizeof(xtexts[0]); i++) {
		struct span decoded = value_decode_xtext(span_of(xtexts[i].text), arena);
		if (!span_is_equal(decoded, span_of(xtexts[i].wanted)))
			fail_msg("%s: '%.*s'", xtexts[i].name, SPAN_ARG(decoded));
	}
	assert_true(span_is_equal(value_decode_unicode(SPAN_LIT("\\x{5B57}a\\x{41}@example.org"), arena), SPAN_LIT("\u5b57" "aA@example.org")));
	assert_true(span_is_equal(value_decode_unicode(SPAN_LIT("\\x{}\\x{0}\\x{zz}\\x{41"), arena), SPAN_LIT("\\x{}\\x{0}\\x{zz}\\x{41")));
	arena_free(arena);
}

/* Many names of sets, more than the cache holds, some of them none: each text still comes out right. */
static void test_character_sets_beyond_the_cache(void **state)
{
	struct charsets *charsets = charsets_new();
	struct buffer out;
	char name[32];

	(void)state;
	buffer_init(&out, 1000);
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= 16; i++) {
			snprintf(name, sizeof(name), "ISO-8859-%d", i);
			buffer_clear(&out);
			charset_convert(charsets, span_of(name), SPAN_LIT("a\xa0" "b"), &out);
			if (strcmp(buffer_get_text(&out), i == 11 ? "a\u00a0" "b" : i == 12 ? "a\ufffd" "b" : "a\u00a0" "b") != 0)
				fail_msg("%s: '%s'", name, buffer_get_text(&out));
		}
	}
	buffer_clear(&out);
	charset_convert(charsets, SPAN_LIT("utf-16"), SPAN_LIT("\xfe\xff\x30\x42"), &out);
	assert_string_equal(buffer_get_text(&out), "\u3042");
	buffer_clear(&out);
	charset_convert(charsets, SPAN_LIT("iso-2022-jp"), SPAN_LIT("\x1b$B$\"$"), &out);
	assert_string_equal(buffer_get_text(&out), "\u3042\ufffd");
	buffer_done(&out);
	charsets_free(charsets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_typed_addresses),
		cmocka_unit_test(test_xtext),
		cmocka_unit_test(test_character_sets_beyond_the_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
