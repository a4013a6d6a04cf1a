/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as bytes: a version, then every field in one fixed order, numbers as eight bytes, texts with their length
 * before and a NUL behind.  Reading checks every bound.  Pure; any thread.
 */
#include "store/wire.h"

#include <endian.h>
#include <errno.h>

#include "base/utf8.h"

enum { WIRE_VERSION = 2, TEXT_MAX = 4096, FIELD_MAX = 1000 };
#define UNKNOWN ((int64_t)UINT32_MAX)

/* One walk over the fields serves both ways. */
struct wire {
	struct buffer *out; /* writing */
	struct span in;     /* reading */
	bool is_bad;
};

static void walk_bytes(struct wire *wire, void *bytes, size_t size)
{
	if (wire->out) {
		buffer_add(wire->out, span_make(bytes, size));
	} else if (wire->in.len < size) {
		wire->is_bad = true;
		memset(bytes, 0, size);
	} else {
		memcpy(bytes, wire->in.ptr, size);
		wire->in = span_skip(wire->in, size);
	}
}

static void walk_number(struct wire *wire, int64_t *number)
{
	uint64_t word = htole64((uint64_t)*number);

	walk_bytes(wire, &word, sizeof(word));
	if (!wire->out)
		*number = (int64_t)le64toh(word);
}

static void walk_text(struct wire *wire, struct span *text, size_t max)
{
	struct span cut = wire->out ? utf8_cut(*text, max) : SPAN_NONE;
	int64_t len = cut.ptr ? (int64_t)cut.len : UNKNOWN;

	walk_number(wire, &len);
	if (wire->out) {
		if (cut.ptr) {
			buffer_add(wire->out, cut);
			buffer_add_char(wire->out, '\0');
		}
		return;
	}
	*text = SPAN_NONE;
	if (len == UNKNOWN || wire->is_bad)
		return;
	if (len < 0 || (uint64_t)len >= wire->in.len || wire->in.ptr[len] != '\0') {
		wire->is_bad = true;
		return;
	}
	*text = span_make(wire->in.ptr, (size_t)len);
	wire->in = span_skip(wire->in, (size_t)len + 1);
}

/* Any small number: an enum, a bool. */
#define WALK_SMALL(wire, field, limit)                                                    \
	do {                                                                              \
		int64_t number = (int64_t)(field);                                        \
		walk_number(wire, &number);                                               \
		if (number < 0 || number >= (int64_t)(limit))                             \
			(wire)->is_bad = true;                                            \
		else                                                                      \
			(field) = (__typeof__(field))number;                              \
	} while (0)

static void walk_outcome(struct wire *wire, struct outcome *o)
{
	struct span *fields[] = { &o->recipient, &o->original_recipient, &o->sender, &o->remote_mta, &o->reporting_mta,
				  &o->queue_id, &o->envelope_id, &o->message_id, &o->token };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		walk_text(wire, fields[i], FIELD_MAX);
	walk_text(wire, &o->text, TEXT_MAX);
	walk_number(wire, &o->time_s);
	WALK_SMALL(wire, o->action, ACTION_COUNT);
	WALK_SMALL(wire, o->reply, 1000);
	WALK_SMALL(wire, o->status.class_digit, 10);
	WALK_SMALL(wire, o->status.subject, 1000);
	WALK_SMALL(wire, o->status.detail, 1000);
	WALK_SMALL(wire, o->command, COMMAND_COUNT);
	WALK_SMALL(wire, o->source, SOURCE_COUNT);
	WALK_SMALL(wire, o->kind, KIND_COUNT);
	WALK_SMALL(wire, o->proof, PROOF_COUNT);
	WALK_SMALL(wire, o->proof_reason, PROOF_REASON_COUNT);
	WALK_SMALL(wire, o->feedback, FEEDBACK_COUNT);
	WALK_SMALL(wire, o->is_from_original, 2);
	WALK_SMALL(wire, o->is_generic, 2);
}

static void walk_word(struct wire *wire, const char **word)
{
	struct span text = span_of(*word);

	walk_text(wire, &text, FIELD_MAX);
	if (!wire->out)
		*word = text.ptr ? text.ptr : "";
}

static void walk_verdict(struct wire *wire, struct verdict *v)
{
	walk_word(wire, &v->rule);
	walk_word(wire, &v->provider);
	WALK_SMALL(wire, v->class_id, CLASS_COUNT);
	WALK_SMALL(wire, v->scope, SCOPE_COUNT);
	WALK_SMALL(wire, v->effect, EFFECTS);
	WALK_SMALL(wire, v->bounce, BOUNCE_COUNT);
	WALK_SMALL(wire, v->basis, BASIS_COUNT);
	WALK_SMALL(wire, v->confidence, CONFIDENCE_COUNT);
	if (!wire->out) {
		v->status_as = "";
		for (size_t i = 0; i < LANGUAGE_COUNT; i++)
			v->advice[i] = "";
	}
}

static void walk_event(struct wire *wire, struct event *e)
{
	struct span *fields[] = { &e->stream, &e->login, &e->host, &e->token_recipient, &e->token_id, &e->nonce };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		walk_text(wire, fields[i], FIELD_MAX);
	walk_number(wire, &e->received_s);
	WALK_SMALL(wire, e->is_reported_by_us, 2);
}

/* A name of fixed size, with its NUL. */
static void walk_name(struct wire *wire, char *name, size_t size)
{
	struct span text = span_of(name);

	walk_text(wire, &text, size - 1);
	if (wire->out || wire->is_bad)
		return;
	if (text.len >= size) {
		wire->is_bad = true;
		return;
	}
	memcpy(name, text.len ? text.ptr : "", text.len);
	name[text.len] = '\0';
}

static void walk_ruling(struct wire *wire, struct ruling *r)
{
	WALK_SMALL(wire, r->kind, DECISION_COUNT);
	WALK_SMALL(wire, r->reason, REASON_COUNT);
	WALK_SMALL(wire, r->is_success, 2);
	WALK_SMALL(wire, r->is_final, 2);
	WALK_SMALL(wire, r->is_kept, 2);
	WALK_SMALL(wire, r->is_shared_too, 2);
	WALK_SMALL(wire, r->is_dry_run, 2);
	WALK_SMALL(wire, r->needs_success, 2);
	WALK_SMALL(wire, r->effect, EFFECTS);
	walk_name(wire, r->section, sizeof(r->section));
	WALK_SMALL(wire, r->after, UINT32_MAX);
	walk_number(wire, &r->within_s);
	walk_number(wire, &r->for_s);
	walk_name(wire, r->address.text, sizeof(r->address.text));
	WALK_SMALL(wire, r->address.at, ADDRESS_SIZE);
	r->address.len = (uint16_t)strlen(r->address.text);
	if (r->address.at > r->address.len)
		wire->is_bad = true;
}

static void walk(struct wire *wire, struct event *event, struct outcome *outcome, struct verdict *verdict, struct ruling *ruling)
{
	int64_t version = WIRE_VERSION;

	walk_number(wire, &version);
	if (version != WIRE_VERSION)
		wire->is_bad = true;
	walk_event(wire, event);
	walk_outcome(wire, outcome);
	walk_verdict(wire, verdict);
	walk_ruling(wire, ruling);
}

void wire_put(struct buffer *buffer, const struct event *event, const struct ruling *ruling)
{
	struct wire wire = { .out = buffer };
	struct event event_copy = *event;
	struct outcome outcome = *event->outcome;
	struct verdict verdict = *event->verdict;
	struct ruling ruling_copy = *ruling;

	walk(&wire, &event_copy, &outcome, &verdict, &ruling_copy);
}

int wire_take(struct span *rest, struct wire_event *ret_event)
{
	struct wire wire = { .in = *rest };

	*ret_event = (struct wire_event){ .event = { .outcome = &ret_event->outcome, .verdict = &ret_event->verdict } };
	walk(&wire, &ret_event->event, &ret_event->outcome, &ret_event->verdict, &ret_event->ruling);
	if (wire.is_bad)
		return -EINVAL;
	*rest = wire.in;
	return 0;
}
