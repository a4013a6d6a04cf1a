/* SPDX-License-Identifier: BSD-2-Clause */
/* Proof: read proof.h first.  Any thread; tokens are hostile until their code is checked. */
#include "flow/proof.h"

#include <errno.h>

#include "base/address.h"
#include "evidence/report.h"

/* More fields of the name than hops that sign: whoever put them there wants us to look at them. */
enum { TOKENS_LOOKED_AT_MAX = 8 };

struct candidate {
	struct token token;
	enum token_state state;
};

struct search {
	const struct origin_facts *facts;
	struct keyring *ring; /* NULL: no keys */
	struct candidate items[TOKENS_LOOKED_AT_MAX];
	size_t count;
	bool has_key_been_wanted;
	struct arena *arena;
};

/* --- the tokens of one outcome */

static enum token_state check(const struct snapshot *snapshot, struct search *search, const struct token *token)
{
	enum token_state state = token_check(token, search->ring, search->facts->now_s);

	/* made on another host of the fleet a moment ago? */
	if (state == TOKEN_UNKNOWN_KEY && !search->has_key_been_wanted) {
		search->has_key_been_wanted = true;
		if (keys_want_more(snapshot->keys)) {
			keyring_unref(search->ring);
			search->ring = keys_get(snapshot->keys);
			state = token_check(token, search->ring, search->facts->now_s);
		}
	}
	return state;
}

static void look_at(const struct snapshot *snapshot, struct search *search, struct span text)
{
	struct candidate *candidate = &search->items[search->count];

	if (search->count == TOKENS_LOOKED_AT_MAX || !span_is_known(text))
		return;
	candidate->state = token_read(text, &candidate->token);
	if (candidate->state == TOKEN_ABSENT)
		return;
	if (candidate->state == TOKEN_VALID)
		candidate->state = check(snapshot, search, &candidate->token);
	search->count++;
}

/* In the returned header, every field of the name; in what quotes the header; in the envelope id. */
static void look_for_tokens(const struct snapshot *snapshot, struct search *search, const struct fields *original, const struct outcome *outcome)
{
	search->count = 0;
	for (size_t i = 0; original && i < original->count; i++)
		if (span_is_equal_nocase(original->items[i].name, SPAN_LIT(HEADER_TOKEN)))
			look_at(snapshot, search, fields_get_value(original, i));
	if (search->count == 0)
		look_at(snapshot, search, outcome->token);
	/* always: the fields before it may be anybody's */
	if (search->count == TOKENS_LOOKED_AT_MAX)
		search->count--;
	look_at(snapshot, search, outcome->envelope_id);
}

/* --- what they prove */

/* Sendmail names the alias that it was given, and beside it the member that failed: the alias and its other members are well. */
static bool is_of_alias(const struct search *search, const struct outcome *outcome)
{
	struct address final, actual;

	if (!search->facts->may_be_ours || !span_is_known(outcome->actual_recipient))
		return false;
	return address_fold(outcome->actual_recipient, &actual, NULL) < 0 || address_fold(outcome->recipient, &final, NULL) < 0 ||
	       !span_is_equal(address_get(&actual), address_get(&final));
}

static struct span find_bound(const struct search *search, const struct token *token, const struct outcome *outcome)
{
	int64_t now_s = search->facts->now_s;

	if (is_of_alias(search, outcome))
		return SPAN_NONE;
	if (token_binds(token, search->ring, outcome->recipient, now_s))
		return outcome->recipient;
	/* the client's own word, and with our MTA's report an alias of ours: what that was expanded to is what failed */
	if (!search->facts->is_from_our_mta && token_binds(token, search->ring, outcome->original_recipient, now_s))
		return outcome->original_recipient;
	return SPAN_NONE;
}

static enum proof_reason explain(enum token_state state)
{
	static const enum proof_reason reasons[] = {
		[TOKEN_ABSENT] = PROOF_REASON_NO_TOKEN,
		[TOKEN_MALFORMED] = PROOF_REASON_MALFORMED_TOKEN,
		[TOKEN_UNKNOWN_KEY] = PROOF_REASON_UNKNOWN_KEY,
		[TOKEN_FORGED] = PROOF_REASON_FORGED_TOKEN,
		[TOKEN_EXPIRED] = PROOF_REASON_EXPIRED_TOKEN,
		[TOKEN_VALID] = PROOF_REASON_OTHER_RECIPIENT,
	};

	return reasons[state];
}

static void set_proof(struct outcome *outcome, enum proof proof, enum proof_reason reason)
{
	outcome->proof = proof;
	outcome->proof_reason = reason;
}

static int keep_token(const struct search *search, const struct token *token, struct failure *failure)
{
	char id[TOKEN_ID_SIZE];

	token_get_id(token, id);
	failure->token_id = arena_copy(search->arena, span_of(id));
	failure->stream = arena_copy(search->arena, span_of(token->stream));
	failure->is_exempt_login = strcmp(token->stream, TOKEN_STREAM_EXEMPT) == 0;
	return failure->token_id.ptr && failure->stream.ptr ? 0 : -ENOMEM;
}

/* The best that any of the tokens proves. */
static int prove_by_token(const struct search *search, struct failure *failure)
{
	struct outcome *outcome = &failure->outcome;
	enum token_state best = TOKEN_ABSENT;
	int error = 0;

	set_proof(outcome, PROOF_NONE, PROOF_REASON_NO_TOKEN);
	for (size_t i = 0; i < search->count && outcome->proof != PROOF_TOKEN && error == 0; i++) {
		const struct candidate *candidate = &search->items[i];
		bool is_single = candidate->token.recipients == 1;
		struct span bound = candidate->state == TOKEN_VALID ? find_bound(search, &candidate->token, outcome) : SPAN_NONE;
		if (candidate->state > best)
			best = candidate->state;
		if (!span_is_known(bound) || (outcome->proof == PROOF_SHARED && !is_single))
			continue;
		failure->bound_recipient = bound;
		set_proof(outcome, is_single ? PROOF_TOKEN : PROOF_SHARED, is_single ? PROOF_REASON_BOUND_TOKEN : PROOF_REASON_SHARED_TOKEN);
		error = keep_token(search, &candidate->token, failure);
	}
	if (outcome->proof == PROOF_NONE)
		outcome->proof_reason = explain(best);
	return error;
}

/*
 * A bounce that our MTA hands us proves what our MTA reports.  What somebody else reported and a local program sent
 * on (a pipe, a .forward) comes the same way: it proves nothing.  Nor does a recipient whom only the client named (ORCPT, To),
 * where the report's own is none that we can read.
 */
static void prove_by_session(const struct origin_facts *facts, struct failure *failure)
{
	struct outcome *outcome = &failure->outcome;
	bool is_report_of_ours = outcome->kind == KIND_DSN && facts->host.len > 0 && span_is_equal_nocase(outcome->reporting_mta, facts->host);

	if (facts->proof == PROOF_LOCAL && is_report_of_ours && outcome->is_final) {
		set_proof(outcome, PROOF_LOCAL, PROOF_REASON_MTA_SESSION);
		/* it names what it was given to deliver, whatever else a token binds */
		failure->bound_recipient = SPAN_NONE;
	} else if (outcome->proof == PROOF_NONE && facts->is_from_our_mta && outcome->proof_reason == PROOF_REASON_NO_TOKEN) {
		outcome->proof_reason = !is_report_of_ours	     ? PROOF_REASON_REPORT_OF_OTHERS :
					facts->proof == PROOF_LOCAL ? PROOF_REASON_OTHER_RECIPIENT :
								      PROOF_REASON_UNTRUSTED_SESSION;
	}
}

/* Streams in the words of the state: "" where they are not in use, "*" where this one's is not known. */
static void set_stream(const struct snapshot *snapshot, const struct origin_facts *facts, struct failure *failure)
{
	struct span stream = facts->stream.len > 0 ? facts->stream : failure->stream;

	if (snapshot->stream_kind == STREAM_NONE)
		stream = SPAN_LIT("");
	else if (stream.len <= 1)
		stream = SPAN_LIT(TOKEN_STREAM_UNKNOWN);
	failure->stream = stream;
}

static int prove(const struct snapshot *snapshot, const struct fields *original, struct search *search, struct failure *failure)
{
	const struct origin_facts *facts = search->facts;
	struct outcome *outcome = &failure->outcome;
	int error = 0;

	set_proof(outcome, facts->proof == PROOF_LOG ? PROOF_LOG : PROOF_NONE, PROOF_REASON_UNKNOWN);
	if (facts->proof == PROOF_LOG) {
		outcome->proof_reason = PROOF_REASON_LOG_LINE;
	} else {
		if (search->ring) {
			look_for_tokens(snapshot, search, original, outcome);
			error = prove_by_token(search, failure);
		}
		if (outcome->proof != PROOF_TOKEN)
			prove_by_session(facts, failure);
	}
	set_stream(snapshot, facts, failure);
	return error;
}

/* --- backscatter */

static bool has_text(const char *const *list, struct span text)
{
	for (; list && *list; list++)
		if (span_is_equal_nocase(span_of(*list), text))
			return true;
	return false;
}

/* Would the mail that this claims to return have had a token?  What some logins alone send signed cannot be told. */
static bool is_token_expected(const struct snapshot *snapshot, const struct origin_facts *facts)
{
	bool has_senders = snapshot->token_senders && snapshot->token_senders[0];
	bool has_logins = snapshot->token_logins && snapshot->token_logins[0];
	struct address address;

	if (!snapshot->signs_mail || facts->is_from_our_mta || facts->proof == PROOF_LOG)
		return false;
	if (!has_senders)
		return !has_logins;
	if (address_fold(facts->bounced_to, &address, NULL) < 0)
		return false;
	return has_text(snapshot->token_senders, address_get(&address)) ||
	       has_text(snapshot->token_senders, span_skip(address_get(&address), address.at));
}

/*
 * A bounce with no token, or with one that somebody has changed.  Nobody's bounce is lost for a key that we have lost, or for a
 * token that the header's last hop has cut: who invents such a token only keeps his bounce from being refused.
 */
static bool is_nobodys_bounce(const struct outcome *outcome)
{
	if (outcome->kind != KIND_DSN && outcome->kind != KIND_BOUNCE)
		return false;
	return outcome->proof == PROOF_NONE && (outcome->proof_reason == PROOF_REASON_NO_TOKEN || outcome->proof_reason == PROOF_REASON_FORGED_TOKEN);
}

static bool is_backscatter(const struct snapshot *snapshot, const struct origin_facts *facts, const struct failures *failures)
{
	if (failures->count == 0 || !is_token_expected(snapshot, facts))
		return false;
	for (size_t i = 0; i < failures->count; i++)
		if (!is_nobodys_bounce(&failures->items[i].outcome))
			return false;
	return true;
}

int proof_find(const struct snapshot *snapshot, const struct mail *mail, const struct origin_facts *facts, struct failures *failures)
{
	const struct fields *original = report_find_original(mail);
	struct search search = { .facts = facts, .ring = snapshot->keys ? keys_get(snapshot->keys) : NULL, .arena = mail->arena };
	int error = 0;

	for (size_t i = 0; i < failures->count && error == 0; i++)
		error = prove(snapshot, original, &search, &failures->items[i]);
	failures->is_backscatter_likely = error == 0 && is_backscatter(snapshot, facts, failures);
	keyring_unref(search.ring);
	return error;
}
