/* SPDX-License-Identifier: BSD-2-Clause */
/* The contract of the store: events, what they change and what they do not.  On every backend. */
#include "store_contract.h"

#include <errno.h>

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
			assert_int_equal(store_count(f->store, span_of(provider), SPAN_LIT("user-unknown"), NOW - hour * HOUR, cases[i].an_hour, SPAN_NONE), 0);
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
	char queue_id[32];
	struct sample weak = { .class_id = CLASS_MAILBOX_FULL, .basis = BASIS_WORD, .provider = "google", .queue_id = "4XyZabCdEfGhIj1" };

	assert_int_equal(record(f, weak).reason, REASON_WEAK_BASIS);
	/* what another provider takes says nothing, nor does what this one took for the address itself, as often as it may be */
	record(f, (struct sample){ .recipient = "good@example.com", .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED,
				   .provider = "yahoo", .queue_id = "4XyZabCdEfGhIj6" });
	for (unsigned i = 0; i < 3; i++) {
		snprintf(queue_id, sizeof(queue_id), "4XyZabCdEfGhIk%u", i);
		record(f, (struct sample){ .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .provider = "google", .queue_id = queue_id,
					   .at = NOW - 1000 });
	}
	weak.queue_id = "4XyZabCdEfGhIj7";
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

const struct CMUnitTest store_event_tests[] = {
	CONTRACT(test_one_proved_unknown_user_suppresses_for_ever),
	CONTRACT(test_the_same_failure_counts_once),
	CONTRACT(test_property_order_of_duplicates_does_not_matter),
	CONTRACT(test_an_unproved_sighting_does_not_hide_the_proved_one),
	CONTRACT(test_short_queue_ids_come_again_after_seven_days),
	CONTRACT(test_shared_proof_waits_for_another_voice),
	CONTRACT(test_shared_proof_is_one_voice_as_bounce_and_as_complaint),
	CONTRACT(test_shared_proof_brings_back_no_suppression_alone),
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
};
const size_t store_event_test_count = sizeof(store_event_tests) / sizeof(store_event_tests[0]);
