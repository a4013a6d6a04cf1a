/* SPDX-License-Identifier: BSD-2-Clause */
/* The token of one mail; see signing.h. */
#include "intake/signing.h"

#include <errno.h>
#include <stdio.h>

#include "flow/counter.h"

struct signing {
	const struct snapshot *snapshot;
	struct submission submission;
	struct recipients recipients;
	struct span ret;           /* "RET=FULL" as the client gave it */
	bool has_own_envelope_id;
	bool is_covered;           /* signed before: a content filter has given it back */
};

struct signing *signing_begin(const struct snapshot *snapshot, const struct submission *submission, struct arena *arena)
{
	struct signing *signing;

	if (!flow_signs(snapshot, submission))
		return NULL;
	signing = arena_alloc(arena, sizeof(*signing));
	if (!signing)
		return NULL;
	*signing = (struct signing){ .snapshot = snapshot, .submission = *submission };
	return signing;
}

void signing_add_parameter(struct signing *signing, const char *parameter, struct arena *arena)
{
	struct span text = span_of(parameter);

	if (!signing)
		return;
	if (span_has_prefix_nocase(text, SPAN_LIT("ENVID=")))
		signing->has_own_envelope_id = true;
	else if (span_is_equal_nocase(text, SPAN_LIT("RET=FULL")) || span_is_equal_nocase(text, SPAN_LIT("RET=HDRS")))
		signing->ret = arena_copy(arena, text);
}

void signing_add_recipient(struct signing *signing, const char *recipient, struct arena *arena)
{
	struct recipients *recipients;

	if (!signing)
		return;
	recipients = &signing->recipients;
	recipients->total++;
	if (recipients->count < TOKEN_HASHES_MAX && recipients->count + 1 == recipients->total)
		recipients->items[recipients->count++] = arena_copy(arena, span_of(recipient));
}

void signing_add_token(struct signing *signing, const char *value, int64_t now_s)
{
	if (signing && !signing->is_covered)
		signing->is_covered = flow_covers(signing->snapshot, span_of(value), &signing->recipients, now_s);
}

/* The MTA takes ENVID and RET here and keeps everything else (Postfix 3.x, Sendmail 8.17). */
static int add_envelope_id(const struct signing *signing, const char *envelope_id, struct arena *arena, struct edits *edits)
{
	const struct span pieces[] = { SPAN_LIT("ENVID="), span_of(envelope_id), signing->ret.len > 0 ? SPAN_LIT(" ") : SPAN_LIT(""), signing->ret };
	struct span arguments = arena_join(arena, pieces, sizeof(pieces) / sizeof(pieces[0]));
	struct span sender = arena_copy(arena, signing->submission.sender);

	if (!arguments.ptr || !sender.ptr)
		return -ENOMEM;
	return edits_add(edits, arena, EDIT_CHANGE_SENDER, sender.ptr, arguments.ptr, 0);
}

int signing_finish(const struct signing *signing, bool is_sender_kept, int64_t now_us, struct arena *arena, struct edits *edits)
{
	struct signature signature;
	int error;

	if (!signing || signing->is_covered || signing->recipients.total == 0)
		return 0;
	error = flow_sign(signing->snapshot, &signing->submission, &signing->recipients, now_us, arena, &signature);
	if (error < 0)
		return error;
	counter_add(COUNTER_MILTER_SIGNED, 1);
	error = edits_add(edits, arena, EDIT_ADD_HEADER, HEADER_TOKEN, signature.header, 0);
	if (error == 0 && signing->snapshot->sets_envelope_id && signing->submission.is_smtp && is_sender_kept && !signing->has_own_envelope_id)
		error = add_envelope_id(signing, signature.envelope_id, arena, edits);
	return error;
}
