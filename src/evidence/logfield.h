/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lines of Postfix and of Sendmail have in common: queue ids, addresses in brackets, "key=value, ".  For the parser
 * of log lines alone.  Pure; any thread; the text is hostile; time is linear.
 */
#ifndef KODAMA_EVIDENCE_LOGFIELD_H
#define KODAMA_EVIDENCE_LOGFIELD_H

#include "base/quick.h"
#include "base/quickmask.h"
#include "evidence/logline.h"

enum { QUEUE_ID_MIN = 5, QUEUE_ID_MAX = 31 }; /* and a colon: the 32 bytes of a mask */

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
extern const unsigned char logfield_id_bytes[256];

static inline unsigned logfield_look_at_eight(const char *at)
{
	unsigned all = 0;

#pragma GCC unroll 8
	for (size_t i = 0; i < 8; i++)
		all |= logfield_id_bytes[(unsigned char)at[i]];
	return all;
}

/* The last eight overlap those before them: what is seen twice is the same. */
static inline unsigned logfield_look_at_id(struct span id)
{
	unsigned all = 0;
	size_t at = 0;

	if (id.len >= 8) {
		for (; at + 8 < id.len; at += 8)
			all |= logfield_look_at_eight(id.ptr + at);
		return all | logfield_look_at_eight(id.ptr + id.len - 8);
	}
	for (; at < id.len; at++)
		all |= logfield_id_bytes[(unsigned char)id.ptr[at]];
	return all;
}

/* The first colon of a message stands at `len`: that, if it may be the one of "QID: "; else 0. */
static inline size_t logfield_check_id(struct span rest, size_t len)
{
	return len < QUEUE_ID_MIN || len > QUEUE_ID_MAX || rest.len < len + 3 || rest.ptr[len + 1] != ' ' ? 0 : len;
}

/* Where the colon of "QID: " stands; 0: there is no such thing. */
static inline size_t logfield_measure_id(struct span rest)
{
	size_t len = 0;

	if (rest.len > QUEUE_ID_MAX) {
		uint32_t colons = quickmask_32(rest.ptr, ':');
		len = colons ? quickmask_first(colons) : 0;
	} else if (rest.len) {
		const char *colon = memchr(rest.ptr, ':', rest.len);
		len = colon ? (size_t)(colon - rest.ptr) : 0;
	}
	return logfield_check_id(rest, len);
}

/* "QID: " off *rest: whatever is as long as a queue id and stands before a colon.  False: no such thing. */
static inline bool logfield_take_id(struct span *rest, struct span *ret_id)
{
	size_t len = logfield_measure_id(*rest);

	if (len == 0)
		return false;
	*ret_id = span_make(rest->ptr, len);
	*rest = span_make(rest->ptr + len + 2, rest->len - len - 2);
	return true;
}

/*
 * The two MTAs.  `id` may be a queue id, `rest` is what stands behind its "QID: ".  Begun, a line has queue_id and rest, and its kind, which
 * is returned, is what the first words promise; finished, its fields, which are unknown before.
 */
enum logline_kind logline_begin_postfix(struct span id, struct span rest, struct logline *line);
enum logline_kind logline_finish_postfix(struct logline *line);
bool logline_is_postfix_id(struct span id, bool *ret_is_long);
enum logline_kind logline_begin_sendmail(struct span id, struct span rest, struct logline *line);
enum logline_kind logline_finish_sendmail(struct logline *line);
bool logline_take_sendmail_recipient(struct span *rest, struct span *ret_recipient);

#endif
