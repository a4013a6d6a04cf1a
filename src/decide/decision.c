/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of decisions and the words of their reasons.  Pure; any thread. */
#include "decide/decision.h"

#include <assert.h>

static const char *const kind_names[] = {
	[DECISION_NONE] = "none",	      [DECISION_COUNTED] = "counted",
	[DECISION_SUPPRESSED] = "suppressed", [DECISION_HELD] = "held",
	[DECISION_EXEMPT] = "exempt",	      [DECISION_UNPROVED] = "unproved",
	[DECISION_DRY_RUN] = "dry-run",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == DECISION_COUNT, "a name for each decision");

static const char *const reason_texts[] = {
	[REASON_NONE] = "",
	[REASON_NOT_FINAL] = "it is no final failure",
	[REASON_OTHER_SCOPE] = "the failure is not the recipient's",
	[REASON_NO_EFFECT] = "failures of this kind never count",
	[REASON_NO_ADDRESS] = "it names no address that we mailed",
	[REASON_UNPROVED] = "nothing proves that it is about mail of ours",
	[REASON_LOCAL_DOMAIN] = "the address is in a domain of ours",
	[REASON_EXEMPT_SENDER] = "the sender is exempt",
	[REASON_EXEMPT_LOGIN] = "the login is exempt",
	[REASON_EXEMPT_RECIPIENT] = "the recipient is exempt",
	[REASON_EXEMPT_DOMAIN] = "the recipient's domain is exempt",
	[REASON_NO_SECTION] = "no suppress section covers it",
	[REASON_WEAK_BASIS] = "only a code or a generic word says so, and the provider took nothing of ours for a day",
	[REASON_DUPLICATE] = "the same failure was seen before",
	[REASON_OLDER_THAN_SUCCESS] = "a later mail was delivered",
	[REASON_COUNTED] = "it counts towards a suppression",
	[REASON_AT_ONCE] = "one such failure suppresses",
	[REASON_THRESHOLD] = "the failures in a row reached the limit",
	[REASON_AGAIN] = "it failed again after a suppression had ended",
	[REASON_ALREADY] = "it was suppressed already",
	[REASON_SURGE] = "too many addresses of one provider fail at once: held until it fails again or is released",
	[REASON_SUCCESS_RESET] = "a mail was delivered: the failures before it are void",
	[REASON_SUCCESS_NOTHING] = "a mail was delivered, and nothing stood against the address",
	[REASON_PROOF_RAISED] = "the same failure is now fully proved",
};
static_assert(sizeof(reason_texts) / sizeof(reason_texts[0]) == REASON_COUNT, "a text for each reason");

const char *decision_get_name(enum decision_kind kind)
{
	return (unsigned)kind < DECISION_COUNT ? kind_names[kind] : "";
}

bool decision_find(struct span name, enum decision_kind *ret_kind)
{
	for (unsigned i = 0; i < DECISION_COUNT; i++) {
		if (span_is_equal(name, span_of(kind_names[i]))) {
			*ret_kind = (enum decision_kind)i;
			return true;
		}
	}
	return false;
}

const char *reason_get_text(enum reason reason)
{
	return (unsigned)reason < REASON_COUNT ? reason_texts[reason] : "";
}

int64_t time_add(int64_t time_s, int64_t duration_s)
{
	int64_t sum;

	if (time_s == TIME_FOREVER || duration_s == TIME_FOREVER || __builtin_add_overflow(time_s, duration_s, &sum))
		return TIME_FOREVER;
	return sum;
}
