/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lines of Postfix and of Sendmail have in common: queue ids, addresses in brackets, "key=value, ".  For the parser
 * of log lines alone.  Pure; any thread; the text is hostile; time is linear.
 */
#ifndef KODAMA_EVIDENCE_LOGFIELD_H
#define KODAMA_EVIDENCE_LOGFIELD_H

#include "base/quick.h"
#include "evidence/logline.h"

enum { QUEUE_ID_MIN = 5, QUEUE_ID_MAX = 31 };

/* Takes `prefix` off *rest, if it begins so. */
static inline bool logfield_skip(struct span *rest, struct span prefix)
{
	if (rest->len < prefix.len || memcmp(rest->ptr, prefix.ptr, prefix.len) != 0)
		return false;
	*rest = span_make(rest->ptr + prefix.len, rest->len - prefix.len);
	return true;
}

/* The text before the first ", " off *rest, which then begins behind it; all of it where there is none. */
struct span logfield_take_value(struct span *rest);

/*
 * What stands before the ">" that is in no quotes off *rest, which begins behind a "<".  Where the quotes do not close, any
 * ">" ends it, and *ret_is_doubtful.  False: there is none.
 */
bool logfield_take_address(struct span *rest, struct span *ret_address, bool *ret_is_doubtful);

/* What the bytes of an id are: or-ed over all of them. */
enum { ID_NO_BYTE = 1, ID_NOT_HEX = 2, ID_VOWEL = 4, ID_UPPER_VOWEL = 8, ID_Z = 16, ID_DIGIT = 32 };
unsigned logfield_look_at_id(struct span id);

/* "QID: " off *rest: whatever is as long as a queue id and stands before a colon.  False: no such thing. */
static inline bool logfield_take_id(struct span *rest, struct span *ret_id)
{
	size_t max = rest->len < QUEUE_ID_MAX + 1 ? rest->len : QUEUE_ID_MAX + 1;
	const char *colon = quick_find(rest->ptr, rest->ptr + max, ':');
	size_t len = colon ? (size_t)(colon - rest->ptr) : 0;

	if (len < QUEUE_ID_MIN || rest->len < len + 3 || colon[1] != ' ')
		return false;
	*ret_id = span_make(rest->ptr, len);
	*rest = span_make(colon + 2, rest->len - len - 2);
	return true;
}

/* The two MTAs.  `message` is what stands behind the tag; line->identifier and what it says are filled. */
enum logline_kind logline_parse_postfix(struct span message, struct logline *line);
enum logline_kind logline_parse_sendmail(struct span message, struct logline *line);
bool logline_take_sendmail_recipient(struct span *rest, struct span *ret_recipient);

#endif
