/* SPDX-License-Identifier: BSD-2-Clause */
/* Undoing and releasing many at once, a page at a time, each with its audit and its change.  One thread at a time. */
#include <errno.h>
#include <stdlib.h>

#include "base/arena.h"
#include "store/private.h"

enum { PAGE_BYTES = 4 * 1024 * 1024, PAGE_ROWS = 500 };

struct page {
	bool (*visit)(void *data, const struct suppression *row);
	void *data;
	struct arena *arena;
	struct { struct span address, stream; } rows[PAGE_ROWS];
	size_t count;
	bool is_stopped, is_out_of_memory;
};

static bool take_row(void *data, const struct sql_value *columns, size_t count)
{
	struct page *page = data;
	struct tally tallies[HISTORY_TALLIES];
	struct suppression row;

	(void)count;
	state_read(columns, &row, tallies);
	if (page->visit && !page->visit(page->data, &row)) {
		page->is_stopped = true;
		return false;
	}
	struct span address = arena_copy(page->arena, row.address), stream = arena_copy(page->arena, row.stream);
	page->is_out_of_memory = !address.ptr || !stream.ptr;
	if (page->is_out_of_memory || page->count == PAGE_ROWS)
		return false;
	page->rows[page->count].address = address;
	page->rows[page->count++].stream = stream;
	return true;
}

static struct span known(struct span text)
{
	return text.ptr ? text : SPAN_LIT("");
}

/* "%@example.com", with what LIKE takes for a pattern escaped */
static struct span make_pattern(struct arena *arena, struct span domain)
{
	char *text = arena_alloc(arena, domain.len * 2 + 3);
	size_t len = 0;

	if (!domain.len || !text)
		return SPAN_LIT("");
	text[len++] = '%';
	text[len++] = '@';
	for (size_t i = 0; i < domain.len; i++) {
		if (strchr("%_!", domain.ptr[i]))
			text[len++] = '!';
		text[len++] = domain.ptr[i];
	}
	return span_make(text, len);
}

static int read_page(struct store *store, const struct suppression_filter *filter, int64_t now_s, struct span after,
		     struct span after_stream, struct page *page)
{
	struct sql_value params[] = {
		sql_number(now_s), sql_number(filter->since_s), sql_number(filter->until_s), sql_text(known(filter->rule)),
		sql_text(known(filter->class_name)), sql_text(known(filter->provider)),
		sql_text(make_pattern(page->arena, filter->domain)), sql_text(known(filter->stream)), sql_number(filter->is_held),
		sql_text(after), sql_text(after_stream), sql_text(known(filter->address)),
	};
	int result = store_run(store, STATEMENT_LIST_SOME, params, sizeof(params) / sizeof(params[0]), take_row, page);

	return page->is_out_of_memory ? -ENOMEM : result < 0 ? result : 0;
}

static int change_row(struct store *store, enum bulk bulk, struct span address, struct span stream, struct span by,
		      struct span note, int64_t now_s)
{
	struct sql_value params[] = { sql_text(address), sql_text(stream) };

	if (bulk == BULK_REMOVE)
		return store_remove_evidence(store, address, stream, by, note, now_s);
	int result = store_run(store, STATEMENT_RELEASE, params, 2, NULL, NULL);
	if (result >= 0)
		result = store_audit(store, by, "release", address, stream, note, 0, now_s);
	return result < 0 ? result : store_mark_change(store, address, stream, now_s);
}

struct bulk_change {
	struct store *store;
	enum bulk bulk;
	const struct suppression_filter *filter;
	bool is_dry_run;
	struct span by, note;
	int64_t now_s;
};

static int change_page(const struct bulk_change *change, const struct page *page)
{
	int result = 0;

	for (size_t i = 0; i < page->count && result >= 0 && !change->is_dry_run; i++)
		result = change_row(change->store, change->bulk, page->rows[i].address, page->rows[i].stream, change->by,
				    change->note, change->now_s);
	return result < 0 ? result : 0;
}

static int change_pages(const struct bulk_change *change, struct page *page)
{
	struct arena *arenas[2] = { page->arena, arena_new(PAGE_BYTES) };
	struct span after = SPAN_LIT(""), after_stream = SPAN_LIT("");
	int total = 0, result = arenas[1] ? 0 : -ENOMEM;

	do {
		page->count = 0;
		if (result == 0)
			result = read_page(change->store, change->filter, change->now_s, after, after_stream, page);
		if (result == 0)
			result = change_page(change, page);
		total += (int)page->count;
		if (page->count) {
			after = page->rows[page->count - 1].address;
			after_stream = page->rows[page->count - 1].stream;
		}
		/* the last address of a page has to outlive it */
		page->arena = page->arena == arenas[0] ? arenas[1] : arenas[0];
		if (page->arena)
			arena_reset(page->arena);
	} while (result == 0 && page->count == PAGE_ROWS && !page->is_stopped);
	arena_free(arenas[1]);
	return result < 0 ? result : total;
}

int store_change_all(struct store *store, enum bulk bulk, const struct suppression_filter *filter, bool is_dry_run, struct span by,
		     struct span note, int64_t now_s, bool (*visit)(void *data, const struct suppression *row), void *data)
{
	struct suppression_filter chosen = *filter;
	struct bulk_change change = { store, bulk, &chosen, is_dry_run, by, note, now_s };
	struct page *page = calloc(1, sizeof(*page));
	struct arena *arena = arena_new(PAGE_BYTES);
	struct store_scope scope = { .is_own = false };
	/* who only looks may have a handle that cannot write */
	int result = !page || !arena ? -ENOMEM : is_dry_run ? 0 : store_enter(store, &scope);

	chosen.is_held |= bulk == BULK_RELEASE;
	if (result == 0) {
		page->visit = visit;
		page->data = data;
		page->arena = arena;
		result = store_leave(store, scope, change_pages(&change, page));
	}
	arena_free(arena);
	free(page);
	return result;
}
