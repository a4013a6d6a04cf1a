/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract of the store: what people add, import, remove and forget.  On every backend. */
#include "store_contract.h"

#include <errno.h>

#include "base/buffer.h"
#include "store/enforced.h"
#include "store/private.h"

static bool note_manual(void *data, const struct suppression *row)
{
	*(unsigned *)data |= 1U << row->origin;
	return true;
}

/* A provider lied, and all that it said is undone; who must not be mailed for another reason is still not mailed. */
static void test_bulk_undo_leaves_what_was_put_there_by_hand(void **state)
{
	struct fixture *f = *state;
	const struct suppression by_hand = { .address = SPAN_LIT("user@example.com"), .stream = SPAN_LIT(""), .since_s = NOW, .until_s = TIME_FOREVER };
	const struct suppression_filter filter = { .provider = SPAN_LIT("google") };
	unsigned origins = 0;

	assert_int_equal(record(f, (struct sample){ .provider = "google", .queue_id = "4XyZabCdEfGhIj1" }).kind, DECISION_SUPPRESSED);
	assert_int_equal(store_add(f->store, &by_hand, SPAN_LIT("test"), NOW), 0);
	assert_int_equal(store_change_all(f->store, BULK_REMOVE, &filter, false, SPAN_LIT("test"), SPAN_NONE, NOW + 1, NULL, NULL), 1);
	assert_true(store_find(f->store, by_hand.address, by_hand.stream, note_manual, &origins) >= 0);
	assert_int_equal(origins, 1U << ORIGIN_MANUAL);
}

static void test_evidence_never_overrides_a_manual_entry(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, "user@example.com", TIME_FOREVER), 0);
	record(f, (struct sample){ .class_id = CLASS_MAILBOX_FULL, .queue_id = "4XyZabCdEfGhIj1" });
	record(f, (struct sample){ .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .queue_id = "4XyZabCdEfGhIj2", .at = NOW + DAY });
	struct suppression row = find(f, "user@example.com");
	assert_int_equal(row.origin, ORIGIN_MANUAL);
	assert_int_equal(row.kind, DECISION_SUPPRESSED);
	assert_true(row.until_s == TIME_FOREVER);
}

static void test_remove_takes_both_and_is_audited(void **state)
{
	struct fixture *f = *state;

	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	assert_int_equal(add(f, "user@example.com", TIME_FOREVER), 0);
	assert_int_equal(store_remove(f->store, SPAN_LIT("user@example.com"), SPAN_LIT(""), SPAN_LIT("uid 0"), SPAN_LIT("back"), NOW + 1), 1);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
	assert_int_equal(store_remove(f->store, SPAN_LIT("user@example.com"), SPAN_LIT(""), SPAN_LIT("uid 0"), SPAN_NONE, NOW + 1), 0);
	assert_int_equal(count_history(f, "user@example.com"), 3);
	/* the failure that was undone does not come back with its postmaster copy */
	assert_true(record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1", .at = NOW + 60 }).is_duplicate);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
}

static int import(struct fixture *f, const char *address)
{
	const struct suppression row = { .address = span_of(address), .origin = ORIGIN_MANUAL, .kind = DECISION_SUPPRESSED,
					 .since_s = NOW, .until_s = TIME_FOREVER };

	return store_import(f->store, &row, 1, SPAN_LIT("uid 0"), NOW);
}

static void test_changes_of_one_transaction_have_numbers_of_their_own(void **state)
{
	struct fixture *f = *state;
	int64_t before, after;
	size_t enforced;

	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	assert_int_equal(store_get_change(f->store, &before), 0);
	assert_int_equal(store_begin(f->store), 0);
	assert_int_equal(import(f, "a@example.com"), 1);
	assert_int_equal(import(f, "user@example.com"), 1);
	assert_int_equal(import(f, "a@example.com"), 0);
	assert_int_equal(import(f, "b@example.com"), 1);
	assert_int_equal(store_commit(f->store), 0);
	assert_int_equal(store_get_change(f->store, &after), 0);
	assert_true(after == before + 3);
	assert_int_equal(list_changes(f, before).count, 3);
	assert_int_equal(list_changes(f, after - 1).count, 1);
	assert_int_equal(store_count_enforced(f->store, &enforced), 0);
	assert_int_equal(enforced, 3);
	/* what was rolled back leaves no number behind */
	assert_int_equal(store_begin(f->store), 0);
	assert_int_equal(import(f, "c@example.com"), 1);
	assert_int_equal(import(f, "d@example.com"), 1);
	store_rollback(f->store);
	assert_int_equal(import(f, "e@example.com"), 1);
	assert_int_equal(store_get_change(f->store, &before), 0);
	assert_true(before == after + 1);
	struct seen_changes seen = list_changes(f, after);
	assert_change_is_of(f, &seen, "e@example.com");
}

enum { IMPORTED = 700, NOTES = 10 };

/* Of every kind, with texts that a list of texts has to quote, and every hundredth address a second time, with a longer end. */
static void make_import(struct suppression *rows, char addresses[][80], const char *stream)
{
	static const char *const notes[NOTES] = { "a, b", "\"quoted\" {x}", "back\\slash\\", "NULL", "", "\xe7\xb5\x82\xe3\x82\x8f\xe3\x82\x8a\n", "tab\t, \r", "\\N", "\\.", NULL };

	for (int i = 0; i < IMPORTED; i++) {
		bool is_again = i % 100 == 99;
		snprintf(addresses[i], 80, "u%d,'\\@example.com", is_again ? i - 1 : i);
		rows[i] = (struct suppression){
			.address = span_of(addresses[i]), .stream = span_of(stream), .origin = i % 3 && i % 100 < 98 ? ORIGIN_MANUAL : ORIGIN_EVIDENCE,
			.kind = i % 5 || is_again ? DECISION_SUPPRESSED : DECISION_HELD, .since_s = NOW - i * DAY, .until_s = is_again ? TIME_FOREVER : NOW + (i + 1) * DAY,
			.class_id = i % 2 ? CLASS_USER_UNKNOWN : CLASS_UNCLASSIFIED, .rule = i % 4 ? SPAN_NONE : SPAN_LIT("a.rule"),
			.provider = i % 7 ? SPAN_NONE : SPAN_LIT("google"),
			.note = notes[i % NOTES] ? span_of(notes[i % NOTES]) : SPAN_NONE,
		};
	}
}

struct written {
	const char *stream;
	struct siphash_key key;
	const struct suppression *rows;
	int changes;
	struct buffer text; /* a line for each row */
};

static bool write_row(void *data, const struct suppression *row)
{
	struct written *written = data;

	if (span_is_equal(row->stream, span_of(written->stream)))
		buffer_printf(&written->text, "%.*s %d %d %lld %lld %d %.*s %.*s [%s%.*s] %lld\n", SPAN_ARG(row->address), row->origin, row->kind,
			      (long long)row->since_s, (long long)row->until_s, row->class_id, SPAN_ARG(row->rule), SPAN_ARG(row->provider),
			      row->note.ptr ? "" : "none", SPAN_ARG(row->note), (long long)row->last_failure_s);
	return true;
}

static bool write_audit(void *data, const struct history_row *row)
{
	return write_row(data, &(struct suppression){ .address = row->audit, .stream = row->stream, .until_s = row->until_s, .note = row->note,
						      .rule = row->by });
}

/* Told in the order of the rows. */
static bool write_change(void *data, uint64_t hash, uint64_t value)
{
	struct written *written = data;

	if (written->changes == IMPORTED)
		return false;
	const struct suppression *row = &written->rows[written->changes++];
	assert_true(hash == enforced_hash(&written->key, row->address, row->stream));
	buffer_printf(&written->text, "%.*s %llx\n", SPAN_ARG(row->address), (unsigned long long)value);
	return true;
}

/* What is known of them, by hand and by evidence, the audit, and what is in force. */
static void write_imported(struct fixture *f, struct written *written, const struct suppression *rows, int64_t before)
{
	written->key = store_get_index_key(f->store);
	written->rows = rows;
	buffer_init(&written->text, 1024 * 1024);
	assert_int_equal(store_list(f->store, NOW, write_row, written), 0);
	for (int i = 0; i < IMPORTED; i++)
		assert_int_equal(store_history(f->store, rows[i].address, write_audit, written), 0);
	assert_int_equal(store_list_changes(f->store, &before, write_change, written), 0);
	assert_int_equal(written->changes, IMPORTED);
	assert_false(written->text.is_cut);
}

static void test_many_are_imported_as_one_by_one(void **state)
{
	static char addresses[2][IMPORTED][80];
	static struct suppression one[IMPORTED], many[IMPORTED];
	struct written written[2] = { { .stream = "one" }, { .stream = "m\"a,n}y" } };
	struct fixture *f = *state;
	int64_t before, between, after;
	int changed = 0;

	make_import(one, addresses[0], written[0].stream);
	make_import(many, addresses[1], written[1].stream);
	/* some are there by the other way: what is in force is of both */
	for (int i = 0; i < 20; i++) {
		one[i].origin = many[i].origin = !one[i].origin;
		assert_int_equal(store_import(f->store, &one[i], 1, SPAN_LIT("uid 0"), NOW), 1);
		assert_int_equal(store_import(f->store, &many[i], 1, SPAN_LIT("uid 0"), NOW), 1);
		one[i].origin = many[i].origin = !one[i].origin;
	}
	assert_int_equal(store_get_change(f->store, &before), 0);
	for (int i = 0; i < IMPORTED; i++)
		changed += store_import(f->store, &one[i], 1, SPAN_LIT("uid 0"), NOW);
	assert_int_equal(changed, IMPORTED);
	assert_int_equal(store_get_change(f->store, &between), 0);
	if (store_import(f->store, many, IMPORTED, SPAN_LIT("uid 0"), NOW) != IMPORTED)
		fail_msg("%s", store_get_error(f->store));
	assert_int_equal(store_get_change(f->store, &after), 0);
	assert_true(after - between == between - before && between - before == IMPORTED);
	write_imported(f, &written[0], one, before);
	write_imported(f, &written[1], many, between);
	assert_string_equal(buffer_get_text(&written[0].text), buffer_get_text(&written[1].text));
	assert_int_equal(store_import(f->store, many, IMPORTED, SPAN_LIT("uid 0"), NOW), 0);
	buffer_done(&written[0].text);
	buffer_done(&written[1].text);
}

static void test_of_an_import_in_which_one_fails_nothing_stays(void **state)
{
	static char addresses[IMPORTED][80];
	static struct suppression rows[IMPORTED];
	struct fixture *f = *state;
	int64_t before, after;
	size_t enforced;

	make_import(rows, addresses, "");
	/* the columns that may not be empty: a table of either backend refuses the row */
	rows[600].address = SPAN_NONE;
	assert_int_equal(store_get_change(f->store, &before), 0);
	assert_int_equal(store_import(f->store, rows, IMPORTED, SPAN_LIT("uid 0"), NOW), -EINVAL);
	assert_string_not_equal(store_get_error(f->store), "");
	assert_int_equal(store_get_change(f->store, &after), 0);
	assert_true(after == before);
	assert_int_equal(store_count_enforced(f->store, &enforced), 0);
	assert_int_equal(enforced, 0);
	rows[600].address = SPAN_LIT("well@example.com");
	assert_int_equal(store_import(f->store, rows, IMPORTED, SPAN_LIT("uid 0"), NOW), IMPORTED);
}

/* An entry of the index that nothing stands behind any more, or of another address with the same hash: what is new takes its place. */
static void test_an_import_takes_the_place_of_what_was_left_behind(void **state)
{
	struct fixture *f = *state;
	static char addresses[IMPORTED][80];
	static struct suppression rows[IMPORTED];
	struct siphash_key key = store_get_index_key(f->store);
	size_t enforced;

	make_import(rows, addresses, "");
	struct sql_value left[] = { sql_number((int64_t)enforced_hash(&key, rows[6].address, SPAN_LIT(""))), sql_number(1) };
	assert_int_equal(store_run(f->store, STATEMENT_PUT_ENFORCED, left, 2, NULL, NULL), 0);
	assert_int_equal(store_import(f->store, rows, 10, SPAN_LIT("uid 0"), NOW), 10);
	assert_int_equal(store_count_enforced(f->store, &enforced), 0);
	/* every fifth one is held */
	assert_int_equal(enforced, 8);
	assert_int_equal(find(f, addresses[6]).kind, DECISION_SUPPRESSED);
}

static void test_forget_leaves_nothing_but_the_change(void **state)
{
	struct fixture *f = *state;
	int64_t before;

	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	assert_int_equal(store_get_change(f->store, &before), 0);
	assert_int_equal(store_forget(f->store, SPAN_LIT("user@example.com"), SPAN_LIT("uid 0"), NOW), 2);
	assert_int_equal(count_history(f, "user@example.com"), 0);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
	assert_true(list_changes(f, before).last_until_s == 0);
}

/* What was seen names nobody: it stays, and the report of a failure that is forgotten does not count when it comes again. */
static void test_what_is_forgotten_does_not_count_again(void **state)
{
	struct fixture *f = *state;
	const struct sample failure = { .queue_id = "4XyZabCdEfGhIjK", .message_id = "a@example.com" };

	assert_int_equal(record(f, failure).kind, DECISION_SUPPRESSED);
	assert_true(store_forget(f->store, SPAN_LIT("user@example.com"), SPAN_LIT("uid 0"), NOW) > 0);
	/* another one's outcome has the number of the forgotten one now, maybe: nothing is filled into it */
	record(f, (struct sample){ .recipient = "other@example.com", .queue_id = "4XyZabCdEfGhIjL" });
	assert_true(record(f, failure).is_duplicate);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
	assert_int_equal(count_history(f, "user@example.com"), 0);
	assert_string_equal(last_message_id(f, "other@example.com"), "");
	assert_int_equal(record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIjM" }).kind, DECISION_SUPPRESSED);
}

const struct CMUnitTest store_manual_tests[] = {
	CONTRACT(test_bulk_undo_leaves_what_was_put_there_by_hand),
	CONTRACT(test_evidence_never_overrides_a_manual_entry),
	CONTRACT(test_remove_takes_both_and_is_audited),
	CONTRACT(test_changes_of_one_transaction_have_numbers_of_their_own),
	CONTRACT(test_many_are_imported_as_one_by_one),
	CONTRACT(test_of_an_import_in_which_one_fails_nothing_stays),
	CONTRACT(test_an_import_takes_the_place_of_what_was_left_behind),
	CONTRACT(test_forget_leaves_nothing_but_the_change),
	CONTRACT(test_what_is_forgotten_does_not_count_again),
};
const size_t store_manual_test_count = sizeof(store_manual_tests) / sizeof(store_manual_tests[0]);
