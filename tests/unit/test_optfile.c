/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of options in sections: how they are read, and what is refused on which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "base/buffer.h"
#include "classify/optfile.h"

static const struct optfile_option options[] = { { "one", false }, { "many", true } };
static const struct optfile_form form = { "rule", options, 2, "provider" };

/* "title@line one=<...> many=<...><...>;" for each section. */
static int show(void *data, const struct optfile_section *section)
{
	struct buffer *shown = data;

	buffer_printf(shown, "%s@%u", section->title, section->line);
	for (size_t i = 0; i < form.option_count; i++) {
		if (section->values[i].is_named)
			buffer_printf(shown, " %s=", options[i].name);
		for (size_t j = 0; j < section->values[i].count; j++)
			buffer_printf(shown, "<%s>", section->values[i].items[j]);
	}
	buffer_add_char(shown, ';');
	return 0;
}

static int read_text(struct span text, struct buffer *shown, struct complaint *complaint)
{
	char path[] = "/tmp/kodama-test-XXXXXX";
	struct arena *arena = arena_new(0);
	const char *outside = "";
	int file = mkstemp(path), rc;

	assert_non_null(arena);
	assert_int_equal(write(file, text.ptr, text.len), text.len);
	close(file);
	buffer_init(shown, 4096);
	rc = optfile_read(path, &form, arena, show, shown, &outside, complaint);
	if (rc == 0)
		buffer_add(shown, span_of(outside));
	unlink(path);
	arena_free(arena);
	return rc;
}

static const struct {
	const char *text, *shown;
} readings[] = {
	{ "", "" },
	{ "# nothing\n // of it\n/* at\nall */", "" },
	{ "rule a {}\n\nrule 'b c' { } provider = acme", "a@1;b c@3;acme" },
	{ "provider=acme rule\na\n{\none=x\n}", "a@1 one=<x>;acme" },
	{ "rule a{one='x'many={y,\"z\"}}rule b{many={}}", "a@1 one=<x> many=<y><z>;b@1 many=;" },
	{ "rule a { one = 5.1.1 many = {5.1.*, 'x', } }", "a@1 one=<5.1.1> many=<5.1.*><x>;" },
	{ "rule a { many = x many += y many += {'z'} one = 1 one = 2 }", "a@1 one=<2> many=<x><y><z>;" },
	{ "rule a { many = {x, y} many = z }", "a@1 many=<z>;" },
	{ "rule a { one = '\\bit\\'s\\\\ \\\"$' }", "a@1 one=<\\bit's\\ \\\"$>;" },
	{ "rule a { one = \"\\bit's \\\"\\\\\\d\\t${HOME}\" }", "a@1 one=<\bit's \"\\d\t${HOME}>;" },
	{ "rule a { one = 'x\\\ny\nz' }\nrule b {}", "a@1 one=<xy\nz>;b@4;" },
	{ "rule a { one = x# { }'\n many = {/*}*/y//\n} }", "a@1 one=<x> many=<y//>;" },
	{ "rule a { one = x/*'*/many = {'#', \"//\", '/*'} }", "a@1 one=<x> many=<#><//></*>;" },
	{ "\r\nrule a {\r\none = x\r\n}\r\n", "a@2 one=<x>;" },
};

static void test_what_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(readings) / sizeof(*readings); i++) {
		struct complaint complaint = { .line = 0 };
		struct buffer shown;
		if (read_text(span_of(readings[i].text), &shown, &complaint) < 0)
			fail_msg("%s: line %u: %s", readings[i].text, complaint.line, complaint.text);
		assert_string_equal(buffer_get_text(&shown), readings[i].shown);
		buffer_done(&shown);
	}
}

static const struct {
	const char *text;
	unsigned line;
	const char *reason;
} refusals[] = {
	{ "\nruler a {}", 2, "no such option 'ruler'" },
	{ "rule a {\n\nthree = 1 }", 3, "no such option 'three'" },
	{ "rule a {}\nrule {}", 2, "missing title" },
	{ "rule a\none = 1", 2, "missing opening brace" },
	{ "rule a { one\n}", 2, "missing equal sign after option 'one'" },
	{ "rule a { one = {x} }", 1, "unexpected '{'" },
	{ "rule a { one += x }", 1, "'one'" },
	{ "rule a { many = {x y} }", 1, "unexpected 'y'" },
	{ "rule a { many = {,x} }", 1, "unexpected ','" },
	{ "rule a { one = x, many = y }", 1, "unexpected ','" },
	{ "rule a { one = f(x) }", 1, "unexpected '('" },
	{ "rule a { + one = x }", 1, "unexpected '+'" },
	{ "rule a {} }", 1, "unexpected '}'" },
	{ "{}", 1, "unexpected '{'" },
	{ "rule a {}\nrule b {\none = x\n\n", 2, "what begins here is not closed" },
	{ "rule a {\none = 'x\n\n", 2, "what begins here is not closed" },
	{ "rule a {\none = 'x\\", 2, "what begins here is not closed" },
	{ "\n/* rule a {}\n/", 2, "what begins here is not closed" },
	{ "rule a { many = {x", 1, "unexpected end" },
	{ "rule a { one =", 1, "unexpected end" },
	{ "provider = {x}", 1, "unexpected '{'" },
};

static void test_what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct complaint complaint = { .line = 0 };
		struct buffer shown;
		assert_int_equal(read_text(span_of(refusals[i].text), &shown, &complaint), -EINVAL);
		if (complaint.line != refusals[i].line || !strstr(complaint.text, refusals[i].reason))
			fail_msg("%s: line %u: %s", refusals[i].text, complaint.line, complaint.text);
		buffer_done(&shown);
	}
}

static void test_nul_is_refused(void **state)
{
	struct complaint complaint;
	struct buffer shown;

	(void)state;
	assert_int_equal(read_text(SPAN_LIT("rule a { one = x }\0"), &shown, &complaint), -EINVAL);
	assert_non_null(strstr(complaint.text, "NUL"));
	buffer_done(&shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_read),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_nul_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
