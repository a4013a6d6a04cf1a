/* SPDX-License-Identifier: BSD-2-Clause */
/* Decisions: each rule of what counts, against whom and for how long, by name; then properties over random histories. */
#include "store_help.h"

#include "decide/history.h"
#include "decide/surge.h"

/* One address's history under one operator's word. */
struct world {
	struct limits limits;
	struct history history;
	bool has_provider_success, is_surge;
};

static struct world world_of(enum preset preset)
{
	return (struct world){ .limits = sample_limits(preset), .has_provider_success = true };
}

static struct decision feel(struct world *world, struct sample sample)
{
	struct sample_event e;

	sample_make(&sample, &e);
	struct ruling ruling = ruling_make(&world->limits, &e.event);
	struct facts facts = { .time_s = event_get_time(&e.event), .has_provider_success = world->has_provider_success,
			       .is_surge = world->is_surge };
	return history_apply(&world->history, &ruling, &e.verdict, &facts);
}

static struct ruling rule(const struct limits *limits, struct sample sample)
{
	struct sample_event e;

	sample_make(&sample, &e);
	return ruling_make(limits, &e.event);
}

static const struct sample full = { .class_id = CLASS_MAILBOX_FULL };
static const struct sample sent = { .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED };

static struct sample at(struct sample sample, int64_t time_s)
{
	sample.at = time_s;
	return sample;
}

static void test_now_and_recipient_is_for_ever(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	struct decision d = feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN });

	(void)state;
	assert_int_equal(d.kind, DECISION_SUPPRESSED);
	assert_true(d.until_s == TIME_FOREVER);
	assert_true(history_is_suppressed(&w.history, NOW + 1000 * (int64_t)DAY));
}

static void test_now_and_domain_is_for_thirty_days(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	struct decision d = feel(&w, (struct sample){ .class_id = CLASS_DOMAIN_UNKNOWN });

	(void)state;
	assert_int_equal(d.kind, DECISION_SUPPRESSED);
	assert_true(d.until_s == NOW + 30 * DAY);
	assert_true(history_is_suppressed(&w.history, NOW + 30 * DAY - 1));
	assert_false(history_is_suppressed(&w.history, NOW + 30 * DAY));
}

static void test_three_within_thirty_days_suppress(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	struct decision d = feel(&w, full);

	(void)state;
	assert_int_equal(d.kind, DECISION_COUNTED);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.after, 3);
	assert_int_equal(feel(&w, at(full, NOW + DAY)).count, 2);
	d = feel(&w, at(full, NOW + 2 * DAY));
	assert_int_equal(d.kind, DECISION_SUPPRESSED);
	assert_true(d.until_s == NOW + 32 * DAY);
	assert_int_equal(d.reason, REASON_THRESHOLD);
}

static void test_a_row_longer_than_the_window_begins_anew(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	feel(&w, full);
	feel(&w, at(full, NOW + 20 * DAY));
	assert_int_equal(feel(&w, at(full, NOW + 31 * DAY)).count, 1);
}

static void test_a_success_resets(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	feel(&w, full);
	feel(&w, at(full, NOW + DAY));
	assert_int_equal(feel(&w, at(sent, NOW + 2 * DAY)).reason, REASON_SUCCESS_RESET);
	assert_int_equal(feel(&w, at(full, NOW + 3 * DAY)).count, 1);
	feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN, .at = NOW + 4 * DAY });
	feel(&w, at(sent, NOW + 5 * DAY));
	assert_false(history_is_suppressed(&w.history, NOW + 5 * DAY));
}

static void test_relayed_expanded_and_not_spam_are_no_success(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	const enum action actions[] = { ACTION_RELAYED, ACTION_EXPANDED };

	(void)state;
	feel(&w, full);
	feel(&w, at(full, NOW + 1));
	for (size_t i = 0; i < 2; i++)
		feel(&w, (struct sample){ .class_id = CLASS_DELIVERED, .action = actions[i], .at = NOW + 2 });
	feel(&w, (struct sample){ .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED, .kind = KIND_ARF, .at = NOW + 3 });
	assert_int_equal(feel(&w, at(full, NOW + 4)).kind, DECISION_SUPPRESSED);
}

static void test_other_scopes_neither_count_nor_break_a_row(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	feel(&w, full);
	feel(&w, at(full, NOW + 1));
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_SPAM, .at = NOW + 2 }).reason, REASON_OTHER_SCOPE);
	/* even if a rule says so */
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_BLOCKLISTED, .effect = EFFECT_NOW, .at = NOW + 3 }).kind, DECISION_NONE);
	assert_int_equal(feel(&w, at(full, NOW + 4)).kind, DECISION_SUPPRESSED);
}

static void test_a_deferral_never_counts(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_MAILBOX_FULL, .action = ACTION_DELAYED }).reason, REASON_NOT_FINAL);
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN, .action = ACTION_DELAYED }).kind, DECISION_NONE);
}

static void test_a_complaint_suppresses_at_once(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_COMPLAINT, .kind = KIND_ARF, .source = SOURCE_MILTER,
						   .proof = PROOF_TOKEN, .token_recipient = "user@example.com" }).kind, DECISION_SUPPRESSED);
}

static void test_a_complaint_that_nothing_proves_changes_nothing(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_COMPLAINT, .kind = KIND_ARF, .source = SOURCE_MILTER,
						   .proof = PROOF_NONE }).kind, DECISION_UNPROVED);
	assert_true(history_is_clean(&w.history));
}

static void test_unproved_changes_nothing_unless_any_is_asked_for(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	const struct sample forged = { .proof = PROOF_NONE, .source = SOURCE_MILTER };
	struct sample forged_success = { .proof = PROOF_NONE, .source = SOURCE_MILTER, .class_id = CLASS_DELIVERED, .action = ACTION_DELIVERED };

	(void)state;
	assert_int_equal(feel(&w, forged).kind, DECISION_UNPROVED);
	assert_true(history_is_clean(&w.history));
	feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN });
	assert_int_equal(feel(&w, at(forged_success, NOW + 1)).kind, DECISION_UNPROVED);
	assert_true(history_is_suppressed(&w.history, NOW + 2));
	w = world_of(PRESET_CAREFUL);
	w.limits.is_proof_required = false;
	assert_int_equal(feel(&w, forged).kind, DECISION_SUPPRESSED);
}

static void test_shared_proof_never_suppresses_alone(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	struct limit eager = { .name = "eager", .effects = 1U << EFFECT_COUNT, .after = 1, .within_s = TIME_FOREVER, .for_s = DAY };
	const struct sample shared = { .proof = PROOF_SHARED, .token_recipient = "user@example.com", .source = SOURCE_MILTER };

	(void)state;
	assert_int_equal(feel(&w, shared).kind, DECISION_COUNTED);
	w = world_of(PRESET_CAREFUL);
	w.limits.items = &eager;
	w.limits.count = 1;
	assert_int_equal(feel(&w, shared).kind, DECISION_COUNTED);
}

static void test_after_its_end_one_more_failure_suppresses_twice_as_long(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	int64_t time_s = NOW, days[] = { 30, 60, 120, 240, 365, 365 };

	(void)state;
	feel(&w, full);
	feel(&w, full);
	for (size_t i = 0; i < 6; i++) {
		struct decision d = feel(&w, at(full, time_s));
		assert_int_equal(d.kind, DECISION_SUPPRESSED);
		assert_true(d.until_s == time_s + days[i] * DAY);
		assert_false(history_is_suppressed(&w.history, d.until_s));
		time_s = d.until_s + DAY;
	}
	feel(&w, at(sent, time_s));
	assert_int_equal(feel(&w, at(full, time_s + 1)).kind, DECISION_COUNTED);
	assert_int_equal(feel(&w, at(full, time_s + 2)).count, 2);
	assert_true(feel(&w, at(full, time_s + 3)).until_s == time_s + 3 + 30 * DAY);
}

static void test_a_late_report_does_not_shorten(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	feel(&w, (struct sample){ .class_id = CLASS_DOMAIN_UNKNOWN, .at = NOW + 10 * DAY });
	feel(&w, (struct sample){ .class_id = CLASS_DOMAIN_UNKNOWN, .at = NOW });
	assert_true(w.history.until_s == NOW + 40 * DAY);
	feel(&w, at(sent, NOW + 5 * DAY));
	assert_true(history_is_suppressed(&w.history, NOW + 11 * DAY));
}

static void test_a_failure_from_before_a_success_does_not_count(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	feel(&w, full);
	feel(&w, at(sent, NOW + DAY));
	assert_int_equal(feel(&w, at(full, NOW + DAY - 1)).reason, REASON_OLDER_THAN_SUCCESS);
}

static void test_careful_wants_more_than_a_word(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);
	const struct sample word = { .class_id = CLASS_MAILBOX_FULL, .basis = BASIS_WORD };
	const struct sample reply = { .class_id = CLASS_MAILBOX_FULL, .basis = BASIS_REPLY };
	const struct sample status = { .class_id = CLASS_MAILBOX_FULL, .basis = BASIS_STATUS };

	(void)state;
	w.has_provider_success = false;
	assert_int_equal(feel(&w, word).reason, REASON_WEAK_BASIS);
	assert_int_equal(feel(&w, reply).reason, REASON_WEAK_BASIS);
	assert_int_equal(feel(&w, status).kind, DECISION_COUNTED);
	w.limits.preset = PRESET_STRICT;
	assert_int_equal(feel(&w, word).count, 2);
}

static void test_shanon_counts_three_whenever_they_come(void **state)
{
	struct world w = world_of(PRESET_SHANON);

	(void)state;
	feel(&w, full);
	feel(&w, at(full, NOW + 400 * DAY));
	struct decision d = feel(&w, at(full, NOW + 800 * DAY));
	assert_int_equal(d.kind, DECISION_SUPPRESSED);
	assert_true(d.until_s == TIME_FOREVER);
	w = world_of(PRESET_SHANON);
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_RECIPIENT_REFUSED, .effect = EFFECT_NOW }).kind, DECISION_SUPPRESSED);
}

static void test_dry_run_decides_and_says_so(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	w.limits.enforce = false;
	struct decision d = feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN });
	assert_int_equal(d.kind, DECISION_DRY_RUN);
	assert_true(d.until_s == TIME_FOREVER);
}

static void test_a_surge_holds_and_a_failure_a_day_later_does_not(void **state)
{
	struct world w = world_of(PRESET_CAREFUL);

	(void)state;
	w.is_surge = true;
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN }).kind, DECISION_HELD);
	assert_false(history_is_suppressed(&w.history, NOW));
	w.is_surge = false;
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN, .at = NOW + HOUR }).kind, DECISION_HELD);
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_USER_UNKNOWN, .at = NOW + DAY }).kind, DECISION_SUPPRESSED);
}

static void test_exemptions_and_own_domains(void **state)
{
	static const char *const own[] = { "example.jp", NULL }, *const domains[] = { "partner.example", NULL };
	static const char *const recipients[] = { "vip@example.com", NULL }, *const senders[] = { "alerts@example.org", "@ops.example.org", NULL };
	static const char *const logins[] = { "monitor", NULL };
	struct limits limits = sample_limits(PRESET_CAREFUL);
	struct sample_event e;

	(void)state;
	limits.local_domains = own;
	limits.exempt_domains = domains;
	limits.exempt_recipients = recipients;
	limits.exempt_senders = senders;
	limits.exempt_logins = logins;
	assert_int_equal(rule(&limits, (struct sample){ .recipient = "a@example.jp" }).reason, REASON_LOCAL_DOMAIN);
	assert_int_equal(rule(&limits, (struct sample){ .recipient = "a@sub.example.jp" }).reason, REASON_LOCAL_DOMAIN);
	assert_int_equal(rule(&limits, (struct sample){ .recipient = "a@notexample.jp" }).kind, DECISION_COUNTED);
	assert_int_equal(rule(&limits, (struct sample){ .recipient = "a@partner.example" }).reason, REASON_EXEMPT_DOMAIN);
	assert_int_equal(rule(&limits, (struct sample){ .recipient = "<VIP@Example.com>" }).reason, REASON_EXEMPT_RECIPIENT);
	assert_int_equal(rule(&limits, (struct sample){ .sender = "Alerts@example.org" }).reason, REASON_EXEMPT_SENDER);
	assert_int_equal(rule(&limits, (struct sample){ .sender = "x@ops.example.org" }).kind, DECISION_EXEMPT);
	assert_int_equal(rule(&limits, (struct sample){ .sender = "" }).kind, DECISION_COUNTED);
	sample_make(&(struct sample){ .at = NOW }, &e);
	e.event.login = SPAN_LIT("monitor");
	assert_int_equal(ruling_make(&limits, &e.event).reason, REASON_EXEMPT_LOGIN);
}

static void test_it_counts_against_whom_we_mailed(void **state)
{
	struct limits limits = sample_limits(PRESET_CAREFUL);
	struct sample_event e;

	(void)state;
	/* our MTA's own report: Final-Recipient */
	sample_make(&(struct sample){ .recipient = "final@example.com", .source = SOURCE_MILTER, .proof = PROOF_LOCAL }, &e);
	e.event.is_reported_by_us = true;
	e.outcome.original_recipient = SPAN_LIT("victim@example.com");
	assert_string_equal(ruling_make(&limits, &e.event).address.text, "final@example.com");
	/* a remote's report about where it forwarded to: the one that the token binds */
	sample_make(&(struct sample){ .recipient = "forwarded@example.net", .token_recipient = "User@Example.com",
				      .source = SOURCE_MILTER, .proof = PROOF_TOKEN }, &e);
	e.outcome.original_recipient = SPAN_LIT("victim@example.com");
	assert_string_equal(ruling_make(&limits, &e.event).address.text, "user@example.com");
	/* a domain entry is nobody's address */
	assert_int_equal(rule(&limits, (struct sample){ .recipient = "@example.com" }).reason, REASON_NO_ADDRESS);
	assert_int_equal(rule(&limits, (struct sample){ .recipient = "nobody" }).reason, REASON_NO_ADDRESS);
	/* evidence keeps the extension */
	assert_string_equal(rule(&limits, (struct sample){ .recipient = "user+tag@example.com" }).address.text, "user+tag@example.com");
}

static void test_the_most_specific_section_wins(void **state)
{
	struct limit sections[] = {
		{ .name = "effects", .effects = 1U << EFFECT_COUNT, .after = 3, .within_s = DAY, .for_s = DAY },
		{ .name = "scoped", .effects = 1U << EFFECT_COUNT, .scopes = 1U << SCOPE_DOMAIN, .after = 3, .within_s = DAY, .for_s = DAY },
		{ .name = "classes", .classes = 1ULL << CLASS_EXPIRED, .after = 5, .within_s = DAY, .for_s = DAY },
	};
	struct limits limits = { .items = sections, .count = 3, .enforce = true };
	char why[200] = "";

	(void)state;
	assert_string_equal(limits_find(&limits, CLASS_MAILBOX_FULL, EFFECT_COUNT, SCOPE_RECIPIENT)->name, "effects");
	assert_string_equal(limits_find(&limits, CLASS_REMOTE_ERROR, EFFECT_COUNT, SCOPE_DOMAIN)->name, "scoped");
	assert_string_equal(limits_find(&limits, CLASS_EXPIRED, EFFECT_COUNT, SCOPE_DOMAIN)->name, "classes");
	assert_null(limits_find(&limits, CLASS_USER_UNKNOWN, EFFECT_NOW, SCOPE_RECIPIENT));
	assert_true(limits_check(&limits, why, sizeof(why)));
	sections[1].scopes = 0;
	assert_false(limits_check(&limits, why, sizeof(why)));
	assert_non_null(strstr(why, "effects and suppress scoped are equally specific"));
	sections[1] = (struct limit){ .name = "other", .classes = 1ULL << CLASS_EXPIRED | 1ULL << CLASS_MOVED, .after = 1, .within_s = 1, .for_s = 1 };
	assert_false(limits_check(&limits, why, sizeof(why)));
	sections[1].classes = 1ULL << CLASS_MOVED;
	sections[1].after = 0;
	assert_false(limits_check(&limits, why, sizeof(why)));
}

static void test_every_preset_is_consistent(void **state)
{
	char why[200];

	(void)state;
	for (unsigned preset = 0; preset < PRESET_COUNT; preset++) {
		struct limits limits = sample_limits((enum preset)preset);
		assert_true(limits_check(&limits, why, sizeof(why)));
	}
}

static void test_counts_are_kept_per_section(void **state)
{
	struct limit sections[] = {
		{ .name = "full", .classes = 1ULL << CLASS_MAILBOX_FULL, .after = 3, .within_s = TIME_FOREVER, .for_s = DAY },
		{ .name = "soft", .effects = 1U << EFFECT_COUNT, .after = 3, .within_s = TIME_FOREVER, .for_s = DAY },
	};
	struct world w = world_of(PRESET_STRICT);

	(void)state;
	w.limits.items = sections;
	w.limits.count = 2;
	feel(&w, full);
	feel(&w, full);
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_EXPIRED }).count, 1);
	assert_int_equal(feel(&w, (struct sample){ .class_id = CLASS_REMOTE_ERROR }).count, 2);
	assert_int_equal(feel(&w, full).kind, DECISION_SUPPRESSED);
}

static void test_keys_name_a_message_by_what_is_there(void **state)
{
	struct event_key keys[EVENT_KEYS_MAX];
	struct sample_event e;

	(void)state;
	sample_make(&(struct sample){ .queue_id = "3F2504E04F", .message_id = "a@b", .host = "mx1.example.jp", .token = "v=1; m=xyz",
				      .proof = PROOF_TOKEN, .nonce = "n" }, &e);
	assert_int_equal(event_get_keys(&e.event, false, keys), 3);
	assert_string_equal(keys[0].text, "ft:xyz");
	assert_string_equal(keys[1].text, "fq:mx1/3F2504E04F");
	assert_true(keys[1].valid_s == 7 * DAY);
	assert_string_equal(keys[2].text, "fm:a@b");
	assert_true(keys[2].valid_s == 21 * DAY);
	/* a token that proved nothing names nothing: else a forger could mark a failure as seen */
	e.outcome.proof = PROOF_LOCAL;
	assert_int_equal(event_get_keys(&e.event, false, keys), 2);
	e.outcome.queue_id = e.outcome.message_id = SPAN_NONE;
	assert_int_equal(event_get_keys(&e.event, false, keys), 1);
	assert_string_equal(keys[0].text, "fn:n");
}

static void test_time_is_believed_where_our_mta_wrote_it(void **state)
{
	struct sample_event e;

	(void)state;
	sample_make(&(struct sample){ .at = NOW }, &e);
	e.outcome.time_s = NOW - DAY;
	assert_true(event_get_time(&e.event) == NOW - DAY);
	e.outcome.time_s = NOW + DAY;
	assert_true(event_get_time(&e.event) == NOW);
	e.outcome.time_s = NOW - DAY;
	e.outcome.source = SOURCE_MILTER;
	e.event.is_reported_by_us = false;
	assert_true(event_get_time(&e.event) == NOW);
}

static void note_many(struct surge *surge, const char *group, unsigned count, bool is_now, bool is_success, int64_t time_s)
{
	char recipient[64];

	for (unsigned i = 0; i < count; i++) {
		snprintf(recipient, sizeof(recipient), "u%u@example.com", i);
		surge_note(surge, span_of(group), span_of(recipient), is_now, is_success, time_s);
	}
}

static void test_fifty_distinct_recipients_in_ten_minutes_are_suspect(void **state)
{
	struct surge *surge = surge_new();

	(void)state;
	note_many(surge, "google", 49, true, false, NOW);
	note_many(surge, "google", 49, true, false, NOW + 1);
	assert_false(surge_is_suspect(surge, SPAN_LIT("google"), NOW + 2));
	surge_note(surge, SPAN_LIT("google"), SPAN_LIT("another@example.com"), true, false, NOW + 3);
	assert_true(surge_is_suspect(surge, SPAN_LIT("google"), NOW + 4));
	assert_false(surge_is_suspect(surge, SPAN_LIT("yahoo"), NOW + 4));
	assert_false(surge_is_suspect(surge, SPAN_LIT("google"), NOW + SURGE_WINDOW_S + 3));
	surge_free(surge);
}

static void test_a_surge_is_judged_by_share_or_by_what_is_usual(void **state)
{
	struct surge *surge = surge_new();

	(void)state;
	note_many(surge, "google", 60, true, false, NOW);
	/* nothing to judge by: fifty alone */
	assert_true(surge_is_on(surge, SPAN_LIT("google"), -1, NOW));
	/* as many as ever: a list with dead addresses in it */
	assert_false(surge_is_on(surge, SPAN_LIT("google"), 20, NOW));
	assert_true(surge_is_on(surge, SPAN_LIT("google"), 12, NOW));
	/* 60 of 360 are a sixth; 60 of 260 more than a fifth */
	note_many(surge, "google", 200, false, true, NOW);
	assert_true(surge_is_on(surge, SPAN_LIT("google"), -1, NOW));
	note_many(surge, "google", 100, false, true, NOW);
	assert_false(surge_is_on(surge, SPAN_LIT("google"), -1, NOW));
	surge_free(surge);
}

static void test_surges_of_many_groups_take_no_more_memory(void **state)
{
	struct surge *surge = surge_new();
	char group[32];

	(void)state;
	note_many(surge, "google", 60, true, false, NOW);
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(group, sizeof(group), "g%u.example", i);
		surge_note(surge, span_of(group), SPAN_LIT("a@example.com"), true, false, NOW + 1);
		note_many(surge, "google", 1, true, false, NOW + 1 + i / 100);
	}
	assert_true(surge_is_suspect(surge, SPAN_LIT("google"), NOW + 2));
	surge_free(surge);
}

static void test_domains_that_do_not_exist_are_one_group(void **state)
{
	struct verdict verdict = { .class_id = CLASS_DOMAIN_UNKNOWN, .provider = "" };
	struct address address;

	(void)state;
	assert_int_equal(address_fold(SPAN_LIT("a@example.com"), &address, NULL), 0);
	assert_true(span_is_equal(surge_get_group(&verdict, &address), SPAN_LIT("*")));
	verdict.class_id = CLASS_USER_UNKNOWN;
	assert_true(span_is_equal(surge_get_group(&verdict, &address), SPAN_LIT("example.com")));
	verdict.provider = "google";
	assert_true(span_is_equal(surge_get_group(&verdict, &address), SPAN_LIT("google")));
}

/* --- properties */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static struct sample random_sample(uint64_t *seed, int64_t time_s)
{
	static const enum proof proofs[] = { PROOF_NONE, PROOF_LOCAL, PROOF_LOG, PROOF_SHARED, PROOF_TOKEN };
	struct sample sample = { .at = time_s };

	sample.class_id = (enum class)(next_random(seed) % (CLASS_COUNT - 1) + 1);
	sample.effect = next_random(seed) % 4 ? 0 : (enum effect)(next_random(seed) % EFFECTS);
	sample.action = sample.class_id == CLASS_DELIVERED ? ACTION_DELIVERED : next_random(seed) % 5 ? ACTION_FAILED : ACTION_DELAYED;
	sample.proof = proofs[next_random(seed) % 5];
	sample.basis = (enum basis)(next_random(seed) % (BASIS_COUNT - 1) + 1);
	return sample;
}

static bool is_history_equal(const struct history *a, const struct history *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* No failure of the sender's, the message's or the submission's ever changes what stands about a recipient. */
static void test_property_other_scopes_change_nothing(void **state)
{
	uint64_t seed = 20261121;
	unsigned others = 0, told_to = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct world w = world_of((enum preset)(round % PRESET_COUNT));
		w.limits.is_proof_required = round % 2;
		for (int step = 0; step < 30; step++) {
			struct sample sample = random_sample(&seed, NOW + step * HOUR);
			struct history before = w.history;
			enum scope scope = class_get_info(sample.class_id)->scope;
			feel(&w, sample);
			if (scope != SCOPE_RECIPIENT && scope != SCOPE_DOMAIN && sample.class_id != CLASS_DELIVERED) {
				assert_true(is_history_equal(&before, &w.history));
				others++;
				told_to += sample.effect == EFFECT_NOW && !history_is_clean(&before);
			}
			if (sample.action == ACTION_DELAYED || (w.limits.is_proof_required && sample.proof == PROOF_NONE))
				assert_true(is_history_equal(&before, &w.history));
		}
	}
	/* often enough, also where a rule says "now" and something stood there to be changed */
	assert_true(others > 10000 && told_to > 500);
}

/* Only a success makes a suppression end earlier, whatever comes in whatever order of times. */
static void test_property_time_never_runs_backwards(void **state)
{
	uint64_t seed = 42;
	unsigned late = 0, prolonged = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct world w = world_of((enum preset)(round % PRESET_COUNT));
		for (int step = 0; step < 40; step++) {
			int64_t time_s = NOW + (int64_t)(next_random(&seed) % (100 * DAY));
			struct sample sample = random_sample(&seed, time_s);
			struct history before = w.history;
			struct decision d = feel(&w, sample);
			if (d.reason == REASON_SUCCESS_RESET)
				continue;
			if (history_is_suppressed(&before, time_s)) {
				assert_true(w.history.kind == DECISION_SUPPRESSED && w.history.until_s >= before.until_s);
				late += time_s < before.last_failure_s;
				prolonged += before.until_s != TIME_FOREVER && w.history.until_s > before.until_s;
			}
			if (d.kind == DECISION_SUPPRESSED)
				assert_true(d.until_s > time_s);
		}
	}
	assert_true(late > 1000 && prolonged > 100);
}

/* With everything failing in one section the verdict after n failures is the same in whatever order they are heard. */
static void test_property_order_of_failures_in_a_window_does_not_matter(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 1000; round++) {
		struct world forward = world_of(PRESET_STRICT), shuffled = world_of(PRESET_STRICT);
		int64_t times[3];
		for (size_t i = 0; i < 3; i++)
			times[i] = NOW + (int64_t)(next_random(&seed) % (29 * DAY));
		size_t turn = next_random(&seed) % 3;
		for (size_t i = 0; i < 3; i++) {
			feel(&forward, at(full, times[i]));
			feel(&shuffled, at(full, times[(i * 2 + turn) % 3]));
		}
		assert_int_equal(forward.history.kind, DECISION_SUPPRESSED);
		assert_int_equal(shuffled.history.kind, DECISION_SUPPRESSED);
		assert_int_equal(forward.history.times, shuffled.history.times);
	}
}

/* A delivery that the relay gave back was none: who is suppressed in the end is as if it had never come. */
static void test_property_a_void_success_leaves_no_trace(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct world real = world_of((enum preset)(round % PRESET_COUNT)), without = real;
		struct history before = real.history;
		uint64_t steps = next_random(&seed) % 6, success = next_random(&seed) % (steps + 1);
		bool is_reset = false;
		int64_t time_s = NOW;
		for (uint64_t step = 0; step <= steps; step++) {
			time_s += (int64_t)(next_random(&seed) % (2 * DAY)) + 1;
			if (step == success) {
				before = real.history;
				is_reset = feel(&real, at(sent, time_s)).reason == REASON_SUCCESS_RESET;
				continue;
			}
			struct sample failure = at(next_random(&seed) % 8 ? full : (struct sample){ .class_id = CLASS_USER_UNKNOWN }, time_s);
			feel(&real, failure);
			feel(&without, failure);
		}
		if (is_reset)
			history_take_back(&real.history, &before);
		feel(&real, at(full, time_s + HOUR));
		feel(&without, at(full, time_s + HOUR));
		assert_int_equal(history_is_suppressed(&real.history, time_s + HOUR), history_is_suppressed(&without.history, time_s + HOUR));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_now_and_recipient_is_for_ever),
		cmocka_unit_test(test_now_and_domain_is_for_thirty_days),
		cmocka_unit_test(test_three_within_thirty_days_suppress),
		cmocka_unit_test(test_a_row_longer_than_the_window_begins_anew),
		cmocka_unit_test(test_a_success_resets),
		cmocka_unit_test(test_relayed_expanded_and_not_spam_are_no_success),
		cmocka_unit_test(test_other_scopes_neither_count_nor_break_a_row),
		cmocka_unit_test(test_a_deferral_never_counts),
		cmocka_unit_test(test_a_complaint_suppresses_at_once),
		cmocka_unit_test(test_a_complaint_that_nothing_proves_changes_nothing),
		cmocka_unit_test(test_unproved_changes_nothing_unless_any_is_asked_for),
		cmocka_unit_test(test_shared_proof_never_suppresses_alone),
		cmocka_unit_test(test_after_its_end_one_more_failure_suppresses_twice_as_long),
		cmocka_unit_test(test_a_late_report_does_not_shorten),
		cmocka_unit_test(test_a_failure_from_before_a_success_does_not_count),
		cmocka_unit_test(test_careful_wants_more_than_a_word),
		cmocka_unit_test(test_shanon_counts_three_whenever_they_come),
		cmocka_unit_test(test_dry_run_decides_and_says_so),
		cmocka_unit_test(test_a_surge_holds_and_a_failure_a_day_later_does_not),
		cmocka_unit_test(test_exemptions_and_own_domains),
		cmocka_unit_test(test_it_counts_against_whom_we_mailed),
		cmocka_unit_test(test_the_most_specific_section_wins),
		cmocka_unit_test(test_every_preset_is_consistent),
		cmocka_unit_test(test_counts_are_kept_per_section),
		cmocka_unit_test(test_keys_name_a_message_by_what_is_there),
		cmocka_unit_test(test_time_is_believed_where_our_mta_wrote_it),
		cmocka_unit_test(test_fifty_distinct_recipients_in_ten_minutes_are_suspect),
		cmocka_unit_test(test_a_surge_is_judged_by_share_or_by_what_is_usual),
		cmocka_unit_test(test_surges_of_many_groups_take_no_more_memory),
		cmocka_unit_test(test_domains_that_do_not_exist_are_one_group),
		cmocka_unit_test(test_property_other_scopes_change_nothing),
		cmocka_unit_test(test_property_time_never_runs_backwards),
		cmocka_unit_test(test_property_order_of_failures_in_a_window_does_not_matter),
		cmocka_unit_test(test_property_a_void_success_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
