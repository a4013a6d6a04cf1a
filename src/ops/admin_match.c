/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows index.c, step by step: what is said here is what the daemon does. */
#include "ops/admin_match.h"

#include <stdio.h>

struct look {
	int64_t now_s;
	struct match *match;
};

/* The manual row comes first. */
static bool keep_match(void *data, const struct suppression *row)
{
	const struct look *look = data;
	struct match *match = look->match;

	if (row->kind != DECISION_SUPPRESSED || row->until_s <= look->now_s)
		return true;
	match->is_found = true;
	match->origin = row->origin;
	match->class_id = row->class_id;
	match->since_s = row->since_s;
	match->until_s = row->until_s;
	snprintf(match->address, sizeof(match->address), "%.*s", SPAN_ARG(row->address));
	return false;
}

static int look(struct call *call, struct span address, struct span stream, struct match *ret_match)
{
	struct look look = { call->now_s, ret_match };
	int result;

	*ret_match = (struct match){ .stream = stream };
	result = store_find(call->admin->store, address, stream, keep_match, &look);
	return result < 0 ? result : 0;
}

/* The stream's own, then what is for all; but what a hand has put there for all goes before the stream's evidence. */
static int look_streams(struct call *call, struct span address, struct match *ret_match)
{
	struct match for_all;
	int result = look(call, address, SPAN_LIT(""), &for_all);

	*ret_match = for_all;
	if (result < 0 || !call->stream.len || (result = look(call, address, call->stream, ret_match)) < 0)
		return result;
	if (!ret_match->is_found || (ret_match->origin != ORIGIN_MANUAL && for_all.is_found && for_all.origin == ORIGIN_MANUAL))
		*ret_match = for_all;
	return 0;
}

int call_find_match(struct call *call, struct match *ret_match)
{
	struct address plain;
	int result = look_streams(call, address_get(&call->address), ret_match);

	if (result == 0 && !ret_match->is_found && address_strip_extension(&call->address, call->admin->extension_delimiters, &plain))
		result = look_streams(call, address_get(&plain), ret_match);
	if (result == 0 && !ret_match->is_found && call->address.at > 0)
		result = look_streams(call, span_skip(address_get(&call->address), call->address.at), ret_match);
	return result;
}

void row_put_match(json_t *row, const struct match *match)
{
	row_put(row, "match", json_string(match->address));
	row_put_word(row, "match_stream", match->stream);
}
