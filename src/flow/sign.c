/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams and tokens of outbound mail.  Any thread. */
#include <errno.h>
#include <stdio.h>

#include "flow/flow.h"

static struct span strip_brackets(struct span address)
{
	address = span_trim(address);
	if (address.len >= 2 && address.ptr[0] == '<' && address.ptr[address.len - 1] == '>')
		return span_slice(address, 1, address.len - 1);
	return address;
}

static bool has_text(const char *const *list, struct span text)
{
	for (; list && *list; list++)
		if (span_is_equal(span_of(*list), text))
			return true;
	return false;
}

static bool is_empty(const char *const *list)
{
	return !list || !list[0];
}

/* --- streams */

/* What tells this mail's stream from others: SPAN_NONE where it is not known. */
static struct span find_stream_name(enum stream_kind kind, const struct submission *submission, char domain[static ADDRESS_SIZE])
{
	struct span sender = strip_brackets(submission->sender);
	size_t at = sender.len;

	switch (kind) {
	case STREAM_LOGIN:
		return submission->login.len > 0 ? submission->login : SPAN_NONE;
	case STREAM_POLICY_CONTEXT:
		return submission->context.len > 0 ? submission->context : SPAN_NONE;
	case STREAM_SENDER_DOMAIN:
		while (at > 0 && sender.ptr[at - 1] != '@')
			at--;
		if (at == 0 || domain_fold(span_skip(sender, at), domain) < 0)
			return SPAN_NONE;
		return span_of(domain);
	default:
		return SPAN_NONE;
	}
}

static void make_stream(const struct keyring *ring, enum stream_kind kind, const struct submission *submission, char ret_stream[static TOKEN_STREAM_SIZE])
{
	static const char *const kinds[] = { "", "sender-domain", "login", "policy-context" };
	char domain[ADDRESS_SIZE];
	struct span name = find_stream_name(kind, submission, domain);

	if (span_is_known(name))
		token_make_stream(ring, span_of(kinds[kind]), name, ret_stream);
	else
		memcpy(ret_stream, TOKEN_STREAM_UNKNOWN, sizeof(TOKEN_STREAM_UNKNOWN));
}

void flow_make_stream(const struct snapshot *snapshot, const struct submission *submission, char ret_stream[static TOKEN_STREAM_SIZE])
{
	struct keyring *ring;

	ret_stream[0] = '\0';
	if (snapshot->stream_kind == STREAM_NONE)
		return;
	memcpy(ret_stream, TOKEN_STREAM_UNKNOWN, sizeof(TOKEN_STREAM_UNKNOWN));
	if (!snapshot->keys)
		return;
	ring = keys_get(snapshot->keys);
	make_stream(ring, snapshot->stream_kind, submission, ret_stream);
	keyring_unref(ring);
}

/* --- signing */

static bool is_chosen(const struct snapshot *snapshot, const struct submission *submission)
{
	struct address sender;

	if (is_empty(snapshot->token_senders) && is_empty(snapshot->token_logins))
		return true;
	if (submission->login.len > 0 && has_text(snapshot->token_logins, submission->login))
		return true;
	if (is_empty(snapshot->token_senders) || address_fold(submission->sender, &sender, NULL) < 0)
		return false;
	return has_text(snapshot->token_senders, address_get(&sender)) ||
	       has_text(snapshot->token_senders, span_skip(address_get(&sender), sender.at));
}

bool flow_signs(const struct snapshot *snapshot, const struct submission *submission)
{
	bool is_ours = !submission->is_smtp || submission->login.len > 0 || submission->is_outbound;

	return snapshot->signs_mail && snapshot->keys && is_ours && !flow_is_null_sender(submission->sender) && is_chosen(snapshot, submission);
}

static void choose_stream(const struct snapshot *snapshot, const struct keyring *ring, const struct submission *submission,
			  char ret_stream[static TOKEN_STREAM_SIZE])
{
	if (submission->login.len > 0 && has_text(snapshot->limits.exempt_logins, submission->login))
		memcpy(ret_stream, TOKEN_STREAM_EXEMPT, sizeof(TOKEN_STREAM_EXEMPT));
	else if (snapshot->stream_kind == STREAM_NONE)
		memcpy(ret_stream, TOKEN_STREAM_NONE, sizeof(TOKEN_STREAM_NONE));
	else
		make_stream(ring, snapshot->stream_kind, submission, ret_stream);
}

static int write_signature(const struct token *token, const struct key *key, struct arena *arena, struct signature *ret_signature)
{
	char header[TOKEN_HEADER_SIZE], envelope_id[TOKEN_ENVELOPE_ID_SIZE];

	token_write_header(token, header);
	token_write_envelope_id(token, key, envelope_id);
	ret_signature->header = arena_copy(arena, span_of(header)).ptr;
	ret_signature->envelope_id = arena_copy(arena, span_of(envelope_id)).ptr;
	return ret_signature->header && ret_signature->envelope_id ? 0 : -ENOMEM;
}

int flow_sign(const struct snapshot *snapshot, const struct submission *submission, const struct recipients *recipients, int64_t now_us,
	      struct arena *arena, struct signature *ret_signature)
{
	struct keyring *ring = keys_get(snapshot->keys);
	char stream[TOKEN_STREAM_SIZE];
	struct token token;
	int error = -ENOKEY;

	if (ring->signer) {
		choose_stream(snapshot, ring, submission, stream);
		token_begin(&token, ring->signer, now_us, stream);
		for (size_t i = 0; i < recipients->total; i++)
			token_add_recipient(&token, ring->signer, i < recipients->count ? recipients->items[i] : SPAN_NONE);
		token_sign(&token, ring->signer);
		error = write_signature(&token, ring->signer, arena, ret_signature);
	}
	keyring_unref(ring);
	return error;
}

bool flow_covers(const struct snapshot *snapshot, struct span text, const struct recipients *recipients, int64_t now_s)
{
	struct keyring *ring;
	struct token token;
	bool is_covered;

	if (!snapshot->keys || token_read(text, &token) != TOKEN_VALID)
		return false;
	ring = keys_get(snapshot->keys);
	is_covered = token_check(&token, ring, now_s) == TOKEN_VALID && recipients->total > 0 && recipients->total <= token.recipients;
	for (size_t i = 0; i < recipients->count && is_covered; i++)
		is_covered = token_binds(&token, ring, recipients->items[i], now_s);
	keyring_unref(ring);
	return is_covered;
}
