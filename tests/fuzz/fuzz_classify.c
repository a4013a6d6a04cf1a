/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text with any codes beside it gets a verdict that keeps the rules of safety.  The first four bytes are the codes.
 * The rules are the shipped ones (top_srcdir, else the working directory).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "classify/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ruleset *load_once(void)
{
	static struct ruleset *ruleset;
	const char *top = getenv("top_srcdir");
	struct complaint complaint;
	char etc[4096];

	if (ruleset)
		return ruleset;
	snprintf(etc, sizeof(etc), "%s/etc", top ? top : ".");
	if (ruleset_load(etc, &ruleset, &complaint) < 0) {
		fprintf(stderr, "%s:%u: %s\n", complaint.path, complaint.line, complaint.text);
		abort();
	}
	return ruleset;
}

static struct query make_query(const uint8_t *codes, struct span text)
{
	static const uint16_t replies[] = { 0, 250, 421, 450, 500, 550, 552, 556 };
	static const uint8_t classes[] = { 0, 2, 4, 5 };

	return (struct query){ .text = text, .reply = replies[codes[0] % 8],
			       .status = { classes[codes[0] / 8 % 4], codes[1] % 11, codes[1] / 11 },
			       .command = (enum smtp_command)(codes[2] % COMMAND_COUNT), .action = (enum action)(codes[2] / 16 % ACTION_COUNT),
			       .kind = (enum kind)(codes[3] % KIND_COUNT), .is_generic = codes[3] & 64, .feedback = (enum feedback)(codes[1] % FEEDBACK_COUNT) };
}

static void require_safe(const struct query *query, const struct explanation *story)
{
	const struct verdict *verdict = &story->verdict;
	bool is_temporary = query->reply / 100 == 4 || query->status.class_digit == 4 || story->reply.code / 100 == 4;

	if (verdict->effect == EFFECT_NOW && ((is_temporary && query->kind != KIND_ARF) || query->is_generic))
		abort();
	if ((verdict->effect == EFFECT_NOW || verdict->effect == EFFECT_COUNT) && verdict->scope != SCOPE_RECIPIENT &&
	    verdict->scope != SCOPE_DOMAIN)
		abort();
	for (size_t i = 0; i < story->candidate_count; i++) {
		if (story->candidates[i].to > story->folded.len || story->candidates[i].from > story->candidates[i].to)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scratch *scratch;
	const struct ruleset *ruleset = load_once();
	struct arena *arena = arena_new(0);
	struct explanation story;
	struct verdict verdict;
	struct query query;

	if (!scratch)
		scratch = scratch_new();
	if (!scratch || !arena)
		abort();
	if (size >= 4) {
		query = make_query(data, span_make((const char *)data + 4, size - 4));
		if (explain(ruleset, scratch, &query, arena, &story) < 0)
			abort();
		require_safe(&query, &story);
		classify(ruleset, scratch, &query, &verdict);
		if (verdict.class_id != story.verdict.class_id || verdict.effect != story.verdict.effect || verdict.rule != story.verdict.rule)
			abort();
	}
	arena_free(arena);
	return 0;
}
