/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of an outcome's words, and the list of outcomes.  Pure; any thread. */
#include "evidence/outcome.h"

#include <assert.h>

#include "base/arena.h"

static const char *const action_names[] = { "", "failed", "delayed", "delivered", "relayed", "expanded" };
static const char *const source_names[] = { "", "milter", "log", "ingest", "file", "response" };
static const char *const kind_names[] = { "", "dsn", "bounce", "arf", "autoreply", "log", "response" };
static const char *const proof_names[] = { "", "none", "local", "log", "shared", "token" };

static const char *const proof_reason_names[] = {
	"", "bound-token", "shared-token", "log-line", "mta-session", "no-token", "malformed-token", "unknown-key", "forged-token", "expired-token",
	"other-recipient", "untrusted-session", "untrusted-log", "report-of-others",
};
static const char *const proof_reason_texts[] = {
	"",
	"its token is ours, and binds this recipient alone",
	"its token is ours, and binds this recipient among others",
	"our MTA's log says so",
	"our MTA reports it in a session of its own",
	"no token of ours came back",
	"the token is cut or malformed",
	"the token's key is not ours, or no longer accepted",
	"the token's code is wrong",
	"the token is out of its time",
	"the token is of a mail that was not for this recipient",
	"local users could have sent it, and local-submission is untrusted",
	"the log does not prove who wrote it",
	"our MTA passed on what another one reports",
};

#define NAMES_COUNT(names) (sizeof(names) / sizeof((names)[0]))
static_assert(NAMES_COUNT(action_names) == ACTION_COUNT, "one name for each action");
static_assert(NAMES_COUNT(source_names) == SOURCE_COUNT, "one name for each source");
static_assert(NAMES_COUNT(kind_names) == KIND_COUNT, "one name for each kind");
static_assert(NAMES_COUNT(proof_names) == PROOF_COUNT, "one name for each proof");
static_assert(NAMES_COUNT(proof_reason_names) == PROOF_REASON_COUNT, "one name for each reason");
static_assert(NAMES_COUNT(proof_reason_texts) == PROOF_REASON_COUNT, "one text for each reason");

static const char *get_name(const char *const names[], size_t count, unsigned value)
{
	return value < count ? names[value] : "";
}

static unsigned find_name(const char *const names[], size_t count, struct span name)
{
	for (unsigned i = 1; i < count; i++) {
		if (span_is_equal_nocase(name, span_of(names[i])))
			return i;
	}
	return 0;
}

const char *action_get_name(enum action action)
{
	return get_name(action_names, ACTION_COUNT, action);
}

const char *source_get_name(enum source source)
{
	return get_name(source_names, SOURCE_COUNT, source);
}

const char *kind_get_name(enum kind kind)
{
	return get_name(kind_names, KIND_COUNT, kind);
}

const char *proof_get_name(enum proof proof)
{
	return get_name(proof_names, PROOF_COUNT, proof);
}

const char *proof_reason_get_name(enum proof_reason reason)
{
	return get_name(proof_reason_names, PROOF_REASON_COUNT, reason);
}

const char *proof_reason_get_text(enum proof_reason reason)
{
	return get_name(proof_reason_texts, PROOF_REASON_COUNT, reason);
}

enum action action_find(struct span name)
{
	return find_name(action_names, ACTION_COUNT, name);
}

/* The room is always the power of two that holds `count`: full when the count is one. */
static bool is_full(size_t count)
{
	return count == 0 || (count >= 4 && (count & (count - 1)) == 0);
}

struct outcome *outcomes_add(struct outcomes *outcomes, struct arena *arena)
{
	if (outcomes->count == OUTCOMES_MAX) {
		outcomes->is_cut = true;
		return NULL;
	}
	if (is_full(outcomes->count)) {
		size_t room = outcomes->count ? outcomes->count * 2 : 4;
		struct outcome *items = arena_alloc(arena, room * sizeof(*items));
		if (!items)
			return NULL;
		if (outcomes->count)
			memcpy(items, outcomes->items, outcomes->count * sizeof(*items));
		outcomes->items = items;
	}
	return &outcomes->items[outcomes->count++];
}
