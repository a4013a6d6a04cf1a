/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * X-Bounce-Result and X-Bounce-Advice, DESIGN section 8.  Everything goes through `fold`, which lets no line end
 * and nothing but ASCII through; the only remote text is the recipient, as xtext.  Pure; any thread.
 */
#include "reply/header.h"

#include <errno.h>
#include <stdio.h>

#include "base/timestamp.h"
#include "base/utf8.h"
#include "reply/fold.h"
#include "reply/xtext.h"

bool header_is_ours(struct span name)
{
	/* asked of every field of every mail */
	if (name.len == 0 || ascii_lower(name.ptr[0]) != 'x')
		return false;
	return span_is_equal_nocase(name, SPAN_LIT(HEADER_RESULT)) || span_is_equal_nocase(name, SPAN_LIT(HEADER_ADVICE)) ||
	       span_is_equal_nocase(name, SPAN_LIT(HEADER_TOKEN)) || span_is_equal_nocase(name, SPAN_LIT(HEADER_SUPPRESSED));
}

/*
 * One "key=value".  The semicolon belongs to the key before, so that the last has none: each pair waits
 * in `pending` until it is known whether another follows.
 */
struct pairs {
	struct fold *fold;
	size_t len;
	char pending[FOLD_WORD_MAX];
};

static void pairs_put(struct pairs *pairs, const char *text)
{
	/* room for the semicolon */
	size_t len = strnlen(text, sizeof(pairs->pending) - 1 - pairs->len);

	memcpy(pairs->pending + pairs->len, text, len);
	pairs->len += len;
}

static void pairs_flush(struct pairs *pairs, bool is_last)
{
	if (pairs->len > 0 && !is_last)
		pairs->pending[pairs->len++] = ';';
	if (pairs->len > 0)
		fold_add(pairs->fold, span_make(pairs->pending, pairs->len));
	pairs->len = 0;
}

/* The words of rule files and of a caller: kept from being taken for two pairs. */
static void add_pair(struct pairs *pairs, const char *key, const char *value)
{
	if (!value || !value[0])
		return;
	pairs_flush(pairs, false);
	pairs_put(pairs, key);
	pairs_put(pairs, key[0] ? "=" : "");
	size_t from = pairs->len;
	pairs_put(pairs, value);
	/* nearly none has one */
	for (const char *marks = ";\""; *marks; marks++)
		for (char *c = pairs->pending + from, *end = pairs->pending + pairs->len; (c = memchr(c, *marks, (size_t)(end - c))); c++)
			*c = '?';
}

/* Absent when it does not fit: a cut address is another address. */
static void add_recipient(struct pairs *pairs, struct span recipient)
{
	struct buffer text;

	buffer_init(&text, FOLD_WORD_MAX - sizeof("rcpt=;"));
	buffer_add_char(&text, '<');
	xtext_add_address(&text, recipient);
	buffer_add_char(&text, '>');
	if (recipient.len && !text.is_cut)
		add_pair(pairs, "rcpt", buffer_get_text(&text));
	buffer_done(&text);
}

static void add_codes(struct pairs *pairs, const struct outcome *outcome)
{
	char reply[8] = "";
	char status[STATUS_TEXT_SIZE];

	if (outcome->reply)
		snprintf(reply, sizeof(reply), "%03u", (unsigned)outcome->reply);
	add_pair(pairs, "reply", reply);
	add_pair(pairs, "status", status_format(outcome->status, status));
}

static void add_decision(struct pairs *pairs, const struct decision *decision)
{
	char text[TIMESTAMP_SIZE];

	add_pair(pairs, "decision", decision_get_name(decision->kind));
	switch (decision->kind) {
	case DECISION_COUNTED:
		snprintf(text, sizeof(text), "%u/%u", decision->count, decision->after);
		add_pair(pairs, "count", text);
		break;
	case DECISION_SUPPRESSED:
	case DECISION_HELD:
	case DECISION_DRY_RUN:
		add_pair(pairs, "until", decision->until_s == TIME_FOREVER
						 ? "forever"
						 : timestamp_format(decision->until_s, text));
		break;
	default:
		break;
	}
}

static void add_result(struct pairs *pairs, const struct result *result, const char *host)
{
	const struct outcome *outcome = result->outcome;
	const struct verdict *verdict = result->verdict;

	add_pair(pairs, "", host);
	add_recipient(pairs, outcome->recipient);
	add_pair(pairs, "action", action_get_name(outcome->action));
	add_pair(pairs, "class", class_get_name(verdict->class_id));
	add_pair(pairs, "scope", scope_get_name(verdict->scope));
	add_pair(pairs, "bounce", bounce_get_name(verdict->bounce));
	add_codes(pairs, outcome);
	add_pair(pairs, "provider", verdict->provider);
	add_pair(pairs, "basis", basis_get_name(verdict->basis));
	add_pair(pairs, "rule", verdict->rule);
	add_pair(pairs, "proof", proof_get_name(outcome->proof));
	add_pair(pairs, "backscatter", result->is_backscatter_likely ? "likely" : "");
	add_pair(pairs, "suppress", effect_get_name(verdict->effect));
	if (result->decision)
		add_decision(pairs, result->decision);
	add_pair(pairs, "proof-reason", proof_reason_get_name(outcome->proof_reason));
	pairs_flush(pairs, true);
}

struct span header_format_result(const struct result *result, const char *host, struct arena *arena)
{
	struct fold fold;
	struct pairs pairs = { .fold = &fold };

	fold_init(&fold, HEADER_RESULT);
	add_result(&pairs, result, host);
	struct span value = arena_copy(arena, buffer_get(&fold.buffer));
	fold_done(&fold);
	return value;
}

struct span header_format_suppressed(struct span recipient, enum class class_id, int64_t since_s, const char *action, const char *host,
				     struct arena *arena)
{
	char date[TIMESTAMP_SIZE];
	struct fold fold;
	struct pairs pairs = { .fold = &fold };

	fold_init(&fold, HEADER_SUPPRESSED);
	add_pair(&pairs, "", host);
	add_recipient(&pairs, recipient);
	add_pair(&pairs, "class", class_get_name(class_id));
	add_pair(&pairs, "since", timestamp_format_date(since_s, date));
	add_pair(&pairs, "action", action);
	pairs_flush(&pairs, true);
	struct span value = arena_copy(arena, buffer_get(&fold.buffer));
	fold_done(&fold);
	return value;
}

static int write_more(size_t more, const char *host, struct arena *arena, struct edits *edits)
{
	struct fold fold;
	struct pairs pairs = { .fold = &fold };
	char text[24];

	fold_init(&fold, HEADER_RESULT);
	add_pair(&pairs, "", host);
	snprintf(text, sizeof(text), "%zu", more);
	add_pair(&pairs, "more", text);
	pairs_flush(&pairs, true);
	int error = edits_add(edits, arena, EDIT_ADD_HEADER, HEADER_RESULT, buffer_get_text(&fold.buffer), 0);
	fold_done(&fold);
	return error;
}

static int write_advice(const struct verdict *verdict, const char *host, enum language language,
			struct arena *arena, struct edits *edits)
{
	struct fold fold;
	struct pairs pairs = { .fold = &fold };

	fold_init(&fold, HEADER_ADVICE);
	add_pair(&pairs, "", host);
	add_pair(&pairs, "rule", verdict->rule);
	add_pair(&pairs, "lang", language_get_name(language));
	pairs_flush(&pairs, false);
	fold_break(&fold);
	fold_add_text(&fold, utf8_cut(span_of(verdict->advice[language]), ADVICE_MAX));
	int error = edits_add(edits, arena, EDIT_ADD_HEADER, HEADER_ADVICE, buffer_get_text(&fold.buffer), 0);
	fold_done(&fold);
	return error;
}

/* Without a rule the class is what an advice is for. */
static bool is_same_advice(const struct verdict *a, const struct verdict *b)
{
	return strcmp(a->rule, b->rule) == 0 && (a->rule[0] || a->class_id == b->class_id);
}

static bool is_advised_before(const struct result *results, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_same_advice(results[i].verdict, results[index].verdict))
			return true;
	return false;
}

int header_write(const struct result *results, size_t count, const char *host, enum language language,
		 struct arena *arena, struct edits *edits)
{
	size_t shown = count < RESULTS_MAX ? count : RESULTS_MAX;
	int error = 0;

	for (size_t i = 0; i < shown && !error; i++) {
		struct span value = header_format_result(&results[i], host, arena);
		if (!span_is_known(value))
			return -ENOMEM;
		error = edits_add(edits, arena, EDIT_ADD_HEADER, HEADER_RESULT, value.ptr, 0);
	}
	if (!error && shown < count)
		error = write_more(count - shown, host, arena, edits);
	for (size_t i = 0; i < shown && !error; i++)
		if (results[i].verdict->advice[language][0] && !is_advised_before(results, i))
			error = write_advice(results[i].verdict, host, language, arena, edits);
	return error;
}
