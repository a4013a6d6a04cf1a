/* SPDX-License-Identifier: BSD-2-Clause */
/* Conditions of rules.  Pure. */
#include "classify/condition.h"

#include <errno.h>

enum { ANY_MAX = 999 };

int reply_range_parse(struct span text, struct reply_range *ret_range)
{
	struct span high = text, low = span_take(&high, '-');
	uint64_t from, to;
	unsigned wild = 0;

	while (low.len > 0 && !span_is_known(high) && ascii_lower(low.ptr[low.len - 1]) == 'x') {
		low.len--;
		wild++;
	}
	if (low.len + wild != 3 || wild > 2 || span_parse_unsigned(low, 599, &from) < 0)
		return -EINVAL;
	to = from;
	for (unsigned i = 0; i < wild; i++) {
		from *= 10;
		to = to * 10 + 9;
	}
	if (span_is_known(high) && (high.len != 3 || span_parse_unsigned(high, 599, &to) < 0))
		return -EINVAL;
	if (from < 200 || to > 599 || from > to)
		return -EINVAL;
	*ret_range = (struct reply_range){ (uint16_t)from, (uint16_t)to, (uint8_t)(from == to ? 3 : wild ? 2 - wild : 2) };
	return 0;
}

static bool is_any(struct span text)
{
	return text.len == 1 && (text.ptr[0] == '*' || ascii_lower(text.ptr[0]) == 'x');
}

static int parse_detail(struct span text, struct status_range *range)
{
	struct span high = text, low = span_take(&high, '-');
	uint64_t from, to;

	if (is_any(text)) {
		range->detail_high = ANY_MAX;
		return 0;
	}
	if (span_parse_unsigned(low, ANY_MAX, &from) < 0)
		return -EINVAL;
	to = from;
	if (span_is_known(high) && span_parse_unsigned(high, ANY_MAX, &to) < 0)
		return -EINVAL;
	if (from > to)
		return -EINVAL;
	range->detail_low = (uint16_t)from;
	range->detail_high = (uint16_t)to;
	range->rank = from == to ? 4 : 2;
	return 0;
}

int status_range_parse(struct span text, struct status_range *ret_range)
{
	struct span rest = text, class_text = span_take(&rest, '.'), subject = span_take(&rest, '.');
	struct status_range range = { .class_digit = 0 };
	uint64_t value;

	if (!span_is_known(rest) || parse_detail(rest, &range) < 0)
		return -EINVAL;
	if (!is_any(class_text)) {
		if (span_parse_unsigned(class_text, 5, &value) < 0 || (value != 2 && value != 4 && value != 5))
			return -EINVAL;
		range.class_digit = (uint8_t)value;
		range.rank++;
	}
	if (is_any(subject)) {
		range.is_any_subject = true;
		if (range.detail_high != ANY_MAX || range.detail_low != 0)
			return -EINVAL; /* "5.*.1" says nothing: a detail means something in its subject only */
	} else {
		if (span_parse_unsigned(subject, ANY_MAX, &value) < 0)
			return -EINVAL;
		range.subject = (uint16_t)value;
		range.rank = (uint8_t)(range.rank + 8);
	}
	*ret_range = range;
	return 0;
}

uint16_t reply_range_get_example(const struct reply_range *range)
{
	return range->low;
}

struct status status_range_get_example(const struct status_range *range)
{
	bool is_wild = range->detail_low == 0 && range->detail_high == ANY_MAX;

	return (struct status){ .class_digit = range->class_digit ? range->class_digit : 5,
				.subject = range->is_any_subject ? 9 : range->subject,
				.detail = is_wild ? 99 : range->detail_low };
}

static bool status_range_holds(const struct status_range *range, struct status status)
{
	return (range->class_digit == 0 || range->class_digit == status.class_digit) &&
	       (range->is_any_subject || range->subject == status.subject) && status.detail >= range->detail_low &&
	       status.detail <= range->detail_high;
}

static bool replies_hold(const struct conditions *conditions, uint16_t code, unsigned *rank)
{
	bool is_met = conditions->reply_count == 0;

	for (size_t i = 0; i < conditions->reply_count; i++) {
		const struct reply_range *range = &conditions->replies[i];
		if (code < range->low || code > range->high)
			continue;
		is_met = true;
		if (range->rank > *rank)
			*rank = range->rank;
	}
	return is_met;
}

static bool statuses_hold(const struct conditions *conditions, struct status status, unsigned *rank)
{
	bool is_met = conditions->status_count == 0;

	for (size_t i = 0; status_is_known(status) && i < conditions->status_count; i++) {
		const struct status_range *range = &conditions->statuses[i];
		if (!status_range_holds(range, status))
			continue;
		is_met = true;
		if (range->rank > *rank)
			*rank = range->rank;
	}
	return is_met;
}

bool conditions_hold(const struct conditions *conditions, const struct reply *reply, unsigned *ret_rank)
{
	unsigned reply_rank = 0, status_rank = 0;

	if (conditions->commands && !(conditions->commands & 1u << reply->command))
		return false;
	if (!replies_hold(conditions, reply->code, &reply_rank) || !statuses_hold(conditions, reply->status, &status_rank))
		return false;
	*ret_rank = conditions->status_count ? status_rank : reply_rank;
	return true;
}

unsigned conditions_get_count(const struct conditions *conditions)
{
	return (conditions->reply_count > 0) + (conditions->status_count > 0) + (conditions->commands != 0);
}
