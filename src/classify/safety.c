/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of safety.  Pure. */
#include "classify/safety.h"

#include "base/address.h"
#include "evidence/mailbox.h"

enum { REPLY_NULL_MX = 556 };

/* The statuses that speak of the recipient or its domain so plainly that no words are needed (RFC 3463, 7505, 7504). */
static const struct status plain_statuses[] = { { 5, 1, 1 }, { 5, 1, 2 },  { 5, 1, 3 },  { 5, 1, 6 },
						{ 5, 1, 10 }, { 5, 2, 1 }, { 5, 7, 17 }, { 5, 7, 18 } };

static bool is_plain_status(struct status status)
{
	for (size_t i = 0; i < sizeof(plain_statuses) / sizeof(*plain_statuses); i++) {
		if (status_is_equal(status, plain_statuses[i]))
			return true;
	}
	return false;
}

/*
 * A mail tells of a failure at second hand.  Words that name no user, with neither a status of the address (x.1.x) nor
 * RCPT as the command that they answered, may as well come from a filter behind the mailbox; a wording that is known
 * to be the provider's own is believed.
 */
static bool is_hearsay(const struct ruleset *ruleset, const struct query *query, const struct facts *facts, const struct match *winner)
{
	const struct rule *rule = &ruleset->rules[winner->rule];

	return (query->kind == KIND_DSN || query->kind == KIND_BOUNCE) && winner->strength == STRENGTH_PHRASE &&
	       rule->class_id == CLASS_USER_UNKNOWN && rule->conditions.status_count == 0 &&
	       facts->reply.command != COMMAND_RCPT && facts->reply.status.subject != 1;
}

bool safety_is_for_another(const struct query *query, enum smtp_command command)
{
	bool is_for_all = command == COMMAND_DATA || command == COMMAND_END_OF_DATA;
	struct address recipient, named;
	bool has_another = false;
	struct span text;
	size_t at = 0;

	if (!is_for_all || address_fold(query->recipient, &recipient, NULL) < 0)
		return false;
	while (span_is_known(text = mailbox_find(query->text, &at))) {
		if (address_fold(text, &named, NULL) < 0 || mailbox_is_system(text))
			continue;
		if (span_is_equal(address_get(&named), address_get(&recipient)))
			return false;
		has_another = true;
	}
	return has_another;
}

/* Is this a match that speaks of the sender, the message or the submission? */
static bool is_sign(const struct ruleset *ruleset, const struct match *match)
{
	return ruleset->rules[match->rule].is_sign && (match->strength == STRENGTH_WORD || match->strength >= STRENGTH_PHRASE);
}

static bool has_sign(const struct ruleset *ruleset, struct scratch *scratch, const struct facts *facts, const struct match *winner)
{
	for (size_t i = 0; i < facts->match_count; i++) {
		const struct match *match = &facts->matches[i];
		if (is_sign(ruleset, match) && match_is_outside(ruleset, scratch, facts, match, winner->from, winner->to))
			return true;
	}
	return false;
}

const char *safety_find_objection(const struct ruleset *ruleset, struct scratch *scratch, const struct query *query,
				  struct facts *facts, const struct match *winner)
{
	enum basis basis = strength_get_basis(winner->strength);

	if (facts->is_temporary || facts->action == ACTION_DELAYED)
		return "a temporary failure never suppresses at once";
	if (query->is_generic)
		return "what the generic reader guessed never suppresses at once";
	if (basis == BASIS_WORD)
		return "a generic word never suppresses at once";
	if (basis == BASIS_STATUS && !is_plain_status(facts->reply.status))
		return "this status alone is too vague to suppress at once";
	if (basis == BASIS_REPLY && facts->reply.code != REPLY_NULL_MX)
		return "a reply code alone is too vague to suppress at once";
	if (is_hearsay(ruleset, query, facts, winner))
		return "a mail's words alone, with no status of the address and not in answer to RCPT, never suppress at once";
	if (safety_is_for_another(query, facts->reply.command))
		return "an answer to the whole message that names another recipient never suppresses this one at once";
	if (!facts->has_words)
		match_signs(ruleset, scratch, facts);
	if (facts->is_limited)
		return "the text was too long or too tangled to be read whole";
	if (has_sign(ruleset, scratch, facts, winner))
		return "the text also speaks of the sender, the message or the submission";
	return NULL;
}
