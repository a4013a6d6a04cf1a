/* SPDX-License-Identifier: BSD-2-Clause */
/* The path of one failure: read flow.h first.  Any thread. */
#include "flow/flow.h"

#include <errno.h>
#include <unistd.h>

#include "decide/ruling.h"
#include "flow/counter.h"
#include "flow/proof.h"
#include "reply/action.h"

/* --- mail -> outcomes */

int flow_read(const struct snapshot *snapshot, const struct mail *mail, const struct origin_facts *facts, struct failures *ret_failures)
{
	struct failures failures = { .items = NULL };
	struct outcomes outcomes = { NULL, 0, false };
	int error = evidence_read(mail, snapshot->formats, &outcomes);

	if (error < 0)
		return error;
	failures.items = arena_alloc(mail->arena, outcomes.count * sizeof(*failures.items));
	if (!failures.items)
		return -ENOMEM;
	failures.count = outcomes.count;
	failures.is_cut = outcomes.is_cut;
	for (size_t i = 0; i < outcomes.count; i++) {
		failures.items[i].outcome = outcomes.items[i];
		failures.items[i].outcome.source = facts->source;
	}
	error = proof_find(snapshot, mail, facts, &failures);
	if (error == 0)
		*ret_failures = failures;
	return error;
}

/* --- outcomes -> verdicts */

void flow_classify(const struct snapshot *snapshot, struct scratch *scratch, struct failures *failures)
{
	for (size_t i = 0; i < failures->count; i++) {
		struct failure *failure = &failures->items[i];
		struct query query = query_of(&failure->outcome);
		classify(snapshot->ruleset, scratch, &query, &failure->verdict);
		counter_add(COUNTER_OUTCOMES, 1);
		counter_add_class(failure->verdict.class_id);
	}
}

/* --- verdicts -> decisions */

/* In the log it is the agent's name that tells. */
static bool is_own_word(const struct origin_facts *facts, const struct outcome *outcome)
{
	return facts->is_from_our_mta && outcome->kind == KIND_DSN && !span_is_known(outcome->remote_mta) && !outcome->reply;
}

static struct event make_event(const struct failure *failure, const struct origin_facts *facts)
{
	return (struct event){
		.outcome = &failure->outcome,
		.verdict = &failure->verdict,
		.stream = failure->stream,
		.login = facts->login,
		.is_exempt_login = failure->is_exempt_login,
		.host = facts->host,
		.received_s = facts->now_s,
		.is_own_word = is_own_word(facts, &failure->outcome),
		.is_reported_by_us = failure->outcome.proof == PROOF_LOCAL,
		.token_recipient = failure->bound_recipient,
		.token_id = failure->token_id,
	};
}

/* Unproved evidence changes nothing, whatever it says: it never crosses to the writer, so nobody can flood it. */
static bool decide_unproved(const struct snapshot *snapshot, struct writer *writer, const struct origin_facts *facts, struct failure *failure)
{
	struct event event = make_event(failure, facts);
	struct ruling ruling;

	if (!ruling_is_unproved(&snapshot->limits, &event))
		return false;
	ruling = ruling_make(&snapshot->limits, &event);
	if (writer)
		writer_note_unproved(writer, &event, &ruling);
	failure->is_decided = true;
	failure->decision = (struct decision){ .kind = ruling.kind, .reason = ruling.reason, .why = reason_get_text(ruling.reason) };
	return true;
}

/* Records the failures whose place in the list stands in which[]. */
static int record(const struct snapshot *snapshot, struct writer *writer, const struct origin_facts *facts, struct failures *failures,
		  const size_t *which, size_t count, struct event *events, struct decision *decisions)
{
	int error;

	for (size_t i = 0; i < count; i++)
		events[i] = make_event(&failures->items[which[i]], facts);
	error = writer_record(writer, &snapshot->limits, events, count, decisions);
	if (error == -EINPROGRESS)
		counter_add(COUNTER_QUEUED, count);
	else if (error < 0)
		counter_add(COUNTER_LOST, count);
	for (size_t i = 0; error == 0 && i < count; i++) {
		failures->items[which[i]].decision = decisions[i];
		failures->items[which[i]].is_decided = true;
	}
	return error;
}

int flow_decide(const struct snapshot *snapshot, struct writer *writer, const struct origin_facts *facts, struct failures *failures)
{
	struct arena *arena = arena_new(0);
	size_t n = failures->count, proved = 0;
	size_t *which = arena ? arena_alloc(arena, n * sizeof(*which)) : NULL;
	struct event *events = arena ? arena_alloc(arena, n * sizeof(*events)) : NULL;
	struct decision *decisions = arena ? arena_alloc(arena, n * sizeof(*decisions)) : NULL;
	bool has_memory = which && events && decisions;
	int error = 0;

	watch_note_evidence(facts->source, facts->now_s);
	for (size_t i = 0; i < n; i++) {
		watch_note(sighting_of_source(facts->source), failures->items[i].outcome.recipient);
		if (decide_unproved(snapshot, writer, facts, &failures->items[i]))
			continue;
		if (has_memory)
			which[proved++] = i;
		else
			error = -ENOMEM;
	}
	if (proved > 0)
		error = record(snapshot, writer, facts, failures, which, proved, events, decisions);
	for (size_t i = 0; i < n; i++)
		if (failures->items[i].is_decided)
			counter_add_decision(failures->items[i].decision.kind);
	arena_free(arena);
	return error;
}

/* --- decisions -> edits */

/* The name that the operator gave us, else the MTA's, else the system's. */
static const char *choose_host(const struct snapshot *snapshot, const struct origin_facts *facts, struct arena *arena)
{
	char name[256] = "";

	if (snapshot->host[0])
		return snapshot->host;
	if (facts->host.len > 0)
		return arena_copy(arena, facts->host).ptr;
	if (gethostname(name, sizeof(name) - 1) < 0 || !name[0])
		return "localhost";
	return arena_copy(arena, span_of(name)).ptr;
}

int flow_reply(const struct snapshot *snapshot, const struct origin_facts *facts, const struct failures *failures, struct arena *arena,
	       struct edits *edits)
{
	const char *host;
	struct result *results;

	if (!snapshot->writes_headers || failures->count == 0)
		return 0;
	results = arena_alloc(arena, failures->count * sizeof(*results));
	host = choose_host(snapshot, facts, arena);
	if (!results || !host)
		return -ENOMEM;
	for (size_t i = 0; i < failures->count; i++) {
		const struct failure *failure = &failures->items[i];
		results[i] = (struct result){
			.outcome = &failure->outcome,
			.verdict = &failure->verdict,
			.decision = failure->is_decided ? &failure->decision : NULL,
			.is_backscatter_likely = failures->is_backscatter_likely,
		};
	}
	return header_write(results, failures->count, host, snapshot->language, arena, edits);
}

/* --- may mail go there? */

static struct span strip_brackets(struct span address)
{
	address = span_trim(address);
	if (address.len >= 2 && address.ptr[0] == '<' && address.ptr[address.len - 1] == '>')
		return span_slice(address, 1, address.len - 1);
	return address;
}

bool flow_is_null_sender(struct span sender)
{
	sender = strip_brackets(sender);
	return sender.len == 0 || span_has_prefix_nocase(sender, SPAN_LIT("double-bounce@"));
}

static bool list_has(const char *const *list, struct span text)
{
	for (; list && *list; list++)
		if (span_is_equal(span_of(*list), text))
			return true;
	return false;
}

static bool is_exempt(const struct limits *limits, const struct question *question)
{
	struct address sender;

	if (question->login.len > 0 && list_has(limits->exempt_logins, question->login))
		return true;
	if (!limits->exempt_senders || !limits->exempt_senders[0] || address_fold(question->sender, &sender, NULL) < 0)
		return false;
	return list_has(limits->exempt_senders, address_get(&sender)) || list_has(limits->exempt_senders, span_skip(address_get(&sender), sender.at));
}

void flow_ask(const struct snapshot *snapshot, const struct index *index, const struct question *question, struct answer *ret_answer)
{
	ret_answer->is_suppressed = ret_answer->is_dry_run = false;
	watch_note(question->front, question->recipient);
	if (!question->is_sender_unknown && flow_is_null_sender(question->sender))
		return;
	/* "@example.com" folds, too: it is no mailbox */
	if (address_fold(question->recipient, &ret_answer->recipient, NULL) < 0 || ret_answer->recipient.at == 0)
		return;
	if (!index_find(index, &ret_answer->recipient, question->stream, snapshot->extension_delimiters, question->now_s, &ret_answer->hit))
		return;
	if (is_exempt(&snapshot->limits, question))
		return;
	if (!snapshot->limits.enforce) {
		ret_answer->is_dry_run = true;
		counter_add(COUNTER_DRY_RUN, 1);
		return;
	}
	ret_answer->is_suppressed = true;
	refusal_format(snapshot->refusal, &ret_answer->recipient, ret_answer->hit.since_s, ret_answer->hit.class_id, ret_answer->text);
}
