/* SPDX-License-Identifier: BSD-2-Clause */
/* What people ask of the list: the rows they get, and what is refused; with a writer and without one. */
#include "store_help.h"

#include <errno.h>

#include "ops/admin.h"
#include "store/index.h"

struct fixture {
	char folder[64], uri[160], queue[128];
	struct store_options options;
	struct store *store;
	struct writer *writer;
	struct admin admin;
	struct limits limits;
	json_t *rows; /* of the last request; the answer is the last one */
	int result;
};

static struct fixture fixture;

static int64_t get_test_time(void)
{
	return NOW;
}

static int open_direct(void **state)
{
	struct fixture *f = &fixture;

	*f = (struct fixture){ .limits = sample_limits(PRESET_CAREFUL) };
	snprintf(f->folder, sizeof(f->folder), "%s", scratch_folder());
	snprintf(f->uri, sizeof(f->uri), "sqlite:%.60s/db/kodama.db", f->folder);
	snprintf(f->queue, sizeof(f->queue), "%.60s/queue", f->folder);
	f->options = (struct store_options){ .uri = f->uri, .busy_ms = 2000 };
	f->admin = (struct admin){ .enforce = true, .extension_delimiters = "+", .get_time = get_test_time };
	*state = f;
	if (store_open(&f->options, &f->store) < 0)
		return -1;
	f->admin.store = f->store;
	return 0;
}

static int open_with_writer(void **state)
{
	struct fixture *f = &fixture;
	struct writer_options options;

	if (open_direct(state) < 0)
		return -1;
	options = (struct writer_options){ .store = f->options, .queue_dir = f->queue };
	if (writer_start(&options, NULL, &f->writer) < 0)
		return -1;
	f->admin.writer = f->writer;
	return 0;
}

static int close_all(void **state)
{
	struct fixture *f = *state;

	json_decref(f->rows);
	writer_stop(f->writer);
	store_close(f->store);
	scratch_remove(f->folder);
	return 0;
}

static int keep_row(void *data, json_t *row)
{
	json_array_append_new(data, row);
	return 0;
}

/* Asks; the last row. */
static json_t *ask(struct fixture *f, const char *request)
{
	json_t *json = json_loads(request, JSON_ALLOW_NUL, NULL);

	assert_non_null(json);
	json_decref(f->rows);
	f->rows = json_array();
	f->result = admin_handle(&f->admin, json, "uid 7", keep_row, f->rows);
	json_decref(json);
	assert_true(json_array_size(f->rows) >= 1);
	return json_array_get(f->rows, json_array_size(f->rows) - 1);
}

static const char *get(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static json_t *ask_well(struct fixture *f, const char *request)
{
	json_t *answer = ask(f, request);

	if (!json_is_true(json_object_get(answer, "ok")))
		fail_msg("%s: %s", request, get(answer, "error"));
	assert_int_equal(f->result, 0);
	return answer;
}

static void test_add_check_list_remove(void **state)
{
	struct fixture *f = *state;

	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"<User@Example.com>\",\"note\":\"asked us to\"}");
	ask_well(f, "{\"do\":\"suppress-check\",\"address\":\"user+list@example.com\"}");
	json_t *row = json_array_get(f->rows, 0);
	assert_string_equal(get(row, "row"), "check");
	assert_true(json_is_true(json_object_get(row, "suppressed")));
	assert_string_equal(get(row, "match"), "user@example.com");
	assert_string_equal(get(row, "origin"), "manual");
	assert_string_equal(get(row, "until"), "forever");
	ask_well(f, "{\"do\":\"suppress-list\"}");
	assert_int_equal(json_array_size(f->rows), 2);
	row = json_array_get(f->rows, 0);
	assert_string_equal(get(row, "address"), "user@example.com");
	assert_string_equal(get(row, "note"), "asked us to");
	assert_string_equal(get(row, "since"), "2027-01-15T08:00:00Z");
	row = ask_well(f, "{\"do\":\"suppress-remove\",\"address\":\"user@example.com\"}");
	assert_int_equal(json_integer_value(json_object_get(row, "removed")), 1);
	row = ask(f, "{\"do\":\"suppress-remove\",\"address\":\"user@example.com\"}");
	assert_true(json_is_false(json_object_get(row, "ok")));
	assert_string_equal(get(row, "error"), "user@example.com is not suppressed");
	ask_well(f, "{\"do\":\"suppress-check\",\"address\":\"user@example.com\"}");
	assert_true(json_is_false(json_object_get(json_array_get(f->rows, 0), "suppressed")));
}

static void test_remove_tells_what_still_refuses(void **state)
{
	struct fixture *f = *state;

	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"@example.com\"}");
	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"user@example.com\",\"stream\":\"shop\"}");
	json_t *row = ask_well(f, "{\"do\":\"suppress-remove\",\"address\":\"user@example.com\",\"stream\":\"shop\"}");
	assert_string_equal(get(row, "match"), "@example.com");
	assert_null(json_object_get(row, "match_stream"));
	row = ask(f, "{\"do\":\"suppress-remove\",\"address\":\"user@example.com\"}");
	assert_string_equal(get(row, "error"), "user@example.com is not on the list itself, but @example.com is, which covers it");
	row = ask_well(f, "{\"do\":\"suppress-remove\",\"address\":\"@example.com\"}");
	assert_null(json_object_get(row, "match"));
}

static void test_until_is_a_time_or_a_duration(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(get(ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"a@example.com\",\"until\":\"30d\"}"), "until"),
			    "2027-02-14T08:00:00Z");
	assert_string_equal(get(ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"a@example.com\",\"until\":\"2030-01-01\"}"), "until"),
			    "2030-01-01T00:00:00Z");
	assert_string_equal(get(ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"@example.net\",\"until\":\"forever\"}"), "until"), "forever");
	ask_well(f, "{\"do\":\"suppress-check\",\"address\":\"anyone@example.net\"}");
	assert_string_equal(get(json_array_get(f->rows, 0), "match"), "@example.net");
}

static void test_why_tells_the_time_line_the_state_and_what_would_happen(void **state)
{
	struct fixture *f = *state;
	struct sample_event e;
	struct decision decision;

	sample_make(&(struct sample){ .queue_id = "4XyZabCdEfGhIj1", .provider = "google", .text = "no such user \xe2\x80\xa6" }, &e);
	assert_int_equal(store_begin(f->store), 0);
	assert_int_equal(record_event(f->store, &f->limits, &e.event, &decision), 0);
	assert_int_equal(store_commit(f->store), 0);
	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"user@example.com\"}");
	ask_well(f, "{\"do\":\"why\",\"address\":\"user@example.com\"}");
	assert_int_equal(json_array_size(f->rows), 6);
	json_t *row = json_array_get(f->rows, 0);
	assert_string_equal(get(row, "row"), "outcome");
	assert_string_equal(get(row, "class"), "user-unknown");
	assert_string_equal(get(row, "text"), "no such user \xe2\x80\xa6");
	assert_string_equal(get(row, "reply"), "550");
	assert_string_equal(get(row, "status"), "5.1.1");
	assert_string_equal(get(row, "proof"), "log");
	assert_string_equal(get(row, "decision"), "suppressed");
	assert_string_equal(get(row, "why"), "one such failure suppresses");
	assert_string_equal(get(row, "until"), "forever");
	assert_null(json_object_get(row, "message_id"));
	row = json_array_get(f->rows, 1);
	assert_string_equal(get(row, "row"), "audit");
	assert_string_equal(get(row, "by"), "uid 7");
	assert_string_equal(get(row, "change"), "add");
	assert_string_equal(get(json_array_get(f->rows, 2), "origin"), "manual");
	row = json_array_get(f->rows, 3);
	assert_string_equal(get(row, "row"), "state");
	assert_string_equal(get(row, "origin"), "evidence");
	assert_string_equal(get(row, "section"), "gone");
	row = json_array_get(f->rows, 4);
	assert_string_equal(get(row, "row"), "mail");
	assert_true(json_is_true(json_object_get(row, "enforced")));
	f->admin.enforce = false;
	ask_well(f, "{\"do\":\"why\",\"address\":\"user@example.com\"}");
	row = json_array_get(f->rows, 4);
	assert_true(json_is_true(json_object_get(row, "suppressed")));
	assert_true(json_is_false(json_object_get(row, "enforced")));
}

static void test_forget_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"user@example.com\"}");
	ask_well(f, "{\"do\":\"forget\",\"address\":\"user@example.com\"}");
	ask_well(f, "{\"do\":\"why\",\"address\":\"user@example.com\"}");
	assert_int_equal(json_array_size(f->rows), 2);
}

static void fail_at(struct fixture *f, const char *recipient, const char *provider, int64_t time_s)
{
	struct sample_event e;
	struct decision decision;

	sample_make(&(struct sample){ .recipient = recipient, .provider = provider, .at = time_s, .queue_id = recipient }, &e);
	assert_int_equal(store_begin(f->store), 0);
	assert_int_equal(record_event(f->store, &f->limits, &e.event, &decision), 0);
	assert_int_equal(store_commit(f->store), 0);
}

/* An address, by hand or by evidence, of a stream or of all; the question; the entry that it runs into. */
struct order {
	struct { const char *address, *stream; bool is_manual; } entries[4];
	const char *address, *stream;
	const char *match, *match_stream;
};

static const struct order orders[] = {
	{ { { "a@example.com", "", true }, { "a@example.com", "shop", false } }, "a@example.com", "shop", "a@example.com", "" },
	{ { { "b@example.com", "", false }, { "b@example.com", "shop", false } }, "b@example.com", "shop", "b@example.com", "shop" },
	{ { { "c@example.com", "", true }, { "c@example.com", "shop", true } }, "c@example.com", "shop", "c@example.com", "shop" },
	{ { { "d@example.com", "", false }, { "d@example.com", "shop", true } }, "d@example.com", "shop", "d@example.com", "shop" },
	{ { { "e@example.com", "shop", false } }, "e@example.com", "", "", "" },
	{ { { "f@example.com", "shop", false } }, "f@example.com", "news", "", "" },
	{ { { "g@example.com", "", false } }, "g+x@example.com", "shop", "g@example.com", "" },
	{ { { "h+x@example.com", "shop", false }, { "h@example.com", "", true } }, "h+x@example.com", "shop", "h+x@example.com", "shop" },
	{ { { "@example.net", "", true }, { "@example.net", "shop", true } }, "i@example.net", "shop", "@example.net", "shop" },
	{ { { "j@example.net", "", false } }, "j@example.net", "shop", "j@example.net", "" },
	{ { { "@example.org", "shop", true } }, "k@example.org", "", "", "" },
};

static void put_order(struct fixture *f, const struct order *order)
{
	for (size_t i = 0; i < 4 && order->entries[i].address; i++) {
		struct suppression row = {
			.address = span_of(order->entries[i].address), .stream = span_of(order->entries[i].stream), .kind = DECISION_SUPPRESSED,
			.origin = order->entries[i].is_manual ? ORIGIN_MANUAL : ORIGIN_EVIDENCE, .since_s = NOW - DAY, .until_s = TIME_FOREVER,
		};
		assert_int_equal(store_import(f->store, &row, 1, SPAN_LIT("uid 7"), NOW), 1);
	}
}

static void test_the_entry_that_is_named_is_the_one_that_the_daemon_follows(void **state)
{
	struct fixture *f = *state;
	struct index *index = index_new();

	assert_non_null(index);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		put_order(f, &orders[i]);
	assert_int_equal(index_fill(index, f->store, NOW), 0);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		const struct order *order = &orders[i];
		struct address address;
		struct index_hit hit;
		char request[256];
		snprintf(request, sizeof(request), "{\"do\":\"suppress-check\",\"address\":\"%s\",\"stream\":\"%s\"}", order->address, order->stream);
		ask_well(f, request);
		const json_t *row = json_array_get(f->rows, 0);
		assert_string_equal(get(row, "match"), order->match);
		assert_string_equal(get(row, "match_stream"), order->match_stream);
		assert_int_equal(address_fold(span_of(order->address), &address, NULL), 0);
		bool is_hit = index_find(index, &address, span_of(order->stream), "+", NOW, &hit);
		assert_int_equal(is_hit, order->match[0] != '\0');
		assert_int_equal(is_hit, json_is_true(json_object_get(row, "suppressed")));
		if (is_hit)
			assert_string_equal(get(row, "origin"), hit.is_manual ? "manual" : "evidence");
	}
	index_free(index);
}

static void test_a_report_counts_by_day_and_provider(void **state)
{
	struct fixture *f = *state;
	unsigned delivered = 0, unknown = 0;
	json_t *row;
	size_t i;

	fail_at(f, "a@example.com", "google", NOW - DAY);
	fail_at(f, "b@example.com", "google", NOW - DAY);
	fail_at(f, "old@example.com", "google", NOW - 30 * DAY);
	assert_int_equal(store_count(f->store, SPAN_LIT("google"), SPAN_LIT("delivered"), NOW, 40, SPAN_NONE), 0);
	assert_int_equal(store_count(f->store, SPAN_LIT("google"), SPAN_LIT("delivered"), NOW - DAY, 2, SPAN_NONE), 0);
	ask_well(f, "{\"do\":\"report\",\"since\":\"7d\",\"top\":1}");
	json_array_foreach(f->rows, i, row) {
		json_int_t count = json_integer_value(json_object_get(row, "count"));
		if (strcmp(get(row, "row"), "provider") == 0)
			assert_string_equal(get(row, "provider"), "google");
		if (strcmp(get(row, "row"), "day") == 0 && strcmp(get(row, "class"), "delivered") == 0)
			delivered += (unsigned)count;
		if (strcmp(get(row, "row"), "day") == 0 && strcmp(get(row, "class"), "user-unknown") == 0)
			unknown += (unsigned)count;
	}
	assert_int_equal(delivered, 42);
	assert_int_equal(unknown, 2);
	/* days of two classes and of one, two sums, the last suppression, the end */
	assert_int_equal(json_array_size(f->rows), 3 + 2 + 1 + 1);
}

static void test_an_import_takes_what_is_right_and_tells_the_rest(void **state)
{
	struct fixture *f = *state;
	json_t *answer = ask_well(f, "{\"do\":\"suppress-import\",\"rows\":["
				     "{\"line\":3,\"address\":\"a@example.com\",\"note\":\"list\"},"
				     "{\"line\":4,\"address\":\"nobody\"},"
				     "{\"line\":5,\"address\":\"b@example.com\",\"origin\":\"evidence\",\"until\":\"30d\",\"class\":\"mailbox-full\"},"
				     "{\"line\":6,\"address\":\"c@example.com\",\"origin\":\"oracle\"},"
				     "{\"line\":7,\"address\":\"@example.net\",\"origin\":\"evidence\"},"
				     "{\"line\":8,\"address\":\"d@example.com\",\"until\":\"2020-01-01\"}]}");

	assert_int_equal(json_integer_value(json_object_get(answer, "added")), 2);
	assert_int_equal(json_integer_value(json_object_get(answer, "refused")), 4);
	static const int lines[] = { 4, 6, 7, 8 };
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(f->rows, i), "line")), lines[i]);
	/* what lasts as long stays as it is, what would last longer is taken */
	answer = ask_well(f, "{\"do\":\"suppress-import\",\"rows\":[{\"address\":\"a@example.com\",\"until\":\"1d\"},"
			     "{\"address\":\"b@example.com\",\"origin\":\"evidence\",\"until\":\"60d\"}]}");
	assert_int_equal(json_integer_value(json_object_get(answer, "added")), 1);
	ask_well(f, "{\"do\":\"suppress-check\",\"address\":\"a@example.com\"}");
	assert_string_equal(get(json_array_get(f->rows, 0), "until"), "forever");
	ask_well(f, "{\"do\":\"why\",\"address\":\"a@example.com\"}");
	assert_string_equal(get(json_array_get(f->rows, 0), "change"), "import");
	assert_string_equal(get(json_array_get(f->rows, 0), "by"), "uid 7");
}

static void test_bulk_undo_takes_what_the_conditions_name(void **state)
{
	struct fixture *f = *state;

	fail_at(f, "a@example.com", "google", NOW - 10 * DAY);
	fail_at(f, "b@example.com", "google", NOW - HOUR);
	fail_at(f, "c@example.net", "google", NOW - HOUR);
	fail_at(f, "d@example.com", "other", NOW - HOUR);
	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"hand@example.com\"}");
	ask_well(f, "{\"do\":\"suppress-remove\",\"provider\":\"google\",\"since\":\"2h\",\"dry_run\":true}");
	assert_int_equal(json_array_size(f->rows), 3);
	json_t *answer = ask_well(f, "{\"do\":\"suppress-remove\",\"provider\":\"google\",\"since\":\"2h\",\"domain\":\"example.com\"}");
	assert_int_equal(json_integer_value(json_object_get(answer, "removed")), 1);
	assert_string_equal(get(json_array_get(f->rows, 0), "address"), "b@example.com");
	answer = ask_well(f, "{\"do\":\"suppress-remove\",\"class\":\"user-unknown\"}");
	assert_int_equal(json_integer_value(json_object_get(answer, "removed")), 3);
	ask_well(f, "{\"do\":\"suppress-list\"}");
	assert_int_equal(json_array_size(f->rows), 2);
	assert_string_equal(get(json_array_get(f->rows, 0), "address"), "hand@example.com");
}

static void test_bulk_undo_of_more_than_a_page(void **state)
{
	struct fixture *f = *state;
	char recipient[64];

	assert_int_equal(store_begin(f->store), 0);
	for (int i = 0; i < 1234; i++) {
		struct sample_event e;
		struct decision decision;
		snprintf(recipient, sizeof(recipient), "u%d@example.com", i);
		sample_make(&(struct sample){ .recipient = recipient, .queue_id = recipient }, &e);
		assert_int_equal(record_event(f->store, &f->limits, &e.event, &decision), 0);
	}
	assert_int_equal(store_commit(f->store), 0);
	json_t *answer = ask_well(f, "{\"do\":\"suppress-remove\",\"all\":true}");
	assert_int_equal(json_integer_value(json_object_get(answer, "removed")), 1234);
	assert_int_equal(json_array_size(f->rows), 1235);
	ask_well(f, "{\"do\":\"suppress-list\"}");
	assert_int_equal(json_array_size(f->rows), 1);
}

static void test_what_is_held_is_released_alone_or_together(void **state)
{
	struct fixture *f = *state;
	struct surge *surge = surge_new();
	char recipient[64];
	unsigned held = 0;

	for (int i = 0; i < 60; i++) {
		struct sample_event e;
		struct decision decision;
		snprintf(recipient, sizeof(recipient), "u%d@example.com", i);
		sample_make(&(struct sample){ .recipient = recipient, .provider = "google", .queue_id = recipient }, &e);
		struct ruling ruling = ruling_make(&f->limits, &e.event);
		assert_int_equal(store_begin(f->store), 0);
		assert_int_equal(store_apply(f->store, &ruling, &e.event, surge, &decision), 0);
		assert_int_equal(store_commit(f->store), 0);
		assert_int_equal(decision.kind, i < 50 ? DECISION_SUPPRESSED : DECISION_HELD);
		held += decision.kind == DECISION_HELD;
	}
	surge_free(surge);
	assert_int_equal(held, 10);
	ask_well(f, "{\"do\":\"suppress-check\",\"address\":\"u55@example.com\"}");
	assert_true(json_is_false(json_object_get(json_array_get(f->rows, 0), "suppressed")));
	ask_well(f, "{\"do\":\"suppress-release\",\"address\":\"u55@example.com\"}");
	ask_well(f, "{\"do\":\"suppress-check\",\"address\":\"u55@example.com\"}");
	assert_true(json_is_true(json_object_get(json_array_get(f->rows, 0), "suppressed")));
	assert_string_equal(get(ask(f, "{\"do\":\"suppress-release\",\"address\":\"u55@example.com\"}"), "error"),
			    "u55@example.com is not held");
	json_t *answer = ask_well(f, "{\"do\":\"suppress-release\"}");
	assert_int_equal(json_integer_value(json_object_get(answer, "released")), 9);
}

static const struct {
	const char *request, *error;
} refusals[] = {
	{ "{}", "do: missing" },
	{ "[]", "do: missing" },
	{ "{\"do\":7}", "do: missing" },
	{ "{\"do\":\"drop-table\"}", "there is no such request" },
	{ "{\"do\":\"suppress-add\"}", "address: missing" },
	{ "{\"do\":\"suppress-add\",\"address\":[]}", "address: missing" },
	{ "{\"do\":\"suppress-add\",\"address\":\"\"}", "no address: it is empty" },
	{ "{\"do\":\"suppress-add\",\"address\":\"nobody\"}", "no address: it has no \"@\"" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a\\u0000b@example.com\"}", "no address: it holds a control character" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a@example.com\\r\\nx\"}", "no address: it holds a control character" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a b@example.com\"}",
	  "no address: the part before the \"@\" holds a character that needs quotes" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a@exa mple.com\"}", "no address: the part after the \"@\" is no domain name" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a@example.com\",\"until\":\"soon\"}",
	  "until: neither \"forever\", nor a time (2027-01-31), nor a duration (30d)" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a@example.com\",\"until\":\"2020-01-01\"}", "until: it is past" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a@example.com\",\"until\":5}", "until: not a text" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a@example.com\",\"class\":\"bad\"}", "class: there is none of that name" },
	{ "{\"do\":\"suppress-add\",\"address\":\"a@example.com\",\"note\":\"x\\ny\"}", "note: it holds a control character" },
	{ "{\"do\":\"why\",\"address\":\"a@example.com\",\"stream\":{}}", "stream: not a text" },
	{ "{\"do\":\"suppress-remove\"}", "address: missing, and no condition either" },
	{ "{\"do\":\"suppress-remove\",\"class\":\"bad\"}", "class: there is none of that name" },
	{ "{\"do\":\"suppress-remove\",\"since\":\"yesterday\"}", "since: neither a time (2027-01-31) nor a duration (2h)" },
};

static void test_bad_requests_are_refused_with_the_reason(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		json_t *answer = ask(f, refusals[i].request);
		assert_true(json_is_false(json_object_get(answer, "ok")));
		assert_string_equal(get(answer, "error"), refusals[i].error);
		assert_int_equal(f->result, -EINVAL);
		assert_int_equal(json_array_size(f->rows), 1);
	}
	ask_well(f, "{\"do\":\"suppress-list\"}");
	assert_int_equal(json_array_size(f->rows), 1);
}

static void test_ten_thousand_characters_are_no_address(void **state)
{
	struct fixture *f = *state;
	static char request[10200];

	snprintf(request, sizeof(request), "{\"do\":\"why\",\"address\":\"%0*d@example.com\"}", 10000, 0);
	assert_string_equal(get(ask(f, request), "error"), "no address: it is too long");
}

static int stop_at_once(void *data, json_t *row)
{
	++*(unsigned *)data;
	json_decref(row);
	return -EPIPE;
}

static void test_a_reader_that_leaves_ends_the_listing(void **state)
{
	struct fixture *f = *state;
	json_t *request = json_pack("{s:s}", "do", "suppress-list");
	unsigned rows = 0;

	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"a@example.com\"}");
	ask_well(f, "{\"do\":\"suppress-add\",\"address\":\"b@example.com\"}");
	assert_int_equal(admin_handle(&f->admin, request, "uid 7", stop_at_once, &rows), -EPIPE);
	assert_int_equal(rows, 1);
	json_decref(request);
}

#define BOTH(name) cmocka_unit_test_setup_teardown(name, open_direct, close_all), \
		   cmocka_unit_test_setup_teardown(name, open_with_writer, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_add_check_list_remove),
		BOTH(test_remove_tells_what_still_refuses),
		BOTH(test_the_entry_that_is_named_is_the_one_that_the_daemon_follows),
		BOTH(test_until_is_a_time_or_a_duration),
		BOTH(test_why_tells_the_time_line_the_state_and_what_would_happen),
		BOTH(test_forget_leaves_nothing),
		BOTH(test_bulk_undo_takes_what_the_conditions_name),
		BOTH(test_a_report_counts_by_day_and_provider),
		BOTH(test_an_import_takes_what_is_right_and_tells_the_rest),
		BOTH(test_bulk_undo_of_more_than_a_page),
		BOTH(test_what_is_held_is_released_alone_or_together),
		BOTH(test_bad_requests_are_refused_with_the_reason),
		BOTH(test_ten_thousand_characters_are_no_address),
		BOTH(test_a_reader_that_leaves_ends_the_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
