/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract of the store: the same cases on every backend. */
#include "store_help.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "store/enforced.h"
#include "store/store.h"
#ifdef POSTGRES_BIN
#include "pgsql_help.h"
#endif

struct fixture {
	char folder[64];
	char uri[256];
	struct store_options options;
	struct store *store;
	struct limits limits;
};

static struct fixture fixture;

static int open_fixture(void **state)
{
	snprintf(fixture.folder, sizeof(fixture.folder), "%s", scratch_folder());
#ifdef POSTGRES_BIN
	snprintf(fixture.uri, sizeof(fixture.uri), "%s", postgres_get_uri());
	postgres_empty();
#else
	snprintf(fixture.uri, sizeof(fixture.uri), "sqlite:%s/db/kodama.db", fixture.folder);
#endif
	fixture.options = (struct store_options){ .uri = fixture.uri, .busy_ms = 50, .retention_s = 90 * DAY };
	fixture.limits = sample_limits(PRESET_CAREFUL);
	*state = &fixture;
	return store_open(&fixture.options, &fixture.store);
}

static int close_fixture(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	f->store = NULL;
	scratch_remove(f->folder);
	return 0;
}

static struct decision record(struct fixture *f, struct sample sample)
{
	struct sample_event e;
	struct decision decision;

	sample_make(&sample, &e);
	assert_int_equal(store_begin(f->store), 0);
	if (record_event(f->store, &f->limits, &e.event, &decision) != 0)
		fail_msg("%s", store_get_error(f->store));
	assert_int_equal(store_commit(f->store), 0);
	return decision;
}

static bool keep_row(void *data, const struct suppression *row)
{
	struct suppression *copy = data;

	*copy = *row;
	copy->address = copy->stream = copy->rule = copy->provider = copy->note = copy->section = SPAN_NONE;
	copy->tallies = NULL;
	return false;
}

static struct suppression find_in(struct fixture *f, const char *address, const char *stream)
{
	struct suppression row = { .kind = DECISION_NONE };

	assert_true(store_find(f->store, span_of(address), span_of(stream), keep_row, &row) >= 0);
	return row;
}

static struct suppression find(struct fixture *f, const char *address)
{
	return find_in(f, address, "");
}

static bool count_history_row(void *data, const struct history_row *row)
{
	(void)row;
	++*(unsigned *)data;
	return true;
}

static unsigned count_history(struct fixture *f, const char *address)
{
	unsigned count = 0;

	assert_int_equal(store_history(f->store, span_of(address), count_history_row, &count), 0);
	return count;
}

static bool keep_message_id(void *data, const struct history_row *row)
{
	snprintf(data, 64, "%.*s", SPAN_ARG(row->message_id));
	return true;
}

static const char *last_message_id(struct fixture *f, const char *address)
{
	static char message_id[64];

	message_id[0] = '\0';
	assert_int_equal(store_history(f->store, span_of(address), keep_message_id, message_id), 0);
	return message_id;
}

static void test_one_proved_unknown_user_suppresses_for_ever(void **state)
{
	struct fixture *f = *state;
	struct decision decision = record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIjK" });

	assert_int_equal(decision.kind, DECISION_SUPPRESSED);
	assert_true(decision.until_s == TIME_FOREVER);
	struct suppression row = find(f, "user@example.com");
	assert_int_equal(row.kind, DECISION_SUPPRESSED);
	assert_int_equal(row.class_id, CLASS_USER_UNKNOWN);
	assert_true(row.until_s == TIME_FOREVER && row.since_s == NOW);
	assert_int_equal(count_history(f, "user@example.com"), 1);
}

static void test_the_same_failure_counts_once(void **state)
{
	struct fixture *f = *state;
	const struct sample log = { .queue_id = "4XyZabCdEfGhIjK", .class_id = CLASS_MAILBOX_FULL };
	struct sample dsn = { .queue_id = "4XyZabCdEfGhIjK", .message_id = "a@example.com", .class_id = CLASS_MAILBOX_FULL,
			      .source = SOURCE_MILTER, .kind = KIND_DSN, .host = "mx1.example.org", .token_recipient = "user@example.com",
			      .proof = PROOF_LOCAL };
	struct sample copy = { .message_id = "a@example.com", .class_id = CLASS_MAILBOX_FULL, .at = NOW + HOUR };

	assert_int_equal(record(f, log).kind, DECISION_COUNTED);
	struct decision decision = record(f, dsn);
	assert_true(decision.is_duplicate);
	assert_int_equal(decision.kind, DECISION_NONE);
	/* the copy shares a key with the DSN alone */
	assert_true(record(f, copy).is_duplicate);
	assert_int_equal(count_history(f, "user@example.com"), 1);
	/* ... and has filled in what the log did not know */
	assert_string_equal(last_message_id(f, "user@example.com"), "a@example.com");
	assert_int_equal(record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIjL", .class_id = CLASS_MAILBOX_FULL }).count, 2);
}

/* Sightings of two failures in any order, by queue id, by Message-ID, by both: as many as there were failures. */
static void test_property_order_of_duplicates_does_not_matter(void **state)
{
	static const char *const queue_ids[] = { "4XyzAbCdEfGhIj0", "4XyzAbCdEfGhIj1" };
	static const char *const message_ids[] = { "m0@example.jp", "m1@example.jp" };
	struct fixture *f = *state;
	unsigned seed = 5;

	for (unsigned round = 0; round < 40; round++) {
		unsigned seen = 0, failures = 0;
		char recipient[40], queue_id[40], message_id[40];
		snprintf(recipient, sizeof(recipient), "order%u@example.com", round);
		for (unsigned i = 0; i < 8; i++) {
			seed = seed * 1103515245 + 12345;
			/* two failures at most: the third would suppress */
			unsigned which = seed / 65536 % 2, how = seed / 131072 % 3;
			snprintf(queue_id, sizeof(queue_id), "%s%u", queue_ids[which], round);
			snprintf(message_id, sizeof(message_id), "%u.%s", round, message_ids[which]);
			/* the log knows the queue id; a report both; a copy at the postmaster's the Message-ID alone, once it was tied */
			bool is_tied = seen & (4U << which);
			struct sample sample = { .recipient = recipient, .class_id = CLASS_MAILBOX_FULL, .at = NOW + (int64_t)i,
						 .queue_id = how == 2 && is_tied ? NULL : queue_id, .message_id = how == 0 ? NULL : message_id };
			record(f, sample);
			failures += !(seen & (1U << which));
			seen |= 1U << which | (how ? 4U << which : 0);
		}
		struct suppression row = find(f, recipient);
		assert_int_equal(row.tally_count, 1);
		assert_int_equal(count_history(f, recipient), failures);
	}
}

static void test_an_unproved_sighting_does_not_hide_the_proved_one(void **state)
{
	struct fixture *f = *state;
	struct sample forged = { .message_id = "a@example.com", .source = SOURCE_MILTER, .proof = PROOF_NONE };
	struct sample genuine = { .message_id = "a@example.com" };

	assert_int_equal(record(f, forged).kind, DECISION_UNPROVED);
	assert_int_equal(count_history(f, "user@example.com"), 0);
	assert_int_equal(record(f, genuine).kind, DECISION_SUPPRESSED);
}

static void test_short_queue_ids_come_again_after_seven_days(void **state)
{
	struct fixture *f = *state;
	struct sample sample = { .queue_id = "3F2504E04F", .class_id = CLASS_MAILBOX_FULL };

	record(f, sample);
	sample.at = NOW + 6 * DAY;
	assert_true(record(f, sample).is_duplicate);
	sample.at = NOW + 8 * DAY;
	assert_int_equal(record(f, sample).count, 2);
	sample = (struct sample){ .queue_id = "4XyZabCdEfGhIjK", .class_id = CLASS_MAILBOX_FULL, .recipient = "b@example.com" };
	record(f, sample);
	sample.at = NOW + 20 * DAY;
	assert_true(record(f, sample).is_duplicate);
	sample.at = NOW + 22 * DAY;
	assert_false(record(f, sample).is_duplicate);
}

static void test_shared_proof_waits_for_another_voice(void **state)
{
	struct fixture *f = *state;
	struct sample shared = { .proof = PROOF_SHARED, .source = SOURCE_MILTER, .kind = KIND_DSN, .token = "v=1; m=abc",
				 .token_recipient = "user@example.com", .message_id = "a@example.com" };

	assert_int_equal(record(f, shared).kind, DECISION_COUNTED);
	/* the same token again, under another Message-ID: still the same message */
	shared.message_id = "b@example.com";
	assert_true(record(f, shared).is_duplicate);
	/* our own log says so too */
	struct decision decision = record(f, (struct sample){ .message_id = "a@example.com", .at = NOW + 60 });
	assert_int_equal(decision.kind, DECISION_SUPPRESSED);
	assert_int_equal(decision.reason, REASON_PROOF_RAISED);
	assert_int_equal(count_history(f, "user@example.com"), 1);
}

/* Who holds the token of a mail to many has one voice for it, in whatever form he speaks. */
static void test_shared_proof_is_one_voice_as_bounce_and_as_complaint(void **state)
{
	struct fixture *f = *state;
	struct sample failure = { .proof = PROOF_SHARED, .source = SOURCE_MILTER, .kind = KIND_DSN, .token = "v=1; m=abc",
				  .token_recipient = "user@example.com", .message_id = "a@example.com" };
	struct sample complaint = failure;

	complaint.kind = KIND_ARF;
	complaint.class_id = CLASS_COMPLAINT;
	complaint.message_id = "b@example.com";
	assert_int_equal(record(f, failure).count, 1);
	assert_true(record(f, complaint).is_duplicate);
	complaint.token = failure.token = "v=1; m=def";
	complaint.message_id = "d@example.com";
	assert_int_equal(record(f, complaint).count, 2);
	failure.message_id = "c@example.com";
	assert_true(record(f, failure).is_duplicate);
	/* each of a mail to one recipient is his own: they are two things that happened */
	complaint.proof = failure.proof = PROOF_TOKEN;
	complaint.token = failure.token = "v=1; m=fed";
	complaint.recipient = failure.recipient = complaint.token_recipient = failure.token_recipient = "alone@example.com";
	failure.class_id = CLASS_MAILBOX_FULL;
	assert_false(record(f, failure).is_duplicate);
	assert_false(record(f, complaint).is_duplicate);
}

/* An ended suppression comes back with the next failure, but not on the word of one who shares a token. */
static void test_shared_proof_brings_back_no_suppression_alone(void **state)
{
	struct fixture *f = *state;
	struct sample full = { .class_id = CLASS_MAILBOX_FULL };
	struct sample shared = { .proof = PROOF_SHARED, .source = SOURCE_MILTER, .kind = KIND_DSN, .token = "v=1; m=abc",
				 .token_recipient = "user@example.com", .at = NOW + 40 * DAY };

	for (int i = 0; i < 3; i++) {
		full.queue_id = (const char *[]){ "4XyZabCdEfGhIj1", "4XyZabCdEfGhIj2", "4XyZabCdEfGhIj3" }[i];
		assert_int_equal(record(f, full).kind, i < 2 ? DECISION_COUNTED : DECISION_SUPPRESSED);
	}
	struct decision decision = record(f, shared);
	assert_int_equal(decision.kind, DECISION_COUNTED);
	assert_int_equal(decision.count, 1);
	full.queue_id = "4XyZabCdEfGhIj4";
	full.at = NOW + 41 * DAY;
	decision = record(f, full);
	assert_int_equal(decision.kind, DECISION_SUPPRESSED);
	assert_int_equal(decision.reason, REASON_AGAIN);
}

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

static void test_a_success_resets_and_a_bounce_of_it_takes_that_back(void **state)
{
	struct fixture *f = *state;
	struct sample full = { .class_id = CLASS_MAILBOX_FULL };
	struct sample sent = { .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .queue_id = "4XyZabCdEfGhIj9", .at = NOW + 3 * HOUR };

	full.queue_id = "4XyZabCdEfGhIj1";
	record(f, full);
	full.queue_id = "4XyZabCdEfGhIj2";
	assert_int_equal(record(f, full).count, 2);
	assert_int_equal(record(f, sent).reason, REASON_SUCCESS_RESET);
	assert_int_equal(store_prune(f->store, NOW + 3 * DAY), 0);
	/* the relay that took it gives it back: three in a row after all */
	full.queue_id = "4XyZabCdEfGhIj9";
	full.at = NOW + 4 * DAY;
	assert_int_equal(record(f, full).kind, DECISION_SUPPRESSED);
}

/* The log of the delivery is read after the bounce of that very mail: in the same second, or of a clock that goes ahead. */
static void test_a_success_that_comes_after_its_bounce_lifts_nothing(void **state)
{
	struct fixture *f = *state;
	struct sample sent = { .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .queue_id = "4XyZabCdEfGhIj1", .message_id = "a@example.jp" };

	assert_int_equal(record(f, (struct sample){ .message_id = "a@example.jp", .source = SOURCE_MILTER }).kind, DECISION_SUPPRESSED);
	assert_int_equal(record(f, sent).kind, DECISION_NONE);
	sent.at = NOW + 5;
	assert_int_equal(record(f, sent).reason, REASON_DUPLICATE);
	/* that of the next mail does */
	sent.queue_id = "4XyZabCdEfGhIj2";
	sent.message_id = "b@example.jp";
	assert_int_equal(record(f, sent).reason, REASON_SUCCESS_RESET);
}

/* ... and neither the mail nor the log names it as the other does: the bounce came after the delivery. */
static void test_a_success_of_the_same_second_as_a_bounce_lifts_nothing(void **state)
{
	struct fixture *f = *state;
	struct sample bounce = { .source = SOURCE_MILTER, .proof = PROOF_TOKEN, .token = "t1", .token_recipient = "user@example.com" };
	struct sample sent = { .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .queue_id = "4XyZabCdEfGhIj1" };

	assert_int_equal(record(f, bounce).kind, DECISION_SUPPRESSED);
	assert_int_equal(record(f, sent).reason, REASON_SUCCESS_NOTHING);
	sent.queue_id = "4XyZabCdEfGhIj2";
	sent.at = NOW + 1;
	assert_int_equal(record(f, sent).reason, REASON_SUCCESS_RESET);
	/* of two mails in one log the later line is the later one */
	assert_int_equal(record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj3", .at = NOW + 9 }).kind, DECISION_SUPPRESSED);
	sent.queue_id = "4XyZabCdEfGhIj4";
	sent.at = NOW + 9;
	assert_int_equal(record(f, sent).reason, REASON_SUCCESS_RESET);
}

static void test_a_success_stands_after_five_days(void **state)
{
	struct fixture *f = *state;
	struct sample full = { .class_id = CLASS_MAILBOX_FULL, .queue_id = "4XyZabCdEfGhIj1" };
	struct sample sent = { .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .queue_id = "4XyZabCdEfGhIj9", .at = NOW + HOUR };

	record(f, full);
	assert_int_equal(record(f, sent).reason, REASON_SUCCESS_RESET);
	full.queue_id = sent.queue_id;
	full.at = NOW + HOUR + 5 * DAY + 1;
	assert_int_equal(record(f, full).count, 1);
}

/* Two deliveries, and the first is given back: the second still says that the address lives; with both given back it does not. */
static void test_a_later_success_outlives_an_earlier_one(void **state)
{
	struct fixture *f = *state;
	struct sample full = { .class_id = CLASS_MAILBOX_FULL, .queue_id = "4XyZabCdEfGhIj1" };
	struct sample sent = { .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED };

	record(f, full);
	for (unsigned i = 0; i < 2; i++) {
		sent.queue_id = (const char *[]){ "4XyZabCdEfGhIj8", "4XyZabCdEfGhIj9" }[i];
		sent.at = NOW + (i + 1) * HOUR;
		record(f, sent);
	}
	full.queue_id = "4XyZabCdEfGhIj8";
	full.at = NOW + 3 * HOUR;
	assert_int_equal(record(f, full).count, 1);
	full.queue_id = "4XyZabCdEfGhIj9";
	assert_int_equal(record(f, full).kind, DECISION_SUPPRESSED);
}

/* What happened in a random life: failures, deliveries that were true, and such as the relay gave back later. */
struct life {
	struct { int64_t at; unsigned message; enum { LIFE_FAILED, LIFE_DEAD, LIFE_SENT, LIFE_GIVEN_BACK } what; bool is_void; } events[24];
	size_t count;
	unsigned voids;
};

static unsigned roll(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed / 65536 % sides;
}

static int compare_events(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void live(struct life *life, unsigned *seed)
{
	unsigned messages = roll(seed, 8) + 2;

	life->count = life->voids = 0;
	for (unsigned message = 0; message < messages; message++) {
		int64_t at = NOW + roll(seed, 20 * 24) * HOUR + message;
		if (roll(seed, 2)) {
			life->events[life->count].what = roll(seed, 8) ? LIFE_FAILED : LIFE_DEAD;
			life->events[life->count].message = message;
			life->events[life->count++].at = at;
			continue;
		}
		int64_t delay_s = (int64_t)(roll(seed, 8 * 24) + 1) * HOUR;
		bool is_back = roll(seed, 3), is_void = is_back && delay_s <= 5 * DAY;
		life->events[life->count].what = LIFE_SENT;
		life->events[life->count].message = message;
		life->events[life->count].is_void = is_void;
		life->events[life->count++].at = at;
		if (!is_back)
			continue;
		life->events[life->count].what = LIFE_GIVEN_BACK;
		life->events[life->count].message = message;
		life->events[life->count++].at = at + delay_s;
		life->voids += is_void;
	}
	qsort(life->events, life->count, sizeof(life->events[0]), compare_events);
}

static unsigned tell(struct fixture *f, const struct life *life, const char *recipient, bool with_voids)
{
	unsigned resets = 0;

	for (size_t i = 0; i < life->count; i++) {
		char queue_id[40], message_id[40];
		enum class class_id = life->events[i].what == LIFE_DEAD ? CLASS_USER_UNKNOWN : CLASS_MAILBOX_FULL;
		struct sample sample = { .recipient = recipient, .class_id = class_id, .queue_id = queue_id, .message_id = message_id, .at = life->events[i].at };
		snprintf(queue_id, sizeof(queue_id), "4XyZabCdEfGh%uZ", life->events[i].message);
		snprintf(message_id, sizeof(message_id), "%u@example.com", life->events[i].message);
		if (life->events[i].what == LIFE_SENT) {
			sample.class_id = CLASS_DELIVERED;
			sample.action = ACTION_DELIVERED;
		}
		if (with_voids || life->events[i].what != LIFE_SENT || !life->events[i].is_void)
			resets += record(f, sample).reason == REASON_SUCCESS_RESET && life->events[i].is_void;
	}
	return resets;
}

/* Deliveries that were given back, whatever came between: what stands in the end is as if they had never been told of. */
static void test_property_a_success_that_was_void_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 11, resets = 0, suppressed = 0, counted = 0;

	for (unsigned round = 0; round < 150; round++) {
		struct life life;
		char real[40], model[40];
		live(&life, &seed);
		snprintf(real, sizeof(real), "real%u@example.com", round);
		snprintf(model, sizeof(model), "model%u@example.com", round);
		resets += tell(f, &life, real, true);
		tell(f, &life, model, false);
		struct suppression a = find(f, real), b = find(f, model);
		if (a.kind != b.kind || a.until_s != b.until_s || a.tally_count != b.tally_count || a.times != b.times)
			fail_msg("round %u: kind %d and %d, times %u and %u", round, a.kind, b.kind, a.times, b.times);
		suppressed += a.kind == DECISION_SUPPRESSED;
		counted += a.kind == DECISION_NONE && a.tally_count;
	}
	/* not for want of anything to find */
	assert_true(resets > 50 && suppressed > 20 && counted > 20);
}

static void test_a_success_of_an_unknown_address_leaves_no_row(void **state)
{
	struct fixture *f = *state;
	struct suppression row = { .kind = DECISION_NONE };

	record(f, (struct sample){ .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .queue_id = "4XyZabCdEfGhIj9" });
	assert_int_equal(store_find(f->store, SPAN_LIT("user@example.com"), SPAN_LIT(""), keep_row, &row), 0);
	assert_int_equal(count_history(f, "user@example.com"), 0);
}

static void test_a_domain_that_is_unknown_suppresses_no_other_address(void **state)
{
	struct fixture *f = *state;
	size_t enforced = 0;

	assert_int_equal(record(f, (struct sample){ .class_id = CLASS_DOMAIN_UNKNOWN, .queue_id = "4XyZabCdEfGhIj1" }).kind, DECISION_SUPPRESSED);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_SUPPRESSED);
	assert_int_equal(find(f, "other@example.com").kind, DECISION_NONE);
	assert_int_equal(find(f, "@example.com").kind, DECISION_NONE);
	assert_int_equal(store_count_enforced(f->store, &enforced), 0);
	assert_int_equal(enforced, 1);
}

/* Seventy refusals at once: many where two an hour were usual, none to speak of where two hundred were; and three days have to be known. */
static void test_a_surge_is_measured_by_the_week_before(void **state)
{
	const struct { int64_t days, an_hour; unsigned held; } cases[] = {
		{ 7, 2, 20 },   /* 5 times the usual number is soon reached: from the fiftieth on */
		{ 7, 240, 0 },  /* 40 in ten minutes are usual */
		{ 2, 240, 20 }, /* no data of three days: fifty alone */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 3; i++) {
		struct surge *surge = surge_new();
		char provider[16];
		unsigned held = 0;
		snprintf(provider, sizeof(provider), "provider%zu", i);
		for (int64_t hour = 1; hour <= cases[i].days * 24; hour++)
			assert_int_equal(store_count(f->store, span_of(provider), SPAN_LIT("user-unknown"), NOW - hour * HOUR, cases[i].an_hour), 0);
		assert_int_equal(store_begin(f->store), 0);
		for (unsigned n = 0; n < 70; n++) {
			struct decision decision;
			struct sample_event e;
			char recipient[40];
			snprintf(recipient, sizeof(recipient), "u%u@example%zu.com", n, i);
			sample_make(&(struct sample){ .recipient = recipient, .provider = provider, .queue_id = "4XyZabCdEfGhIj1" }, &e);
			struct ruling ruling = ruling_make(&f->limits, &e.event);
			assert_int_equal(store_apply(f->store, &ruling, &e.event, surge, &decision), 0);
			held += decision.kind == DECISION_HELD;
		}
		assert_int_equal(store_commit(f->store), 0);
		assert_int_equal(held, cases[i].held);
		surge_free(surge);
	}
}

static void test_careful_wants_a_success_beside_a_weak_basis(void **state)
{
	struct fixture *f = *state;
	struct sample weak = { .class_id = CLASS_MAILBOX_FULL, .basis = BASIS_WORD, .provider = "google", .queue_id = "4XyZabCdEfGhIj1" };

	assert_int_equal(record(f, weak).reason, REASON_WEAK_BASIS);
	record(f, (struct sample){ .recipient = "good@example.com", .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED,
				   .provider = "google", .queue_id = "4XyZabCdEfGhIj2" });
	weak.queue_id = "4XyZabCdEfGhIj3";
	assert_int_equal(record(f, weak).kind, DECISION_COUNTED);
	weak.queue_id = "4XyZabCdEfGhIj4";
	weak.at = NOW + 3 * DAY;
	assert_int_equal(record(f, weak).reason, REASON_WEAK_BASIS);
	f->limits.preset = PRESET_STRICT;
	weak.queue_id = "4XyZabCdEfGhIj5";
	assert_int_equal(record(f, weak).count, 2);
}

static void test_other_scopes_stand_in_the_history_and_change_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(record(f, (struct sample){ .class_id = CLASS_BLOCKLISTED, .queue_id = "4XyZabCdEfGhIj1" }).kind, DECISION_NONE);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
	assert_int_equal(count_history(f, "user@example.com"), 1);
}

static void test_streams_are_apart_unless_shared(void **state)
{
	struct fixture *f = *state;

	record(f, (struct sample){ .stream = "tenant-a", .queue_id = "4XyZabCdEfGhIj1" });
	assert_int_equal(find_in(f, "user@example.com", "tenant-a").kind, DECISION_SUPPRESSED);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
	f->limits.is_shared_hard = true;
	record(f, (struct sample){ .stream = "tenant-a", .queue_id = "4XyZabCdEfGhIj2", .proof = PROOF_LOCAL, .recipient = "b@example.com" });
	assert_int_equal(find(f, "b@example.com").kind, DECISION_NONE);
	record(f, (struct sample){ .stream = "tenant-a", .queue_id = "4XyZabCdEfGhIj3", .recipient = "c@example.com" });
	assert_int_equal(find(f, "c@example.com").kind, DECISION_SUPPRESSED);
}

static int add(struct fixture *f, const char *address, int64_t until_s)
{
	const struct suppression row = { .address = span_of(address), .stream = SPAN_LIT(""), .note = SPAN_LIT("asked for"),
					 .since_s = NOW, .until_s = until_s };

	return store_add(f->store, &row, SPAN_LIT("uid 0"), NOW);
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

struct seen_changes {
	unsigned count;
	uint64_t last_hash;
	int64_t last_until_s;
};

static bool see_change(void *data, uint64_t hash, uint64_t value)
{
	struct seen_changes *seen = data;
	struct index_hit hit = { .until_s = 0 };

	seen->count++;
	seen->last_hash = hash;
	seen->last_until_s = enforced_unpack(value, NOW, &hit) ? hit.until_s : 0;
	return true;
}

static struct seen_changes list_changes(struct fixture *f, int64_t after)
{
	struct seen_changes seen = { .count = 0 };
	int64_t change = after, newest;

	assert_int_equal(store_list_changes(f->store, &change, see_change, &seen), 0);
	assert_int_equal(store_get_change(f->store, &newest), 0);
	assert_true(change == newest);
	return seen;
}

static void assert_change_is_of(struct fixture *f, const struct seen_changes *seen, const char *address)
{
	struct siphash_key key = store_get_index_key(f->store);

	assert_true(seen->last_hash == enforced_hash(&key, span_of(address), SPAN_LIT("")));
}

static void test_changes_are_numbered_and_say_what_holds_now(void **state)
{
	struct fixture *f = *state;
	int64_t before, between, after;

	assert_int_equal(store_get_change(f->store, &before), 0);
	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj2", .recipient = "b@example.com", .class_id = CLASS_MAILBOX_FULL });
	assert_int_equal(store_get_change(f->store, &between), 0);
	assert_true(between == before + 1);
	struct seen_changes seen = list_changes(f, before);
	assert_int_equal(seen.count, 1);
	assert_change_is_of(f, &seen, "user@example.com");
	assert_true(seen.last_until_s == TIME_FOREVER);
	assert_int_equal(store_remove(f->store, SPAN_LIT("user@example.com"), SPAN_LIT(""), SPAN_LIT(""), SPAN_NONE, NOW), 1);
	assert_int_equal(store_get_change(f->store, &after), 0);
	seen = list_changes(f, between);
	assert_int_equal(seen.count, 1);
	assert_true(seen.last_until_s == 0);
	assert_int_equal(list_changes(f, after).count, 0);
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

enum { IMPORTED = 700 };

/* Of every kind, with texts that a list of texts has to quote, and every hundredth address a second time, with a longer end. */
static void make_import(struct suppression *rows, char addresses[][80], const char *stream)
{
	static const char *const notes[] = { "a, b", "\"quoted\" {x}", "back\\slash\\", "NULL", "", "\xe7\xb5\x82\xe3\x82\x8f\xe3\x82\x8a\n", NULL };

	for (int i = 0; i < IMPORTED; i++) {
		bool is_again = i % 100 == 99;
		snprintf(addresses[i], 80, "u%d,'\\@example.com", is_again ? i - 1 : i);
		rows[i] = (struct suppression){
			.address = span_of(addresses[i]), .stream = span_of(stream), .origin = i % 3 && i % 100 < 98 ? ORIGIN_MANUAL : ORIGIN_EVIDENCE,
			.kind = i % 5 || is_again ? DECISION_SUPPRESSED : DECISION_HELD, .since_s = NOW - i * DAY, .until_s = is_again ? TIME_FOREVER : NOW + (i + 1) * DAY,
			.class_id = i % 2 ? CLASS_USER_UNKNOWN : CLASS_UNCLASSIFIED, .rule = i % 4 ? SPAN_NONE : SPAN_LIT("a.rule"),
			.provider = i % 7 ? SPAN_NONE : SPAN_LIT("google"),
			.note = notes[i % 7] ? span_of(notes[i % 7]) : SPAN_NONE,
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

static void test_hostile_texts_are_kept_as_text(void **state)
{
	struct fixture *f = *state;
	static char long_text[20000];

	memset(long_text, 'x', sizeof(long_text) - 1);
	record(f, (struct sample){ .recipient = "\"a'; DROP TABLE addresses; --\"@example.com", .queue_id = "';--", .text = "\xff\xfe'\"" });
	assert_int_equal(find(f, "\"a'; drop table addresses; --\"@example.com").kind, DECISION_SUPPRESSED);
	record(f, (struct sample){ .text = long_text, .message_id = long_text, .provider = "x'y" });
	assert_int_equal(find(f, "user@example.com").kind, DECISION_SUPPRESSED);
	record(f, (struct sample){ .recipient = "no address", .queue_id = "4XyZabCdEfGhIj1" });
}

static void test_a_rollback_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct sample_event e;
	struct decision decision;

	sample_make(&(struct sample){ .queue_id = "4XyZabCdEfGhIj1" }, &e);
	assert_int_equal(store_begin(f->store), 0);
	assert_int_equal(record_event(f->store, &f->limits, &e.event, &decision), 0);
	store_rollback(f->store);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_NONE);
	assert_int_equal(record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" }).kind, DECISION_SUPPRESSED);
}

static void test_another_writer_is_waited_for_and_then_busy(void **state)
{
	struct fixture *f = *state;
	struct store *other;

	assert_int_equal(store_open(&f->options, &other), 0);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(store_begin(f->store), -EBUSY);
	assert_string_not_equal(store_get_error(f->store), "");
	store_rollback(other);
	assert_int_equal(store_begin(f->store), 0);
	store_rollback(f->store);
	store_close(other);
}

enum { COUNTED_EACH = 20 };

static void *count_failures(void *data)
{
	struct fixture own = fixture;
	char queue_id[64];

	own.options.busy_ms = 20000;
	assert_int_equal(store_open(&own.options, &own.store), 0);
	for (int i = 0; i < COUNTED_EACH; i++) {
		snprintf(queue_id, sizeof(queue_id), "4Xyz%sZ%d", (const char *)data, i);
		record(&own, (struct sample){ .queue_id = queue_id, .class_id = CLASS_MAILBOX_FULL });
	}
	store_close(own.store);
	return NULL;
}

static bool take_tally(void *data, const struct suppression *row)
{
	*(unsigned *)data = row->tally_count ? row->tallies[0].count : 0;
	return false;
}

static void test_counts_are_exact_with_two_writers(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2];
	char names[2][2] = { "a", "b" };
	unsigned count = 0;

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_failures, names[i]), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(store_find(f->store, SPAN_LIT("user@example.com"), SPAN_LIT(""), take_tally, &count), 1);
	assert_int_equal(count, 2 * COUNTED_EACH);
}

/* One that numbered its change first and commits last: whoever looked in between must not pass it over. */
static void test_no_change_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct store *other;
	struct sample_event e;
	struct decision decision;
	int64_t seen;

	assert_int_equal(store_open(&f->options, &other), 0);
	sample_make(&(struct sample){ .queue_id = "4XyzFirst", .recipient = "first@example.com" }, &e);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(record_event(other, &f->limits, &e.event, &decision), 0);
	/* the second one cannot number its own before the first is through */
	assert_int_equal(store_begin(f->store), -EBUSY);
	assert_int_equal(store_get_change(f->store, &seen), 0);
	assert_int_equal(store_commit(other), 0);
	record(f, (struct sample){ .queue_id = "4XyzSecond", .recipient = "second@example.com" });
	assert_int_equal(list_changes(f, seen).count, 2);
	store_close(other);
}

static void test_positions_are_kept_by_name(void **state)
{
	struct fixture *f = *state;
	char value[64] = "";

	assert_int_equal(store_get_position(f->store, "log:/var/log/mail.log", value, sizeof(value)), 0);
	assert_int_equal(store_set_position(f->store, "log:/var/log/mail.log", "12 34567"), 0);
	assert_int_equal(store_set_position(f->store, "log:/var/log/mail.log", "12 34568"), 0);
	assert_int_equal(store_get_position(f->store, "log:/var/log/mail.log", value, sizeof(value)), 1);
	assert_string_equal(value, "12 34568");
}

static void test_pruning_keeps_what_is_in_force(void **state)
{
	struct fixture *f = *state;

	record(f, (struct sample){ .queue_id = "4XyZabCdEfGhIj1" });
	assert_int_equal(store_prune(f->store, NOW + 200 * DAY), 0);
	assert_int_equal(count_history(f, "user@example.com"), 0);
	assert_int_equal(find(f, "user@example.com").kind, DECISION_SUPPRESSED);
}

/* A clock that somebody set a year ahead: what it makes old is kept until it has gone on for a day. */
static void test_a_clock_that_leaps_ahead_deletes_nothing(void **state)
{
	struct fixture *f = *state;
	const struct sample failure = { .queue_id = "4XyZabCdEfGhIjK", .class_id = CLASS_MAILBOX_FULL };

	record(f, failure);
	assert_int_equal(store_prune(f->store, NOW + 600), 0);
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY), 1);
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY + 12 * HOUR), 1);
	/* set right: nothing is lost, nothing counts twice */
	assert_int_equal(store_prune(f->store, NOW + 1200), 0);
	assert_true(record(f, failure).is_duplicate);
	assert_int_equal(count_history(f, "user@example.com"), 1);
	/* it was right: a day later what is old goes */
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY), 1);
	assert_int_equal(store_prune(f->store, NOW + 400 * DAY + 20 * HOUR), 1);
	assert_int_equal(store_prune(f->store, NOW + 401 * DAY), 0);
	assert_int_equal(count_history(f, "user@example.com"), 0);
}

static bool count_listed(void *data, const struct suppression *row)
{
	(void)row;
	return ++*(unsigned *)data < 3;
}

static void test_list_stops_when_told_and_leaves_out_what_ended(void **state)
{
	struct fixture *f = *state;
	unsigned count = 0;

	assert_int_equal(add(f, "a@example.com", NOW + 10), 0);
	assert_int_equal(add(f, "b@example.com", NOW + 1000), 0);
	assert_int_equal(store_list(f->store, NOW + 10, count_listed, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(add(f, "c@example.com", TIME_FOREVER), 0);
	assert_int_equal(add(f, "@example.net", TIME_FOREVER), 0);
	count = 0;
	assert_int_equal(store_list(f->store, NOW, count_listed, &count), 0);
	assert_int_equal(count, 3);
	/* a stopped list leaves no lock behind */
	assert_int_equal(add(f, "d@example.com", TIME_FOREVER), 0);
}

struct pairs {
	uint64_t hashes[4];
	unsigned count, most;
};

static bool keep_pair(void *data, uint64_t hash, uint64_t value)
{
	struct pairs *pairs = data;

	if (value)
		pairs->hashes[pairs->count++] = hash;
	return pairs->count < pairs->most;
}

static void test_what_is_enforced_is_read_whole_and_a_stop_harms_nothing(void **state)
{
	struct fixture *f = *state;
	struct siphash_key key = store_get_index_key(f->store);
	struct pairs all = { .most = 4 }, two = { .most = 2 };
	unsigned found = 0;

	assert_int_equal(store_list_enforced(f->store, keep_pair, &all), 0);
	assert_int_equal(all.count, 0);
	for (const char *const *name = (const char *const[]){ "a@example.com", "b@example.com", "c@example.com", NULL }; *name; name++)
		assert_int_equal(add(f, *name, TIME_FOREVER), 0);
	assert_int_equal(store_list_enforced(f->store, keep_pair, &all), 0);
	assert_int_equal(all.count, 3);
	for (unsigned i = 0; i < 3; i++)
		found += all.hashes[i] == enforced_hash(&key, SPAN_LIT("b@example.com"), SPAN_LIT(""));
	assert_int_equal(found, 1);
	assert_int_equal(store_list_enforced(f->store, keep_pair, &two), 0);
	assert_int_equal(two.count, 2);
	assert_int_equal(add(f, "d@example.com", TIME_FOREVER), 0);
}

#define CONTRACT(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest contract[] = {
		CONTRACT(test_one_proved_unknown_user_suppresses_for_ever),
		CONTRACT(test_the_same_failure_counts_once),
		CONTRACT(test_property_order_of_duplicates_does_not_matter),
		CONTRACT(test_an_unproved_sighting_does_not_hide_the_proved_one),
		CONTRACT(test_short_queue_ids_come_again_after_seven_days),
		CONTRACT(test_shared_proof_waits_for_another_voice),
		CONTRACT(test_shared_proof_is_one_voice_as_bounce_and_as_complaint),
		CONTRACT(test_shared_proof_brings_back_no_suppression_alone),
		CONTRACT(test_bulk_undo_leaves_what_was_put_there_by_hand),
		CONTRACT(test_a_success_resets_and_a_bounce_of_it_takes_that_back),
		CONTRACT(test_a_success_that_comes_after_its_bounce_lifts_nothing),
		CONTRACT(test_a_success_of_the_same_second_as_a_bounce_lifts_nothing),
		CONTRACT(test_a_success_stands_after_five_days),
		CONTRACT(test_a_later_success_outlives_an_earlier_one),
		CONTRACT(test_property_a_success_that_was_void_leaves_no_trace),
		CONTRACT(test_a_success_of_an_unknown_address_leaves_no_row),
		CONTRACT(test_a_domain_that_is_unknown_suppresses_no_other_address),
		CONTRACT(test_a_surge_is_measured_by_the_week_before),
		CONTRACT(test_careful_wants_a_success_beside_a_weak_basis),
		CONTRACT(test_other_scopes_stand_in_the_history_and_change_nothing),
		CONTRACT(test_streams_are_apart_unless_shared),
		CONTRACT(test_evidence_never_overrides_a_manual_entry),
		CONTRACT(test_remove_takes_both_and_is_audited),
		CONTRACT(test_changes_are_numbered_and_say_what_holds_now),
		CONTRACT(test_changes_of_one_transaction_have_numbers_of_their_own),
		CONTRACT(test_many_are_imported_as_one_by_one),
		CONTRACT(test_of_an_import_in_which_one_fails_nothing_stays),
		CONTRACT(test_forget_leaves_nothing_but_the_change),
		CONTRACT(test_what_is_forgotten_does_not_count_again),
		CONTRACT(test_hostile_texts_are_kept_as_text),
		CONTRACT(test_a_rollback_leaves_nothing),
		CONTRACT(test_another_writer_is_waited_for_and_then_busy),
		CONTRACT(test_counts_are_exact_with_two_writers),
		CONTRACT(test_no_change_is_passed_over),
		CONTRACT(test_positions_are_kept_by_name),
		CONTRACT(test_pruning_keeps_what_is_in_force),
		CONTRACT(test_a_clock_that_leaps_ahead_deletes_nothing),
		CONTRACT(test_list_stops_when_told_and_leaves_out_what_ended),
		CONTRACT(test_what_is_enforced_is_read_whole_and_a_stop_harms_nothing),
	};

#ifdef POSTGRES_BIN
	return cmocka_run_group_tests_name("postgresql", contract, postgres_start, postgres_stop);
#else
	return cmocka_run_group_tests_name("sqlite", contract, NULL, NULL);
#endif
}
