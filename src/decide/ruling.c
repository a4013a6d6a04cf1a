/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What counts, against whom, under which section (DESIGN section 6), read off one event and the operator's word.
 * Pure; any thread; the event's texts are hostile.
 */
#include "decide/ruling.h"

#include <stdio.h>

static bool has_word(const char *const *list, struct span word)
{
	for (; list && *list; list++) {
		if (span_is_equal_nocase(span_of(*list), word))
			return true;
	}
	return false;
}

/* "example.com" names itself and what is below it. */
static bool has_domain(const char *const *list, struct span domain)
{
	for (; list && *list; list++) {
		struct span entry = span_of(*list);
		if (!span_has_suffix_nocase(domain, entry))
			continue;
		if (domain.len == entry.len || domain.ptr[domain.len - entry.len - 1] == '.')
			return true;
	}
	return false;
}

/* A sender or a recipient is exempt by its address or by "@domain". */
static bool has_address(const char *const *list, const struct address *address)
{
	struct span at_domain = span_skip(address_get(address), address->at);

	return has_word(list, address_get(address)) || has_word(list, at_domain);
}

static bool is_complaint(const struct event *event)
{
	return event->outcome->kind == KIND_ARF && event->verdict->class_id == CLASS_COMPLAINT;
}

/* Where the report names no action, a permanent reply or status is one. */
static bool is_failure(const struct outcome *outcome)
{
	if (outcome->kind == KIND_ARF || outcome->kind == KIND_AUTOREPLY)
		return false;
	if (outcome->action != ACTION_UNKNOWN)
		return outcome->action == ACTION_FAILED;
	return outcome->reply ? outcome->reply / 100 == 5 : outcome->status.class_digit == 5;
}

/* Relayed and expanded say nothing of the mailbox. */
static bool is_delivery(const struct event *event)
{
	return event->outcome->action == ACTION_DELIVERED && event->verdict->effect == EFFECT_RESET &&
	       event->outcome->kind != KIND_ARF && event->outcome->kind != KIND_AUTOREPLY;
}

unsigned proof_get_rank(enum proof proof)
{
	static const unsigned ranks[PROOF_COUNT] = { [PROOF_SHARED] = 1, [PROOF_LOCAL] = 2, [PROOF_LOG] = 3, [PROOF_TOKEN] = 4 };

	return (unsigned)proof < PROOF_COUNT ? ranks[proof] : 0;
}

static bool is_proved(const struct outcome *outcome)
{
	return proof_get_rank(outcome->proof) > 0;
}

bool ruling_is_unproved(const struct limits *limits, const struct event *event)
{
	return limits->is_proof_required && !is_proved(event->outcome);
}

/*
 * The one that our MTA handed to the remote.  A remote's report is believed about the address that the token
 * binds, not about what it names: it may have forwarded the mail.  Original-Recipient is the client's own word.
 */
static struct span choose_address(const struct event *event)
{
	const struct outcome *outcome = event->outcome;

	if (outcome->source == SOURCE_LOG || event->is_reported_by_us)
		return outcome->recipient;
	return span_is_known(event->token_recipient) ? event->token_recipient : outcome->recipient;
}

static bool find_address(const struct event *event, struct address *ret_address)
{
	struct address address;

	/* "@example.com" is an operator's entry, nobody's mailbox */
	if (address_fold(choose_address(event), &address, NULL) < 0 || address.at == 0)
		return false;
	*ret_address = address;
	return true;
}

static bool is_exempt_sender(const struct limits *limits, struct span sender)
{
	struct address address;

	if (!limits->exempt_senders || !span_is_known(sender))
		return false;
	if (address_fold(sender, &address, NULL) < 0)
		return has_word(limits->exempt_senders, sender);
	return has_address(limits->exempt_senders, &address);
}

static enum reason find_exemption(const struct limits *limits, const struct event *event, const struct address *address)
{
	struct span domain = address_get_domain(address);

	if (has_domain(limits->local_domains, domain) || (event->is_own_word && event->verdict->scope == SCOPE_RECIPIENT))
		return REASON_LOCAL_DOMAIN;
	if (has_domain(limits->exempt_domains, domain))
		return REASON_EXEMPT_DOMAIN;
	if (has_address(limits->exempt_recipients, address))
		return REASON_EXEMPT_RECIPIENT;
	if (is_exempt_sender(limits, event->outcome->sender))
		return REASON_EXEMPT_SENDER;
	if (event->is_exempt_login || (span_is_known(event->login) && has_word(limits->exempt_logins, event->login)))
		return REASON_EXEMPT_LOGIN;
	return REASON_NONE;
}

/* A co-recipient holds a shared token too: what it proves never suppresses alone. */
static enum effect get_effect(const struct event *event)
{
	if (event->verdict->effect == EFFECT_NOW && event->outcome->proof == PROOF_SHARED)
		return EFFECT_COUNT;
	return event->verdict->effect;
}

static void end_ruling(struct ruling *ruling, enum decision_kind kind, enum reason reason)
{
	ruling->kind = kind;
	ruling->reason = reason;
}

static void choose_section(struct ruling *ruling, const struct limits *limits, const struct event *event)
{
	const struct verdict *verdict = event->verdict;
	const struct limit *limit = limits_find(limits, verdict->class_id, ruling->effect, verdict->scope);

	if (!limit) {
		end_ruling(ruling, DECISION_NONE, REASON_NO_SECTION);
		return;
	}
	snprintf(ruling->section, sizeof(ruling->section), "%s", limit->name);
	ruling->after = limit->after;
	/* one holder of a shared token is one voice, whatever the section says */
	if (event->outcome->proof == PROOF_SHARED && ruling->after < 2)
		ruling->after = 2;
	ruling->within_s = limit->within_s;
	ruling->for_s = limit->for_s;
	/* a complaint is no word of a server's that could be misread */
	ruling->needs_success = limits->preset == PRESET_CAREFUL && verdict->basis <= BASIS_REPLY && !is_complaint(event);
	ruling->is_shared_too = limits->is_shared_hard && event->stream.len && ruling->effect == EFFECT_NOW &&
				event->outcome->proof == PROOF_LOG;
	end_ruling(ruling, DECISION_COUNTED, REASON_COUNTED);
}

static bool is_effect_on_state(const struct verdict *verdict, enum effect effect)
{
	return (verdict->scope == SCOPE_RECIPIENT || verdict->scope == SCOPE_DOMAIN) &&
	       (effect == EFFECT_NOW || effect == EFFECT_COUNT);
}

struct ruling ruling_make(const struct limits *limits, const struct event *event)
{
	const struct verdict *verdict = event->verdict;
	struct ruling ruling = { .is_dry_run = !limits->enforce, .effect = get_effect(event) };

	/* a co-recipient could lift what a failure has earned */
	ruling.is_success = is_delivery(event) && event->outcome->proof != PROOF_SHARED;
	ruling.is_final = ruling.is_success || is_complaint(event) || is_failure(event->outcome);
	ruling.is_kept = ruling.is_final && !ruling.is_success;
	if (!find_address(event, &ruling.address)) {
		ruling.is_success = ruling.is_final = ruling.is_kept = false;
		end_ruling(&ruling, DECISION_NONE, REASON_NO_ADDRESS);
		return ruling;
	}
	enum reason exemption = find_exemption(limits, event, &ruling.address);
	if (!ruling.is_final)
		end_ruling(&ruling, DECISION_NONE, REASON_NOT_FINAL);
	else if (!ruling.is_success && !is_effect_on_state(verdict, ruling.effect))
		end_ruling(&ruling, DECISION_NONE, verdict->scope == SCOPE_RECIPIENT || verdict->scope == SCOPE_DOMAIN ?
			   REASON_NO_EFFECT : REASON_OTHER_SCOPE);
	else if (ruling_is_unproved(limits, event))
		end_ruling(&ruling, DECISION_UNPROVED, REASON_UNPROVED);
	else if (exemption && !ruling.is_success)
		end_ruling(&ruling, DECISION_EXEMPT, exemption);
	else if (ruling.is_success)
		end_ruling(&ruling, DECISION_COUNTED, REASON_NONE);
	else
		choose_section(&ruling, limits, event);
	/* what nobody proved leaves no trace in the history, not even as seen: else a forgery could go before the truth */
	if (ruling_is_unproved(limits, event))
		ruling.is_kept = ruling.is_final = ruling.is_success = false;
	return ruling;
}

bool event_is_returned(const struct event *event)
{
	return event->outcome->source != SOURCE_LOG && !event->is_reported_by_us;
}

int64_t event_get_time(const struct event *event)
{
	const struct outcome *outcome = event->outcome;

	if (!event_is_returned(event) && outcome->time_s > 0 && outcome->time_s <= event->received_s)
		return outcome->time_s;
	return event->received_s;
}

enum { LONG_VALID_S = 21 * 24 * 3600, SHORT_VALID_S = 7 * 24 * 3600 };

/* Postfix's short ids are upper-case hex of the time's microseconds and an inode: they come again. */
static bool is_short_queue_id(struct span id)
{
	if (id.len > 12)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		if (!ascii_is_digit(id.ptr[i]) && (id.ptr[i] < 'A' || id.ptr[i] > 'F'))
			return false;
	}
	return true;
}

/* A log line knows "mx1" where a report knows "mx1.example.jp"; the instance after "/" stays. */
static struct span get_host_label(struct span host)
{
	return span_slice(host, 0, span_find_char(host, '.', 0));
}

/* What is too long for a key is told apart by its length and its first bytes. */
static void put_key(struct event_key *key, char group, char type, struct span host, struct span value, int64_t valid_s)
{
	snprintf(key->text, sizeof(key->text), "%c%c:%.*s%s%.*s", group, type, SPAN_ARG(span_slice(host, 0, 100)),
		 host.len ? "/" : "", SPAN_ARG(span_slice(value, 0, 190)));
	if (value.len > 190) {
		size_t len = strlen(key->text);
		snprintf(key->text + len, sizeof(key->text) - len, "#%zu", value.len);
	}
	key->valid_s = valid_s;
}

/* The MAC names a token; its place in the header or the folding around it does not. */
static struct span get_token_id(const struct event *event)
{
	struct span token = event->outcome->token;

	if (event->outcome->proof != PROOF_TOKEN && event->outcome->proof != PROOF_SHARED)
		return SPAN_NONE;
	if (span_is_known(event->token_id))
		return event->token_id;
	size_t at = span_find(token, SPAN_LIT("m="), 0);
	return span_trim(at == SIZE_MAX ? token : span_skip(token, at + 2));
}

size_t event_get_keys(const struct event *event, bool of_success, struct event_key ret_keys[static EVENT_KEYS_MAX])
{
	const struct outcome *outcome = event->outcome;
	char group = of_success ? 's' : is_complaint(event) ? 'c' : 'f';
	struct span token = get_token_id(event);
	size_t count = 0;

	/* who shares a token says one thing by it: a failure and a complaint by the same one are the same */
	if (token.len)
		put_key(&ret_keys[count++], outcome->proof == PROOF_SHARED && !of_success ? 'f' : group, 't', SPAN_NONE, token, LONG_VALID_S);
	if (outcome->queue_id.len)
		put_key(&ret_keys[count++], group, 'q', get_host_label(event->host), outcome->queue_id,
			is_short_queue_id(outcome->queue_id) ? SHORT_VALID_S : LONG_VALID_S);
	if (outcome->message_id.len)
		put_key(&ret_keys[count++], group, 'm', SPAN_NONE, outcome->message_id, LONG_VALID_S);
	if (count == 0 && event->nonce.len)
		put_key(&ret_keys[count++], group, 'n', SPAN_NONE, event->nonce, LONG_VALID_S);
	return count;
}
