/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a log: its lines are parsed, joined with little room, and their outcomes made, whole and in two parts; and read in
 * brief, which must count the same.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "evidence/logjoin.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_within(struct span inner, struct span outer)
{
	if (inner.len && (inner.ptr < outer.ptr || inner.ptr + inner.len > outer.ptr + outer.len) && outer.len)
		abort();
}

static void check(void *data, const struct log_delivery *delivery)
{
	struct outcome outcome;
	struct arena *arena = data;

	arena_reset(arena);
	if (log_delivery_get_outcome(delivery, arena, &outcome) < 0)
		return;
	if (!utf8_is_valid(outcome.recipient) || !utf8_is_valid(outcome.text) || !utf8_is_valid(outcome.sender) ||
	    !utf8_is_valid(outcome.message_id) || outcome.action == ACTION_UNKNOWN || outcome.kind != KIND_LOG)
		abort();
}

static void check_line(const struct logline *line, struct span text)
{
	struct span rest = line->to, one;
	size_t total = 0;

	check_within(line->queue_id, text);
	check_within(line->to, text);
	check_within(line->orig_to, text);
	check_within(line->relay, text);
	check_within(line->sender, text);
	check_within(line->message_id, text);
	while (logline_take_recipient(line, &rest, &one)) {
		check_within(one, line->to);
		total++;
	}
	if (total > text.len + 1)
		abort();
}

static void take_all(struct span text, size_t from, struct logjoin *join, struct logjoin *before, struct arena *arena)
{
	struct logclock clock;
	struct span rest = span_skip(text, from);

	logclock_init(&clock, 1795293362);
	while (span_is_known(rest)) {
		struct span one = span_take(&rest, '\n');
		struct logline line;
		logline_parse(one, &clock, &line);
		check_line(&line, one);
		if (logjoin_take(join, &line, check, arena) == -ENOENT && logjoin_take(before, &line, check, arena) == -ENOENT)
			abort();
	}
}

static void take_in_brief(struct span text, struct logjoin_options options, const struct logjoin *whole)
{
	struct logclock clock;
	struct logjoin *join;

	options.is_brief = true;
	join = logjoin_new(&options);
	if (!join)
		abort();
	logclock_init(&clock, 1795293362);
	while (span_is_known(text)) {
		struct span one = span_take(&text, '\n');
		struct logline line, wanted;
		struct logclock first;
		logclock_init(&first, 1795293362);
		logline_parse(one, &first, &wanted);
		logline_begin(one, &clock, &line);
		if (logjoin_take(join, &line, NULL, NULL) < 0 || (line.kind == LOGLINE_GARBAGE) != (wanted.kind == LOGLINE_GARBAGE))
			abort();
	}
	if (memcmp(logjoin_get_counts(join), logjoin_get_counts(whole), sizeof(struct logjoin_counts)) != 0)
		abort();
	logjoin_free(join);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct logjoin_options options = { .key = { { 1, 2 } }, .open_max = 4, .deferred_max = 4, .lifetime_s = 3600 };
	struct span text = span_make(size ? (const char *)bytes : "", size);
	struct logjoin *join = logjoin_new(&options), *part;
	struct arena *arena = arena_new(1 << 20);
	struct logline line;

	options.is_part = true;
	part = logjoin_new(&options);
	if (!join || !part || !arena)
		abort();
	logline_parse_message(SPAN_LIT("postfix/smtp"), text, &line);
	check_line(&line, text);
	logline_parse_message(SPAN_LIT("sm-mta"), text, &line);
	check_line(&line, text);
	take_all(text, 0, join, NULL, arena);
	options.is_part = false;
	take_in_brief(text, options, join);
	take_all(text, size / 2, part, join, arena);
	if (logjoin_absorb(join, part) < 0 || logjoin_get_counts(part)->open || logjoin_get_counts(join)->open > 4 ||
	    logjoin_get_counts(join)->deferred > 4)
		abort();
	logjoin_free(join);
	logjoin_free(part);
	arena_free(arena);
	return 0;
}
