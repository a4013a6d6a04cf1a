/* SPDX-License-Identifier: BSD-2-Clause */
/* A row of the table of addresses, read and written as text.  Pure. */
#include <stdio.h>

#include "store/private.h"

static int64_t take_number(struct span *rest)
{
	uint64_t number;

	return span_parse_unsigned(span_take(rest, ' '), INT64_MAX, &number) == 0 ? (int64_t)number : 0;
}

size_t tallies_parse(struct span text, struct tally tallies[static HISTORY_TALLIES])
{
	size_t count = 0;

	while (text.len && count < HISTORY_TALLIES) {
		struct span line = span_take(&text, '\n');
		struct tally tally = { .count = (unsigned)take_number(&line) };
		tally.first_s = take_number(&line);
		tally.last_s = take_number(&line);
		snprintf(tally.section, sizeof(tally.section), "%.*s", SPAN_ARG(line));
		if (tally.count)
			tallies[count++] = tally;
	}
	return count;
}

struct span tallies_format(const struct history *history, char text[static TALLIES_SIZE])
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < history->tally_count; i++) {
		const struct tally *tally = &history->tallies[i];
		int more = snprintf(text + len, TALLIES_SIZE - len, "%u %lld %lld %s\n", tally->count, (long long)tally->first_s,
				    (long long)tally->last_s, tally->section);
		len += more > 0 ? (size_t)more : 0;
	}
	return span_make(text, len);
}

void state_read(const struct sql_value *columns, struct suppression *row, struct tally tallies[static HISTORY_TALLIES])
{
	*row = (struct suppression){
		.address = columns[0].text,
		.stream = columns[1].text,
		.origin = columns[2].number == ORIGIN_MANUAL ? ORIGIN_MANUAL : ORIGIN_EVIDENCE,
		.since_s = columns[4].number,
		.until_s = columns[5].number,
		.times = (unsigned)columns[6].number,
		.section = columns[7].text,
		.rule = columns[9].text,
		.provider = columns[10].text,
		.note = columns[11].text,
		.last_failure_s = columns[12].number,
		.last_success_s = columns[13].number,
		.tallies = tallies,
		.tally_count = tallies_parse(columns[14].text, tallies),
	};
	decision_find(columns[3].text, &row->kind);
	class_find(columns[8].text, &row->class_id);
}
