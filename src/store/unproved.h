/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last outcomes that nothing proves.  They never reach the store, so that nobody can fill it; `kodama why` shows them
 * while they are here.  Bounded memory: a new one takes the place of the oldest.  Any thread; the texts are hostile.
 */
#ifndef KODAMA_STORE_UNPROVED_H
#define KODAMA_STORE_UNPROVED_H

#include "store/store.h"

enum { UNPROVED_MAX = 2048 };

struct unproved;

struct unproved *unproved_new(void); /* NULL when out of memory */
void unproved_free(struct unproved *unproved);

/* Copies what it needs, cut to a line or two; what names no address is not kept. */
void unproved_note(struct unproved *unproved, const struct event *event, const struct ruling *ruling);

/* Those of a folded address, oldest first; rows are borrowed for the call of visit, which returns false to stop. */
void unproved_visit(struct unproved *unproved, struct span address, bool (*visit)(void *data, const struct history_row *row), void *data);

/* Wipes out what is remembered of an address. */
void unproved_forget(struct unproved *unproved, struct span address);

#endif
