/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of entries of one size under a mutex; looking through it is for people, and copies what it shows. */
#include "store/unproved.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum { TEXT_SIZE = 200, NAME_SIZE = 128, ID_SIZE = 64 };

struct entry {
	int64_t time_s, received_s;
	/* names of ours, static */
	const char *action, *source, *kind, *proof, *proof_reason, *class_name, *effect, *basis, *decision, *why;
	char address[ADDRESS_SIZE], reply[8], status[STATUS_TEXT_SIZE];
	char text[TEXT_SIZE], remote_mta[NAME_SIZE], rule[NAME_SIZE], message_id[NAME_SIZE], queue_id[ID_SIZE], provider[ID_SIZE], stream[ID_SIZE];
};

struct unproved {
	pthread_mutex_t mutex;
	uint64_t count; /* ever noted; the next one's place is what is left by UNPROVED_MAX */
	struct entry entries[UNPROVED_MAX];
};

struct unproved *unproved_new(void)
{
	struct unproved *unproved = calloc(1, sizeof(*unproved));

	if (unproved)
		pthread_mutex_init(&unproved->mutex, NULL);
	return unproved;
}

void unproved_free(struct unproved *unproved)
{
	if (!unproved)
		return;
	pthread_mutex_destroy(&unproved->mutex);
	free(unproved);
}

/* What is no UTF-8 becomes "?": a byte for a byte, so that it fits. */
static void keep(char *out, size_t size, struct span text)
{
	size_t len = 0;

	text = utf8_cut(text, size - 1);
	while (len < text.len) {
		unsigned char c = (unsigned char)text.ptr[len];
		if (c > 0 && c < 0x80) {
			out[len++] = (char)c;
			continue;
		}
		size_t taken = utf8_take(span_skip(text, len));
		if (taken == 0 || !text.ptr[len]) {
			out[len++] = '?';
			continue;
		}
		memcpy(out + len, text.ptr + len, taken);
		len += taken;
	}
	out[len] = '\0';
}

static void fill(struct entry *entry, const struct event *event, const struct ruling *ruling)
{
	const struct outcome *o = event->outcome;
	const struct verdict *v = event->verdict;

	*entry = (struct entry){
		.time_s = event_get_time(event), .received_s = event->received_s, .action = action_get_name(o->action),
		.source = source_get_name(o->source), .kind = kind_get_name(o->kind), .proof = proof_get_name(o->proof),
		.proof_reason = proof_reason_get_name(o->proof_reason), .class_name = class_get_name(v->class_id),
		.effect = effect_get_name(v->effect), .basis = basis_get_name(v->basis), .decision = decision_get_name(ruling->kind),
		.why = reason_get_text(ruling->reason),
	};
	memcpy(entry->address, ruling->address.text, sizeof(entry->address));
	if (o->reply)
		snprintf(entry->reply, sizeof(entry->reply), "%u", o->reply);
	status_format(o->status, entry->status);
	keep(entry->text, sizeof(entry->text), o->text);
	keep(entry->remote_mta, sizeof(entry->remote_mta), o->remote_mta);
	keep(entry->message_id, sizeof(entry->message_id), o->message_id);
	keep(entry->queue_id, sizeof(entry->queue_id), o->queue_id);
	keep(entry->stream, sizeof(entry->stream), event->stream);
	keep(entry->rule, sizeof(entry->rule), span_of(v->rule));
	keep(entry->provider, sizeof(entry->provider), span_of(v->provider));
}

void unproved_note(struct unproved *unproved, const struct event *event, const struct ruling *ruling)
{
	if (!ruling->address.len)
		return;
	pthread_mutex_lock(&unproved->mutex);
	fill(&unproved->entries[unproved->count++ % UNPROVED_MAX], event, ruling);
	pthread_mutex_unlock(&unproved->mutex);
}

void unproved_forget(struct unproved *unproved, struct span address)
{
	pthread_mutex_lock(&unproved->mutex);
	for (size_t i = 0; i < UNPROVED_MAX; i++) {
		if (span_is_equal(address, span_of(unproved->entries[i].address)))
			unproved->entries[i] = (struct entry){ .time_s = 0 };
	}
	pthread_mutex_unlock(&unproved->mutex);
}

static struct history_row make_row(const struct entry *e)
{
	return (struct history_row){
		.time_s = e->time_s, .received_s = e->received_s, .stream = span_of(e->stream), .action = span_of(e->action),
		.source = span_of(e->source), .kind = span_of(e->kind), .proof = span_of(e->proof),
		.proof_reason = span_of(e->proof_reason), .reply = span_of(e->reply), .status = span_of(e->status),
		.text = span_of(e->text), .remote_mta = span_of(e->remote_mta), .queue_id = span_of(e->queue_id),
		.message_id = span_of(e->message_id), .class_name = span_of(e->class_name), .effect = span_of(e->effect),
		.basis = span_of(e->basis), .rule = span_of(e->rule), .provider = span_of(e->provider),
		.decision = span_of(e->decision), .why = span_of(e->why),
	};
}

/* The next one of the address at or after *at: a copy, so that a slow reader holds up nobody. */
static bool find_next(struct unproved *unproved, struct span address, uint64_t *at, struct entry *ret_entry)
{
	bool is_found = false;

	pthread_mutex_lock(&unproved->mutex);
	uint64_t oldest = unproved->count > UNPROVED_MAX ? unproved->count - UNPROVED_MAX : 0;
	if (*at < oldest)
		*at = oldest;
	for (; !is_found && *at < unproved->count; ++*at) {
		const struct entry *entry = &unproved->entries[*at % UNPROVED_MAX];
		is_found = span_is_equal(address, span_of(entry->address));
		if (is_found)
			*ret_entry = *entry;
	}
	pthread_mutex_unlock(&unproved->mutex);
	return is_found;
}

void unproved_visit(struct unproved *unproved, struct span address, bool (*visit)(void *data, const struct history_row *row), void *data)
{
	struct entry entry;
	uint64_t at = 0;
	bool goes_on = true;

	while (goes_on && find_next(unproved, address, &at, &entry)) {
		const struct history_row row = make_row(&entry);
		goes_on = visit(data, &row);
	}
}
