/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the control socket, for people and for programs.  One thread; they hold remote text. */
#include "cli/rows.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "cli/json.h"
#include "cli/terminal.h"
#include "evidence/outcome.h"

enum { ADDRESS_COLUMNS = 36, LABEL_COLUMNS = 24, DEPTH_MAX = 4, SAID_MAX = 64 * 1024 };

int rows_write_json(void *data, json_t *row)
{
	(void)data;
	return json_write(stdout, json_incref(row));
}

static struct span get(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN_NONE;
}

static bool is_true(const json_t *row, const char *key)
{
	return json_is_true(json_object_get(row, key));
}

static bool is_by_hand(const json_t *row)
{
	return span_is_equal(get(row, "origin"), SPAN_LIT("manual"));
}

static void print_padded(enum style style, struct span text, int columns)
{
	terminal_print(stdout, style, text);
	printf("%*s", (int)text.len < columns ? columns - (int)text.len : 0, "");
}

/* " word value", when there is a value. */
static void print_word(const char *word, struct span value)
{
	if (!value.len)
		return;
	printf(" %s ", word);
	terminal_print(stdout, STYLE_PLAIN, value);
}

/* stream_key: which of the row's streams is the entry's. */
static void print_reason(const json_t *row, const char *stream_key)
{
	print_word("since", get(row, "since"));
	print_word("until", get(row, "until"));
	print_word("for", get(row, "class"));
	print_word("by rule", get(row, "rule"));
	print_word("stream", get(row, stream_key));
	print_word("note:", get(row, "note"));
}

int rows_print_suppression(void *data, json_t *row)
{
	(void)data;
	print_padded(STYLE_BOLD, get(row, "address"), ADDRESS_COLUMNS);
	putchar(' ');
	terminal_print(stdout, STYLE_PLAIN, get(row, "decision"));
	if (is_by_hand(row))
		fputs(" by hand", stdout);
	print_reason(row, "stream");
	putchar('\n');
	return 0;
}

int rows_print_check(void *data, json_t *row)
{
	bool is_suppressed = is_true(row, "suppressed");

	(void)data;
	print_padded(STYLE_BOLD, get(row, "address"), ADDRESS_COLUMNS);
	putchar(' ');
	if (is_suppressed)
		terminal_print_text(stdout, STYLE_RED, "suppressed");
	else
		terminal_print_text(stdout, STYLE_GREEN, "not suppressed");
	if (is_suppressed && !is_true(row, "enforced"))
		fputs(" (dry run: not refused)", stdout);
	if (is_suppressed && is_by_hand(row))
		fputs(" by hand", stdout);
	print_word("as", span_is_equal(get(row, "match"), get(row, "address")) ? SPAN_NONE : get(row, "match"));
	print_reason(row, "match_stream");
	putchar('\n');
	return 0;
}

static struct span get_row(const json_t *row)
{
	return get(row, "row");
}

/* "550 5.1.1 words", as far as they are known. */
static void print_said(const json_t *row)
{
	static const char *const keys[] = { "reply", "status", "text" };
	struct buffer said;

	buffer_init(&said, SAID_MAX);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct span part = get(row, keys[i]);
		if (part.len && said.len)
			buffer_add_char(&said, ' ');
		buffer_add(&said, part);
	}
	terminal_print_row(stdout, "said", buffer_get(&said));
	buffer_done(&said);
}

const char *rows_explain_proof(const json_t *row)
{
	struct span name = get(row, "proof_reason");

	for (unsigned i = 0; name.len && i < PROOF_REASON_COUNT; i++)
		if (span_is_equal(name, span_of(proof_reason_get_name((enum proof_reason)i))))
			return proof_reason_get_text((enum proof_reason)i);
	return "";
}

/* "local users could have sent it, and local-submission is untrusted (untrusted-session)" */
static void print_proof_reason(const json_t *row)
{
	struct span name = get(row, "proof_reason");
	struct buffer text;

	buffer_init(&text, SAID_MAX);
	if (name.len)
		buffer_printf(&text, "%s (%.*s)", rows_explain_proof(row), SPAN_ARG(name));
	terminal_print_row(stdout, "because", span_trim_left(buffer_get(&text)));
	buffer_done(&text);
}

static void print_outcome(const json_t *row)
{
	terminal_print(stdout, STYLE_BOLD, get(row, "time").len ? get(row, "time") : get(row, "received"));
	printf("  ");
	terminal_print(stdout, STYLE_PLAIN, get(row, "action"));
	fputs(": ", stdout);
	terminal_print(stdout, STYLE_YELLOW, get(row, "class"));
	putchar(',');
	print_word("suppress:", get(row, "suppress"));
	putchar('\n');
	print_said(row);
	terminal_print_row(stdout, "by", get(row, "remote_mta"));
	terminal_print_row(stdout, "rule", get(row, "rule"));
	terminal_print_row(stdout, "provider", get(row, "provider"));
	terminal_print_row(stdout, "source", get(row, "source"));
	terminal_print_row(stdout, "proof", get(row, "proof"));
	print_proof_reason(row);
	terminal_print_row(stdout, "message", get(row, "message_id"));
	terminal_print_row(stdout, "queue id", get(row, "queue_id"));
	terminal_print_row(stdout, "decision", get(row, "decision"));
	terminal_print_row(stdout, "until", get(row, "until"));
	terminal_print_row(stdout, "why", get(row, "why"));
}

static void print_audit(const json_t *row)
{
	terminal_print(stdout, STYLE_BOLD, get(row, "time"));
	fputs("  by hand: ", stdout);
	terminal_print(stdout, STYLE_PLAIN, get(row, "change"));
	print_word("by", get(row, "by"));
	print_word("until", get(row, "until"));
	print_word("note:", get(row, "note"));
	putchar('\n');
}

static void print_state(const json_t *row)
{
	const json_t *counts = json_object_get(row, "counts");
	const json_t *count;
	size_t i;

	bool is_none = span_is_equal(get(row, "decision"), SPAN_LIT("none"));

	terminal_print_text(stdout, STYLE_BOLD, "now");
	fputs("  ", stdout);
	terminal_print(stdout, STYLE_PLAIN, is_none ? SPAN_LIT("not suppressed; last failure") : get(row, "decision"));
	if (is_by_hand(row))
		fputs(" by hand", stdout);
	print_reason(row, "stream");
	putchar('\n');
	json_array_foreach(counts, i, count) {
		printf("    counted   %" JSON_INTEGER_FORMAT " in a row", json_integer_value(json_object_get(count, "count")));
		print_word("for section", get(count, "section"));
		print_word("from", get(count, "first"));
		if (!span_is_equal(get(count, "first"), get(count, "last")))
			print_word("to", get(count, "last"));
		putchar('\n');
	}
	terminal_print_row(stdout, "failed", get(row, "last_failure"));
	terminal_print_row(stdout, "delivered", get(row, "last_success"));
	if (span_is_equal(get(row, "decision"), SPAN_LIT("held"))) {
		fputs("    release   kodama suppress release ", stdout);
		terminal_print(stdout, STYLE_PLAIN, get(row, "address"));
		print_word("--stream", get(row, "stream"));
		putchar('\n');
	}
}

static void print_undo(const json_t *row)
{
	fputs("    undo      kodama suppress remove ", stdout);
	terminal_print(stdout, STYLE_PLAIN, get(row, "match"));
	print_word("--stream", get(row, "match_stream"));
	putchar('\n');
}

static void print_mail(const json_t *row)
{
	terminal_print_text(stdout, STYLE_BOLD, "mail to ");
	terminal_print(stdout, STYLE_BOLD, get(row, "address"));
	fputs("  ", stdout);
	terminal_print(stdout, STYLE_PLAIN, get(row, "text"));
	putchar('\n');
	if (is_true(row, "suppressed"))
		print_undo(row);
}

void rows_print_removed(const char *address, const json_t *row)
{
	terminal_print_text(stdout, STYLE_PLAIN, address);
	puts(json_integer_value(json_object_get(row, "removed")) ? " is off the list" : " was not on the list");
	if (!get(row, "match").len)
		return;
	fputs("    but       ", stdout);
	terminal_print(stdout, STYLE_PLAIN, get(row, "match"));
	puts(" is on it, and covers it");
	print_undo(row);
}

int rows_print_history(void *data, json_t *row)
{
	static const struct {
		const char *name;
		void (*print)(const json_t *row);
	} kinds[] = { { "outcome", print_outcome }, { "audit", print_audit }, { "state", print_state }, { "mail", print_mail } };

	(void)data;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (span_is_equal(get_row(row), span_of(kinds[i].name)))
			kinds[i].print(row);
	return 0;
}

static void print_value(const char *key, const json_t *value, int depth)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	printf("%*s%-*s ", depth * 2, "", LABEL_COLUMNS - depth * 2, key);
	terminal_print(stdout, STYLE_PLAIN, json_is_string(value) ? span_of(json_string_value(value)) : span_of(text));
	putchar('\n');
	free(text);
}

/* One line an object, its values side by side, or a sentence. */
static void print_list(const char *key, const json_t *array)
{
	const json_t *item, *value;
	const char *name;
	size_t i;

	if (json_array_size(array) == 0)
		return;
	terminal_print_text(stdout, STYLE_BOLD, key);
	putchar('\n');
	json_array_foreach(array, i, item) {
		putchar(' ');
		if (json_is_string(item))
			printf(" "), terminal_print(stdout, STYLE_YELLOW, span_of(json_string_value(item)));
		json_object_foreach((json_t *)item, name, value) {
			if (json_is_integer(value) && json_integer_value(value) > 1)
				printf(" (%" JSON_INTEGER_FORMAT " %s)", json_integer_value(value), name);
			if (!json_is_string(value))
				continue;
			putchar(' ');
			terminal_print(stdout, STYLE_PLAIN, span_of(json_string_value(value)));
		}
		putchar('\n');
	}
}

static void print_object(const json_t *object, int depth)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		if (json_is_array(value)) {
			print_list(key, value);
			continue;
		}
		if (!json_is_object(value)) {
			print_value(key, value, depth);
			continue;
		}
		if (json_object_size(value) == 0)
			continue;
		printf("%*s", depth * 2, "");
		terminal_print_text(stdout, STYLE_BOLD, key);
		putchar('\n');
		if (depth < DEPTH_MAX)
			print_object(value, depth + 1);
	}
}

int rows_print_status(void *data, json_t *row)
{
	(void)data;
	json_object_del(row, "row"); /* what kind of row it is, programs want to know */
	print_object(row, 0);
	/* its last lines say what to look at, or that there is nothing */
	if (json_is_array(json_object_get(row, "attention")) && json_array_size(json_object_get(row, "attention")) == 0) {
		terminal_print_text(stdout, STYLE_BOLD, "attention");
		puts("\n  nothing");
	}
	return 0;
}
