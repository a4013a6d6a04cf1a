/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target: whatever the recipient, the rule and the advice hold, each header value is ASCII, folded so that
 * no line can begin a field of its own, within RFC 5322's 998 bytes, and our host's name stands first.
 * Input: pieces separated by NUL: recipient, rule, provider, host, advice.
 */
#include <stdint.h>
#include <stdlib.h>

#include "reply/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_right)
{
	if (!is_right)
		abort();
}

static void check_value(const char *value)
{
	size_t column = strlen("X-Bounce-Result: ");

	check(value[0] != '\0');
	for (const char *c = value; *c; c++) {
		check(*c == '\n' || (*c >= ' ' && *c < 0x7f));
		check(*c != '\n' || (c[1] == ' ' && c[2] > ' ' && c[2] < 0x7f));
		column = *c == '\n' ? 0 : column + 1;
		check(column <= 998);
	}
}

/* One key once, behind our name: a recipient that looks like pairs stays one word. */
static void check_pairs(const char *value)
{
	struct span rest = span_of(value);
	unsigned rcpts = 0, suppresses = 0;

	(void)span_take(&rest, ';');
	while (span_is_known(rest)) {
		struct span pair = span_trim(span_take(&rest, ';'));
		rcpts += span_has_prefix(pair, SPAN_LIT("rcpt="));
		suppresses += span_has_prefix(pair, SPAN_LIT("suppress="));
	}
	check(rcpts <= 1 && suppresses == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct span rest = span_make((const char *)data, size);
	struct span recipient = span_take(&rest, '\0');
	struct span rule = arena_copy(arena, span_take(&rest, '\0'));
	struct span provider = arena_copy(arena, span_take(&rest, '\0'));
	struct span host = arena_copy(arena, span_take(&rest, '\0'));
	struct span advice = arena_copy(arena, rest);
	struct outcome outcome = { .recipient = recipient, .action = ACTION_FAILED };
	struct verdict verdict = { .rule = rule.ptr ? rule.ptr : "", .provider = provider.ptr ? provider.ptr : "",
				   .advice = { "", advice.ptr ? advice.ptr : "" }, .status_as = "" };
	struct result result = { &outcome, &verdict, NULL, size % 2 };
	struct edits edits = { 0 };
	const char *name = span_is_empty(host) ? "h" : host.ptr;

	check(header_write(&result, 1, name, LANGUAGE_JA, arena, &edits) == 0);
	for (const struct edit *edit = edits.first; edit; edit = edit->next)
		check_value(edit->value);
	check_pairs(edits.first->value);
	arena_free(arena);
	return 0;
}
