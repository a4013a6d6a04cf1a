/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which ways the mail to one recipient took past us, for `kodama doctor`, and when evidence came last.  One recipient is
 * watched at a time; while none is, looking costs one load.  Any thread.
 */
#ifndef KODAMA_FLOW_WATCH_H
#define KODAMA_FLOW_WATCH_H

#include "evidence/outcome.h"

enum sighting {
	SIGHTING_NONE,
	SIGHTING_MILTER,    /* the recipient, at RCPT */
	SIGHTING_POLICY,
	SIGHTING_SOCKETMAP,
	SIGHTING_BOUNCE,    /* a bounce about the recipient, seen by the milter */
	SIGHTING_LOG,       /* the failure, in the log */
	SIGHTING_INGEST,    /* a bounce about the recipient, handed in */
	SIGHTING_COUNT
};

const char *sighting_get_name(enum sighting sighting); /* "milter", "policy", ... */

/* Watches for this recipient instead of the one before, and forgets what was seen; SPAN_NONE: for nobody. */
void watch_begin(struct span recipient);
bool watch_has_seen(enum sighting sighting);

/* Somebody asked about, or saw, this recipient; brackets on or off. */
void watch_note(enum sighting sighting, struct span recipient);

/* Evidence of that source was taken in: when that was last, 0 for never.  now_s: seconds since the epoch. */
void watch_note_evidence(enum source source, int64_t now_s);
int64_t watch_get_last(enum source source);

/* The sighting of evidence that came from there. */
enum sighting sighting_of_source(enum source source);

#endif
