/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the store share: a scratch folder, and events made from a few words. */
#ifndef KODAMA_TESTS_STORE_HELP_H
#define KODAMA_TESTS_STORE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "decide/ruling.h"
#include "store/store.h"

enum { DAY = 86400, HOUR = 3600 };
#define NOW INT64_C(1800000000)

/* A failure (or a success) as a test sees it; what is 0 or NULL takes a default. */
struct sample {
	const char *recipient;   /* "user@example.com" */
	const char *queue_id;    /* NULL: none */
	const char *message_id;
	enum class class_id;     /* user-unknown */
	enum effect effect;      /* the class's */
	enum proof proof;        /* log */
	enum action action;      /* failed */
	enum source source;      /* log */
	enum basis basis;        /* phrase */
	enum kind kind;          /* log */
	const char *token_recipient, *token, *stream, *provider, *sender, *text, *nonce, *host;
	int64_t at;
};

struct sample_event {
	struct outcome outcome;
	struct verdict verdict;
	struct event event;
};

static inline void sample_make(const struct sample *s, struct sample_event *e)
{
	enum class class_id = s->class_id ? s->class_id : CLASS_USER_UNKNOWN;
	const struct class_info *info = class_get_info(class_id);

	e->outcome = (struct outcome){
		.recipient = span_of(s->recipient ? s->recipient : "user@example.com"), .sender = span_of(s->sender),
		.action = s->action ? s->action : ACTION_FAILED, .reply = 550, .status = { 5, 1, 1 },
		.text = span_of(s->text ? s->text : "no such user"), .queue_id = span_of(s->queue_id),
		.message_id = span_of(s->message_id), .source = s->source ? s->source : SOURCE_LOG,
		.kind = s->kind ? s->kind : KIND_LOG, .proof = s->proof ? s->proof : PROOF_LOG, .token = span_of(s->token),
	};
	e->verdict = (struct verdict){
		.class_id = class_id, .scope = info->scope, .effect = s->effect ? s->effect : info->effect,
		.basis = s->basis ? s->basis : BASIS_PHRASE, .confidence = CONFIDENCE_RULE, .rule = "test.rule",
		.provider = s->provider ? s->provider : "", .advice = { "", "" }, .status_as = "",
	};
	e->event = (struct event){
		.outcome = &e->outcome, .verdict = &e->verdict, .stream = span_of(s->stream ? s->stream : ""),
		.host = span_of(s->host ? s->host : "mx1"), .received_s = s->at ? s->at : NOW,
		.is_reported_by_us = s->source == SOURCE_UNKNOWN || s->source == SOURCE_LOG,
		.token_recipient = span_of(s->token_recipient), .nonce = span_of(s->nonce),
	};
}

static inline struct limits sample_limits(enum preset preset)
{
	struct limits limits = { .preset = preset, .enforce = true, .is_proof_required = true };

	limits.items = (struct limit *)limits_get_defaults(preset, &limits.count);
	return limits;
}

/* The writer's way, in one step and with no guard. */
static inline int record_event(struct store *store, const struct limits *limits, const struct event *event, struct decision *ret_decision)
{
	struct ruling ruling = ruling_make(limits, event);

	return store_apply(store, &ruling, event, NULL, ret_decision);
}

static inline char *scratch_folder(void)
{
	static char path[] = "/tmp/kodama-test-XXXXXX";

	snprintf(path, sizeof(path), "/tmp/kodama-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	return path;
}

static inline int scratch_remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void scratch_remove(const char *path)
{
	assert_int_equal(nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
