/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An address as it stands in running text: bare, in angle brackets, behind "mailto:", with a type
 * ("rfc822;") before it.  Only its extent is found; folding is base/address.h's.  Pure; any thread;
 * hostile input, time linear in what is taken.
 */
#ifndef KODAMA_EVIDENCE_MAILBOX_H
#define KODAMA_EVIDENCE_MAILBOX_H

#include "base/span.h"

/* An address at the start of `text`, with what brackets it: its length, 0 if there is none. */
size_t mailbox_take(struct span text, struct span *ret_address);

/* The first address at or after *at; moves *at past it.  SPAN_NONE if there is none. */
struct span mailbox_find(struct span text, size_t *at);

/* A local part alone ("user", "<user>") at the start of `text`: its length, 0 if there is none. */
size_t mailbox_take_local(struct span text, struct span *ret_local);

/* The part before and after the last "@"; SPAN_NONE without one. */
struct span mailbox_get_local(struct span address);
struct span mailbox_get_domain(struct span address);

/* mailer-daemon, postmaster and their kin: nobody's own mailbox. */
bool mailbox_is_system(struct span address);

#endif
