/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdicts on a small set of rules: what wins, what is safe, who answered (DESIGN section 5). */
#include "rules_fixture.h"

#include "classify/explain.h"

/* The rows of the tables below name what they need; the rest is unknown. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const char rules[] =
	"rule user.unknown { class = user-unknown text = {'\\bno such user\\b', 'user unknown'} }\n"
	"rule user.unknown-here { class = user-unknown text = {'user unknown here'} }\n"
	"rule user.maybe { class = user-unknown suppress = count text = {'mailbox unavailable'} }\n"
	"rule user.moved { class = moved text = {'has moved to .{1,30} now'} }\n"
	"rule mailbox.blocked-user { class = mailbox-disabled text = {'user is blocked for good'} }\n"
	"rule list.blocked { class = blocklisted text = {'on a block ?list'} }\n"
	"rule word.blocked { class = blocklisted word = {'\\bblocked\\b'} }\n"
	"rule word.user { class = user-unknown word = {'\\bwho\\b'} }\n"
	"rule late.filter { class = recipient-refused command = {end-of-data} text = {'user unknown'} priority = -1 }\n"
	"rule rcpt.551 { class = moved reply = {551} text = {'try elsewhere'} }\n"
	"rule plain.551 { class = remote-error text = {'try elsewhere'} }\n"
	"rule tie.a { class = spam text = {'equal text'} }\n"
	"rule tie.b { class = virus text = {'equal text'} }\n"
	"rule tie.c { class = policy text = {'weighty text'} }\n"
	"rule tie.d { class = loop text = {'weighty text'} priority = 5 }\n"
	"rule dashed { class = virus text = {'(?:^|- )infected: \\w+'} }\n"
	"rule last.word { class = loop text = {'\\bcircles?\\W*$'} }\n"
	"rule bounded { class = content-refused text = {'(?<![\\w.])it(?![\\w-])|\\bof\\b'} }\n"
	"rule gone.away { class = moved text = {'gone away'} }\n"
	"rule gone.maybe { class = moved suppress = count text = {'gone for a while'} }\n"
	"rule gone.acme { class = moved provider = acme text = {'gone from acme'} }\n"
	"rule gone.doubted { class = moved instead-of = moved suppress = count status = {'5.7.*'} }\n"
	"rule gone.late { class = recipient-refused instead-of = moved command = {data} }\n"
	"rule gone.late-sure { class = moved instead-of = moved command = {data} status = {'5.1.6'} }\n"
	"rule nothing.said { class = unclassified text = {'delivery failed for some reason'} }\n"
	"rule acme.tag { class = mailbox-full provider = acme tag = {'AC-17', '[full]'} }\n"
	"rule acme.dead { class = mailbox-disabled provider = acme text = {'box shut'} }\n"
	"rule any.dead { class = remote-error text = {'the box shut with a bang'} }\n"
	"rule acme.vague { class = unclassified provider = acme status = {'5.0.99'} }\n"
	"rule acme.hold { class = policy provider = acme status = {'5.7.*'} }\n"
	"rule sent.tag { class = delivered provider = acme tag = {'40000'} }\n"
	"rule status.5-1-1 { class = user-unknown status = {'5.1.1', '4.1.1'} }\n"
	"rule status.5-1 { class = user-unknown suppress = count status = {'x.1.*'} }\n"
	"rule status.5-1-5 { class = unclassified status = {'5.1.5'} }\n"
	"rule status.5-2-2 { class = mailbox-disabled status = {'5.2.2'} }\n"
	"rule status.5-7 { class = policy status = {'x.7.*'} }\n"
	"rule status.5-7-500 { class = reputation status = {'5.7.500-699'} }\n"
	"rule status.5-7-505 { class = tls-required status = {'5.7.505'} }\n"
	"rule status.5-0 { class = unclassified status = {'x.0.*'} }\n"
	"rule status.550-5-5 { class = spam status = {'5.5.*'} reply = {550} }\n"
	"rule status.5-5 { class = protocol-error status = {'5.5.*'} }\n"
	"rule reply.550 { class = user-unknown suppress = count reply = {550} }\n"
	"rule reply.55x { class = policy reply = {'55x'} }\n"
	"rule reply.556 { class = not-accepting reply = {556} }\n"
	"rule reply.557 { class = not-accepting reply = {557} }\n"
	"rule reply.250 { class = delivered reply = {'2xx'} }\n";

struct fixture {
	struct ruleset *ruleset;
	struct scratch *scratch;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.ruleset = load_text(rules);
	fixture.scratch = scratch_new();
	assert_non_null(fixture.scratch);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	scratch_free(fixture->scratch);
	ruleset_free(fixture->ruleset);
	return 0;
}

/* A query and what must come out; what is "" or 0 in the query is unknown. */
struct wanted {
	const char *text, *rule;
	enum class class_id;
	enum effect effect;
	enum basis basis;
	const char *provider;
	uint16_t reply;
	struct status status;
	enum smtp_command command;
	enum action action;
	enum kind kind;
	bool is_generic;
	const char *recipient;
};

static struct verdict run(struct fixture *fixture, const struct wanted *wanted)
{
	struct query query = { .text = span_of(wanted->text), .reply = wanted->reply, .status = wanted->status, .command = wanted->command,
			       .action = wanted->action, .kind = wanted->kind, .is_generic = wanted->is_generic,
			       .provider = span_of(wanted->provider), .recipient = span_of(wanted->recipient) };
	struct verdict verdict;

	classify(fixture->ruleset, fixture->scratch, &query, &verdict);
	return verdict;
}

static void check_table(struct fixture *fixture, const struct wanted *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct verdict verdict = run(fixture, &table[i]);
		if (strcmp(verdict.rule, table[i].rule) != 0 || verdict.class_id != table[i].class_id || verdict.effect != table[i].effect ||
		    verdict.basis != table[i].basis)
			fail_msg("'%s' ends at '%s' %s %s %s, not at '%s' %s %s %s", table[i].text, verdict.rule,
				 class_get_name(verdict.class_id), effect_get_name(verdict.effect), basis_get_name(verdict.basis), table[i].rule,
				 class_get_name(table[i].class_id), effect_get_name(table[i].effect), basis_get_name(table[i].basis));
		assert_int_equal(verdict.scope, class_get_info(verdict.class_id)->scope);
	}
}

#define CHECK(...) \
	do { \
		static const struct wanted table[] = { __VA_ARGS__ }; \
		check_table(*state, table, sizeof(table) / sizeof(*table)); \
	} while (0)

static void test_text_outranks_codes(void **state)
{
	CHECK({ "550 5.1.1 you are on a block list", "list.blocked", CLASS_BLOCKLISTED, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 5.7.1 no such user", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_NOW, BASIS_PHRASE },
	      { "550 5.1.1 that is all", "status.5-1-1", CLASS_USER_UNKNOWN, EFFECT_NOW, BASIS_STATUS },
	      { "552 that is all", "reply.55x", CLASS_POLICY, EFFECT_NEVER, BASIS_REPLY },
	      { "you are blocked", "word.blocked", CLASS_BLOCKLISTED, EFFECT_NEVER, BASIS_WORD },
	      { "552 you are blocked", "reply.55x", CLASS_POLICY, EFFECT_NEVER, BASIS_REPLY },
	      { "something else", "", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_NONE }, { "", "", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_NONE });
}

static void test_longer_match_then_conditions_then_priority_then_id(void **state)
{
	CHECK({ "550 user unknown here", "user.unknown-here", CLASS_USER_UNKNOWN, EFFECT_NOW, BASIS_PHRASE },
	      { "551 try elsewhere", "rcpt.551", CLASS_MOVED, EFFECT_NOW, BASIS_PHRASE },
	      { "550 try elsewhere", "plain.551", CLASS_REMOTE_ERROR, EFFECT_COUNT, BASIS_PHRASE },
	      { "550 weighty text", "tie.d", CLASS_LOOP, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 equal text", "tie.a", CLASS_SPAM, EFFECT_NEVER, BASIS_PHRASE });
}

/* Words begin and end where PCRE2 says, and a match may begin before the literal that led to it. */
static void test_edges_of_words_and_of_the_text(void **state)
{
	CHECK({ "550 reject - infected: x", "dashed", CLASS_VIRUS, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 infected: x", "dashed", CLASS_VIRUS, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 not infected: x", "reply.550", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_REPLY },
	      { "550 in circles", "last.word", CLASS_LOOP, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 circle (\u5b9b\u5148).", "last.word", CLASS_LOOP, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 circles here", "reply.550", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_REPLY },
	      { "550 \u5b9b\u5148it\u5b9b", "bounded", CLASS_CONTENT_REFUSED, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 it", "bounded", CLASS_CONTENT_REFUSED, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 (of)", "bounded", CLASS_CONTENT_REFUSED, EFFECT_NEVER, BASIS_PHRASE },
	      { "550 it-", "reply.550", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_REPLY },
	      { "550 _of_ bits", "reply.550", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_REPLY });
}

static void test_provider_phrases_and_tags_are_for_their_provider(void **state)
{
	CHECK({ "550 box shut", "acme.dead", CLASS_MAILBOX_DISABLED, EFFECT_NOW, BASIS_PHRASE, "acme" },
	      { "550 box shut", "reply.550", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_REPLY },
	      { "550 the box shut with a bang", "acme.dead", CLASS_MAILBOX_DISABLED, EFFECT_NOW, BASIS_PHRASE, "acme" },
	      { "550 the box shut with a bang", "any.dead", CLASS_REMOTE_ERROR, EFFECT_COUNT, BASIS_PHRASE },
	      { "550 no such user (AC-17)", "acme.tag", CLASS_MAILBOX_FULL, EFFECT_COUNT, BASIS_TAG, "acme" },
	      { "550 no such user ac-17", "acme.tag", CLASS_MAILBOX_FULL, EFFECT_COUNT, BASIS_TAG, "ACME" },
	      { "550 no such user [full]", "acme.tag", CLASS_MAILBOX_FULL, EFFECT_COUNT, BASIS_TAG, "acme" },
	      { "550 no such user AC-177", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_NOW, BASIS_PHRASE, "acme" },
	      { "550 no such user xAC-17", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_NOW, BASIS_PHRASE, "acme" },
	      { "550 AC-177 and AC-17", "acme.tag", CLASS_MAILBOX_FULL, EFFECT_COUNT, BASIS_TAG, "acme" },
	      { "550 no such user AC-17", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_NOW, BASIS_PHRASE, "other" },
	      { "550 no such user AC-17", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_NOW, BASIS_PHRASE, "generic" },
	      { "40000", "sent.tag", CLASS_DELIVERED, EFFECT_RESET, BASIS_TAG, "acme" });
}

static void test_the_most_specific_status_decides(void **state)
{
	CHECK({ "x", "status.5-7-505", CLASS_TLS_REQUIRED, EFFECT_NEVER, BASIS_STATUS, NULL, 0, { 5, 7, 505 } },
	      { "x", "status.5-7-500", CLASS_REPUTATION, EFFECT_NEVER, BASIS_STATUS, NULL, 0, { 5, 7, 506 } },
	      { "x", "status.5-7", CLASS_POLICY, EFFECT_NEVER, BASIS_STATUS, NULL, 0, { 5, 7, 700 } },
	      { "x", "acme.hold", CLASS_POLICY, EFFECT_NEVER, BASIS_STATUS, "acme", 0, { 5, 7, 505 } },
	      { "x", "status.5-1", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_STATUS, NULL, 0, { 5, 1, 99 } },
	      { "x", "status.550-5-5", CLASS_SPAM, EFFECT_NEVER, BASIS_STATUS, NULL, 550, { 5, 5, 1 } },
	      { "x", "status.5-5", CLASS_PROTOCOL_ERROR, EFFECT_NEVER, BASIS_STATUS, NULL, 551, { 5, 5, 1 } },
	      { "x", "", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_NONE, NULL, 0, { 5, 9, 1 } },
	      { "x", "", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_NONE, NULL, 0, { 5, 77, 1 } });
}

static void test_what_says_nothing_gives_way(void **state)
{
	CHECK({ "x", "reply.550", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_REPLY, NULL, 550, { 5, 0, 0 } },
	      { "you are blocked", "word.blocked", CLASS_BLOCKLISTED, EFFECT_NEVER, BASIS_WORD, NULL, 0, { 5, 0, 0 } },
	      { "you are blocked", "word.blocked", CLASS_BLOCKLISTED, EFFECT_NEVER, BASIS_WORD, NULL, 550, { 5, 0, 0 } },
	      { "x", "status.5-0", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_STATUS, NULL, 0, { 5, 0, 0 } },
	      { "x", "status.5-1-5", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_STATUS, NULL, 0, { 5, 1, 5 } },
	      { "x", "acme.vague", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_STATUS, "acme", 550, { 5, 0, 99 } },
	      { "550 delivery failed for some reason", "reply.550", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_REPLY },
	      { "550 delivery failed for some reason: equal text", "tie.a", CLASS_SPAM, EFFECT_NEVER, BASIS_PHRASE },
	      { "delivery failed for some reason", "nothing.said", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_PHRASE });
}

static void test_the_command_is_a_condition(void **state)
{
	CHECK({ "550 user unknown", "late.filter", CLASS_RECIPIENT_REFUSED, EFFECT_COUNT, BASIS_PHRASE, NULL, 0, { 0 }, COMMAND_END_OF_DATA },
	      { "host mx.example.com[192.0.2.1] said: 550 user unknown (in reply to end of DATA command)", "late.filter", CLASS_RECIPIENT_REFUSED,
		EFFECT_COUNT, BASIS_PHRASE },
	      { "host mx.example.com[192.0.2.1] said: 550 user unknown (in reply to RCPT TO command)", "user.unknown", CLASS_USER_UNKNOWN,
		EFFECT_NOW, BASIS_PHRASE });
}

static void test_a_rule_speaks_instead_of_a_text(void **state)
{
	CHECK({ "550 gone away", "gone.away", CLASS_MOVED, EFFECT_NOW, BASIS_PHRASE },
	      { "550 5.7.1 gone away", "gone.doubted", CLASS_MOVED, EFFECT_COUNT, BASIS_PHRASE },
	      { "550 gone away", "gone.late", CLASS_RECIPIENT_REFUSED, EFFECT_COUNT, BASIS_PHRASE, NULL, 0, { 0 }, COMMAND_DATA },
	      { "550 5.1.6 gone away", "gone.late-sure", CLASS_MOVED, EFFECT_NOW, BASIS_PHRASE, NULL, 0, { 0 }, COMMAND_DATA },
	      { "550 gone for a while", "gone.maybe", CLASS_MOVED, EFFECT_COUNT, BASIS_PHRASE, NULL, 0, { 0 }, COMMAND_DATA },
	      { "550 5.7.1 gone from acme", "gone.acme", CLASS_MOVED, EFFECT_NOW, BASIS_PHRASE, "acme" },
	      { "550 5.7.1 what is this", "status.5-7", CLASS_POLICY, EFFECT_NEVER, BASIS_STATUS });
}

static void test_temporary_failures_are_never_now(void **state)
{
	CHECK({ "450 no such user", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_PHRASE },
	      { "no such user", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_PHRASE, NULL, 421 },
	      { "no such user", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_PHRASE, NULL, 550, { 4, 1, 1 } },
	      { "450 no such user", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_PHRASE, NULL, 550, { 5, 1, 1 } },
	      { "x", "status.5-1-1", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_STATUS, NULL, 0, { 4, 1, 1 } },
	      { "550 no such user", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_PHRASE, NULL, 0, { 0 }, 0, ACTION_DELAYED });
}

static void test_now_needs_more_than_vague_codes_and_words(void **state)
{
	CHECK({ "x", "status.5-2-2", CLASS_MAILBOX_DISABLED, EFFECT_COUNT, BASIS_STATUS, NULL, 0, { 5, 2, 2 } },
	      { "x", "reply.556", CLASS_NOT_ACCEPTING, EFFECT_NOW, BASIS_REPLY, NULL, 556 },
	      { "x", "reply.557", CLASS_NOT_ACCEPTING, EFFECT_COUNT, BASIS_REPLY, NULL, 557 },
	      { "who", "word.user", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_WORD },
	      { "550 no such user", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_PHRASE, NULL, 0, { 0 }, 0, 0, 0, true });
}

static void test_a_sign_of_another_cause_forbids_now(void **state)
{
	CHECK({ "550 no such user; you are blocked", "user.unknown", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_PHRASE },
	      { "550 5.1.1 you are blocked", "status.5-1-1", CLASS_USER_UNKNOWN, EFFECT_COUNT, BASIS_STATUS },
	      { "550 user is blocked for good", "mailbox.blocked-user", CLASS_MAILBOX_DISABLED, EFFECT_NOW, BASIS_PHRASE },
	      { "550 user is blocked for good, and you are blocked", "mailbox.blocked-user", CLASS_MAILBOX_DISABLED, EFFECT_COUNT, BASIS_PHRASE },
	      { "550 user has moved to another place now; equal text", "user.moved", CLASS_MOVED, EFFECT_COUNT, BASIS_PHRASE });
}

/* One answer to the whole message is reported for each of its recipients. */
static void test_an_answer_for_another_recipient_forbids_now(void **state)
{
	static const struct {
		const char *text;
		enum smtp_command command;
		enum effect effect;
	} answers[] = {
		{ "550 5.1.1 <b@example.com>: no such user", COMMAND_END_OF_DATA, EFFECT_COUNT },
		{ "550 5.1.1 no such user (b@example.com)", COMMAND_DATA, EFFECT_COUNT },
		{ "550 5.1.1 <A@Example.COM>: no such user", COMMAND_END_OF_DATA, EFFECT_NOW },
		{ "550 5.1.1 <b@example.com>, <a@example.com>: no such user", COMMAND_END_OF_DATA, EFFECT_NOW },
		{ "550 5.1.1 no such user, ask postmaster@example.com", COMMAND_END_OF_DATA, EFFECT_NOW },
		{ "550 5.1.1 no such user", COMMAND_END_OF_DATA, EFFECT_NOW },
		/* of RCPT there is one for each: this one forwards */
		{ "550 5.1.1 <b@example.com>: no such user", COMMAND_RCPT, EFFECT_NOW },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		const struct wanted wanted = { .text = answers[i].text, .rule = "user.unknown", .class_id = CLASS_USER_UNKNOWN, .effect = answers[i].effect,
					       .basis = BASIS_PHRASE, .command = answers[i].command, .recipient = "a@example.com" };
		check_table(*state, &wanted, 1);
	}
}

static void test_kind_and_action_decide_first(void **state)
{
	CHECK({ "no such user", "", CLASS_COMPLAINT, EFFECT_NOW, BASIS_NONE, NULL, 0, { 0 }, 0, 0, KIND_ARF },
	      { "no such user", "", CLASS_AUTO_REPLY, EFFECT_NEVER, BASIS_NONE, NULL, 0, { 0 }, 0, 0, KIND_AUTOREPLY },
	      { "x", "", CLASS_DELIVERED, EFFECT_RESET, BASIS_NONE, NULL, 0, { 0 }, 0, ACTION_DELIVERED },
	      { "x", "", CLASS_DELIVERED, EFFECT_NEVER, BASIS_NONE, NULL, 0, { 0 }, 0, ACTION_RELAYED },
	      { "x", "", CLASS_DELIVERED, EFFECT_NEVER, BASIS_NONE, NULL, 0, { 0 }, 0, ACTION_EXPANDED },
	      { "250 ok", "reply.250", CLASS_DELIVERED, EFFECT_RESET, BASIS_REPLY },
	      { "250 ok", "", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_NONE, NULL, 0, { 0 }, 0, ACTION_FAILED },
	      { "40000", "", CLASS_UNCLASSIFIED, EFFECT_NEVER, BASIS_NONE, "acme", 0, { 0 }, 0, ACTION_FAILED });
}

/* Only the recipient's own complaint suppresses; what a system reports of the sender or the mail does not. */
static void test_feedback_is_judged_by_its_type(void **state)
{
	static const struct {
		enum feedback feedback;
		bool is_generic;
		enum class class_id;
		enum effect effect;
		enum bounce bounce;
	} cases[] = {
		{ FEEDBACK_COMPLAINT, false, CLASS_COMPLAINT, EFFECT_NOW, BOUNCE_HARD },
		{ FEEDBACK_COMPLAINT, true, CLASS_COMPLAINT, EFFECT_COUNT, BOUNCE_SOFT },
		{ FEEDBACK_NOT_SPAM, false, CLASS_DELIVERED, EFFECT_NEVER, BOUNCE_NONE },
		{ FEEDBACK_AUTH_FAILURE, false, CLASS_AUTHENTICATION_FAILED, EFFECT_NEVER, BOUNCE_NONE },
		{ FEEDBACK_VIRUS, false, CLASS_VIRUS, EFFECT_NEVER, BOUNCE_NONE },
		{ FEEDBACK_OTHER, false, CLASS_COMPLAINT, EFFECT_COUNT, BOUNCE_SOFT },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct query query = { .kind = KIND_ARF, .feedback = cases[i].feedback, .is_generic = cases[i].is_generic };
		struct verdict verdict;

		classify(fixture->ruleset, fixture->scratch, &query, &verdict);
		assert_int_equal(verdict.class_id, cases[i].class_id);
		assert_int_equal(verdict.effect, cases[i].effect);
		assert_int_equal(verdict.bounce, cases[i].bounce);
		assert_int_equal(verdict.scope, class_get_info(cases[i].class_id)->scope);
	}
}

static void test_our_own_refusal_counts_for_nothing(void **state)
{
	CHECK({ "550 5.1.1 <neko@example.com>: suppressed since 2026-11-21: user-unknown (kodama-suppressed)", "kodama.suppressed",
		CLASS_SUPPRESSED_UPSTREAM, EFFECT_NEVER, BASIS_TAG },
	      { "550 5.1.1 no such user AC-17 (Kodama-Suppressed)", "kodama.suppressed", CLASS_SUPPRESSED_UPSTREAM, EFFECT_NEVER, BASIS_TAG, "acme" });
}

static void test_bounce_and_confidence(void **state)
{
	static const struct {
		struct wanted query;
		enum bounce bounce;
		enum confidence confidence;
	} cases[] = {
		{ { .text = "550 no such user" }, BOUNCE_HARD, CONFIDENCE_RULE },
		{ { .text = "550 mailbox unavailable" }, BOUNCE_SOFT, CONFIDENCE_RULE },
		{ { .text = "550 on a blocklist" }, BOUNCE_NONE, CONFIDENCE_RULE },
		{ { .text = "450 on a blocklist" }, BOUNCE_SOFT, CONFIDENCE_RULE },
		{ { .text = "450 no such user", .action = ACTION_FAILED }, BOUNCE_SOFT, CONFIDENCE_RULE },
		{ { .text = "550 5.1.1 x" }, BOUNCE_HARD, CONFIDENCE_FORM },
		{ { .text = "550 no such user", .is_generic = true }, BOUNCE_SOFT, CONFIDENCE_GENERIC },
		{ { .text = "x", .action = ACTION_DELIVERED }, BOUNCE_NONE, CONFIDENCE_FORM },
		{ { .text = "x", .kind = KIND_AUTOREPLY }, BOUNCE_NONE, CONFIDENCE_FORM },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct verdict verdict = run(*state, &cases[i].query);
		if (verdict.bounce != cases[i].bounce || verdict.confidence != cases[i].confidence)
			fail_msg("case %zu '%s': %s, %s", i, cases[i].query.text, bounce_get_name(verdict.bounce),
				 confidence_get_name(verdict.confidence));
	}
}

static void test_the_provider_is_given_or_found(void **state)
{
	static const struct {
		const char *given, *remote_mta, *text, *recipient, *provider, *source;
	} cases[] = {
		{ "other", "mx.acme.example", "550 x - acmesmtp", "a@acme.test", "other", "given" },
		{ "nobody-knows-it", "mx.acme.example", "x", "", "nobody-knows-it", "given" },
		{ "generic", "mx.acme.example.", "x", "a@other.test", "acme", "remote host" },
		{ "", "MX.ACME.EXAMPLE", "x", "", "acme", "remote host" },
		{ "", "a.deep.acme.example", "x", "", "other", "remote host" },
		{ "", "notacme.example", "x", "", "", "" },
		{ "", "", "host mx1.mail.example.net[192.0.2.1] said: 550 x", "", "acme", "remote host" },
		{ "", "", "550 x - AcmeSMTP", "a@other.test", "acme", "text" },
		{ "", "", "550 x - AcmeSMTP Ltd", "", "other", "text" },
		{ "", "", "550 x", "a@other.test", "other", "recipient domain" },
		{ "", "", "550 x", "\"a@acme.test\"@sub.OTHER.test", "other", "recipient domain" },
		{ "", "", "550 x", "a@another.test", "", "" },
	};
	struct fixture *fixture = *state;
	struct arena *arena = arena_new(1 << 20);

	assert_non_null(arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct query query = { .text = span_of(cases[i].text), .remote_mta = span_of(cases[i].remote_mta),
				       .recipient = span_of(cases[i].recipient), .provider = span_of(cases[i].given) };
		struct explanation explanation;
		assert_int_equal(explain(fixture->ruleset, fixture->scratch, &query, arena, &explanation), 0);
		assert_string_equal(explanation.verdict.provider, cases[i].provider);
		assert_string_equal(explanation.provider_source, cases[i].source);
	}
	arena_free(arena);
}

static void test_explain_says_why_the_others_lost(void **state)
{
	struct fixture *fixture = *state;
	struct query query = { .text = SPAN_LIT("550 5.1.1 User   unknown here; you are blocked") };
	struct arena *arena = arena_new(1 << 20);
	struct explanation explanation;
	size_t word = 0;

	assert_non_null(arena);
	assert_int_equal(explain(fixture->ruleset, fixture->scratch, &query, arena, &explanation), 0);
	assert_int_equal(explanation.reply.code, 550);
	assert_true(span_is_equal(explanation.folded, SPAN_LIT("user unknown here; you are blocked")));
	assert_string_equal(explanation.candidates[0].rule, "user.unknown-here");
	assert_string_equal(explanation.candidates[0].lost, "");
	assert_int_equal(explanation.candidates[0].from, 0);
	assert_int_equal(explanation.candidates[0].to, 17);
	assert_string_equal(explanation.candidates[1].rule, "user.unknown");
	assert_string_equal(explanation.candidates[1].lost, "a shorter match");
	for (size_t i = 1; i < explanation.candidate_count; i++) {
		assert_string_not_equal(explanation.candidates[i].lost, "");
		word += explanation.candidates[i].basis == BASIS_WORD;
	}
	assert_int_equal(word, 1);
	assert_string_equal(explanation.safety, "the text also speaks of the sender, the message or the submission");
	assert_true(explanation.verdict.is_capped);
	arena_free(arena);
}

static void test_text_beyond_the_bound_is_not_seen_and_forbids_now(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 1 << 20;
	char *text = malloc(size);
	struct query query = { .text = span_make(text, size), .reply = 550 };
	struct verdict verdict;

	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = "no such user \0\x80\xff\xe3\x81"[i % 18];
	classify(fixture->ruleset, fixture->scratch, &query, &verdict);
	assert_string_equal(verdict.rule, "user.unknown");
	assert_int_equal(verdict.effect, EFFECT_COUNT);
	free(text);
}

static void test_action_of_a_query(void **state)
{
	(void)state;
	assert_int_equal(query_get_action(&(struct query){ .reply = 250 }), ACTION_DELIVERED);
	assert_int_equal(query_get_action(&(struct query){ .reply = 450, .status = { 5, 1, 1 } }), ACTION_DELAYED);
	assert_int_equal(query_get_action(&(struct query){ .status = { 5, 1, 1 } }), ACTION_FAILED);
	assert_int_equal(query_get_action(&(struct query){ .reply = 250, .action = ACTION_FAILED }), ACTION_FAILED);
	assert_int_equal(query_get_action(&(struct query){ .reply = 0 }), ACTION_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_outranks_codes),
		cmocka_unit_test(test_longer_match_then_conditions_then_priority_then_id),
		cmocka_unit_test(test_edges_of_words_and_of_the_text),
		cmocka_unit_test(test_provider_phrases_and_tags_are_for_their_provider),
		cmocka_unit_test(test_the_most_specific_status_decides),
		cmocka_unit_test(test_what_says_nothing_gives_way),
		cmocka_unit_test(test_the_command_is_a_condition),
		cmocka_unit_test(test_a_rule_speaks_instead_of_a_text),
		cmocka_unit_test(test_temporary_failures_are_never_now),
		cmocka_unit_test(test_now_needs_more_than_vague_codes_and_words),
		cmocka_unit_test(test_a_sign_of_another_cause_forbids_now),
		cmocka_unit_test(test_an_answer_for_another_recipient_forbids_now),
		cmocka_unit_test(test_kind_and_action_decide_first),
		cmocka_unit_test(test_feedback_is_judged_by_its_type),
		cmocka_unit_test(test_our_own_refusal_counts_for_nothing),
		cmocka_unit_test(test_bounce_and_confidence),
		cmocka_unit_test(test_the_provider_is_given_or_found),
		cmocka_unit_test(test_explain_says_why_the_others_lost),
		cmocka_unit_test(test_text_beyond_the_bound_is_not_seen_and_forbids_now),
		cmocka_unit_test(test_action_of_a_query),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
