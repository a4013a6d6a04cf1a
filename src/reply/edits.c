/* SPDX-License-Identifier: BSD-2-Clause */
/* Edits: a list in the arena of the message.  Pure. */
#include "reply/edits.h"

#include <errno.h>

static const char *copy_text(struct arena *arena, const char *text)
{
	return arena_copy(arena, span_of(text)).ptr;
}

int edits_add(struct edits *edits, struct arena *arena, enum edit_kind kind, const char *name,
	      const char *value, unsigned index)
{
	struct edit *edit = arena_alloc(arena, sizeof(*edit));

	if (!edit)
		return -ENOMEM;
	*edit = (struct edit){
		.kind = kind,
		.name = copy_text(arena, name),
		.value = copy_text(arena, value),
		.index = index,
	};
	if ((name && !edit->name) || (value && !edit->value))
		return -ENOMEM;
	if (edits->last)
		edits->last->next = edit;
	else
		edits->first = edit;
	edits->last = edit;
	edits->count++;
	return 0;
}
