/* SPDX-License-Identifier: BSD-2-Clause */
/* What a gateway has to say of every mail that passes it, under a ruler: nobody's words.  Pure; any thread. */
#ifndef KODAMA_EVIDENCE_DISCLAIMER_H
#define KODAMA_EVIDENCE_DISCLAIMER_H

#include "base/span.h"

/* A ruler, as gateways draw it before their disclaimers. */
bool disclaimer_is_ruler(struct span line);

/* Where a disclaimer begins in the text, ruler first; the text's end where there is none. */
size_t disclaimer_find(struct span text);

#endif
