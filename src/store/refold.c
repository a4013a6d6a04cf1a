/* SPDX-License-Identifier: BSD-2-Clause */
/* Which addresses fold otherwise now, kept in memory, then moved one after the other: a connection runs one statement at a time. */
#include "store/refold.h"

#include <errno.h>

#include "base/address.h"
#include "store/statements.h"

struct move {
	struct move *next;
	struct span old, new;
};

struct moves {
	struct arena *arena;
	struct move *first;
	bool is_out_of_memory;
};

static bool take_address(void *data, const struct sql_value *columns, size_t count)
{
	struct moves *moves = data;
	struct address address;

	(void)count;
	if (address_fold(columns[0].text, &address, NULL) < 0 || span_is_equal(address_get(&address), columns[0].text))
		return true;
	struct move *move = arena_alloc(moves->arena, sizeof(*move));
	if (move) {
		*move = (struct move){ moves->first, arena_copy(moves->arena, columns[0].text), arena_copy(moves->arena, address_get(&address)) };
		moves->first = move;
	}
	moves->is_out_of_memory = !move || !move->old.ptr || !move->new.ptr;
	return !moves->is_out_of_memory;
}

static int move_address(const struct sql_driver *driver, struct sql *sql, const struct move *move)
{
	static const enum statement steps[] = { STATEMENT_REFOLD_DROP_OLD, STATEMENT_REFOLD_DROP_NEW, STATEMENT_REFOLD_ADDRESSES,
						STATEMENT_REFOLD_OUTCOMES, STATEMENT_REFOLD_AUDIT };
	struct sql_value params[] = { sql_text(move->old), sql_text(move->new) };
	int result = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result >= 0; i++)
		result = driver->run(sql, steps[i], statement_texts[steps[i]], params, 2, NULL, NULL);
	return result < 0 ? result : 0;
}

int refold_addresses(const struct sql_driver *driver, struct sql *sql)
{
	struct moves moves = { .arena = arena_new(0) };
	int result = moves.arena ? 0 : -ENOMEM;

	if (result == 0)
		result = driver->run(sql, STATEMENT_REFOLD_LIST, statement_texts[STATEMENT_REFOLD_LIST], NULL, 0, take_address, &moves);
	if (moves.is_out_of_memory)
		result = -ENOMEM;
	for (const struct move *move = moves.first; move && result >= 0; move = move->next)
		result = move_address(driver, sql, move);
	if (result >= 0)
		result = driver->execute(sql, "DELETE FROM changes; DELETE FROM enforced");
	/* a number without a row: every reader is behind, and fills its index anew */
	if (result >= 0)
		result = driver->run(sql, STATEMENT_NEXT_CHANGE, statement_texts[STATEMENT_NEXT_CHANGE], NULL, 0, NULL, NULL);
	arena_free(moves.arena);
	return result < 0 ? result : 0;
}
