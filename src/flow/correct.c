/* SPDX-License-Identifier: BSD-2-Clause */
/* What a rule's status-as does to a delivery result.  Any thread. */
#include "flow/correct.h"

/* Does the status by itself say what the words say? */
static bool says_the_same(const struct snapshot *snapshot, struct scratch *scratch, struct status status, enum class class_id)
{
	struct query query = { .text = SPAN_LIT(""), .status = status };
	struct verdict verdict;

	classify(snapshot->ruleset, scratch, &query, &verdict);
	return verdict.class_id == class_id;
}

bool flow_correct(const struct snapshot *snapshot, struct scratch *scratch, struct status given, struct span text,
		  struct correction *ret_correction)
{
	struct query query = { .text = text, .status = given };
	struct verdict verdict;
	struct status wanted;
	bool softens;

	if (given.class_digit != 5)
		return false;
	classify(snapshot->ruleset, scratch, &query, &verdict);
	/* where something else in the text spoke against the winner, its word is not passed on as a fact */
	if (verdict.is_capped || status_parse(span_of(verdict.status_as), &wanted) < 0 || wanted.class_digit == 2)
		return false;
	softens = wanted.class_digit == 4;
	if (softens ? !snapshot->softens : status_is_equal(wanted, given) || says_the_same(snapshot, scratch, given, verdict.class_id))
		return false;
	*ret_correction = (struct correction){ wanted, verdict };
	return true;
}
