/* SPDX-License-Identifier: BSD-2-Clause */
/* The milter front without libmilter: which sessions are whose, who is refused, and what passes as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "intake/policy.h"
#include "intake/session.h"

#define GONE "gone@example.com"

struct world {
	struct snapshot *snapshot; /* the one in force, to be changed before a session begins */
	struct intake intake;
	struct session_pool *pool;
	struct session *session;
	/* macros */
	bool is_postfix;
	const char *queue_id, *login;
};

static const char *get_macro(void *data, const char *name)
{
	const struct world *world = data;
	const struct { const char *name, *value; } macros[] = {
		{ "j", "mx.example.jp" }, { "v", world->is_postfix ? "Postfix 3.7.11" : "8.17.1" }, { "i", world->queue_id }, { "{auth_authen}", world->login },
	};

	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++)
		if (strcmp(name, macros[i].name) == 0)
			return macros[i].value;
	return NULL;
}

static int setup(void **state)
{
	static struct network trusted = { .bytes = { [10] = 0xff, [11] = 0xff, [12] = 127 }, .bits = 104 };
	static struct world world;
	struct suppression row = { .address = SPAN_LIT(GONE), .stream = SPAN_LIT(""), .origin = ORIGIN_MANUAL, .kind = DECISION_SUPPRESSED,
				   .class_id = CLASS_USER_UNKNOWN, .since_s = 1795132800, .until_s = TIME_FOREVER };

	world = (struct world){ .snapshot = snapshot_new() };
	assert_non_null(world.snapshot);
	world.snapshot->host = "";
	world.snapshot->extension_delimiters = "+";
	world.snapshot->limits.enforce = world.snapshot->limits.is_proof_required = true;
	world.snapshot->trusted_networks = (struct networks){ &trusted, 1 };
	world.intake.current = current_new(world.snapshot);
	world.intake.index = index_new();
	assert_int_equal(index_set(world.intake.index, &row), 0);
	world.pool = session_pool_new(&world.intake, true);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	session_free(world->session);
	session_pool_free(world->pool);
	index_free(world->intake.index);
	current_free(world->intake.current);
	return 0;
}

static void begin(struct world *world, const char *client, uint16_t port, bool is_postfix)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	session_free(world->session);
	world->is_postfix = is_postfix;
	world->session = session_new(world->pool, (struct session_macros){ get_macro, world });
	assert_non_null(world->session);
	if (client)
		assert_int_equal(inet_pton(AF_INET, client, &address.sin_addr), 1);
	session_connect(world->session, client ? (struct sockaddr *)&address : NULL);
}

static enum session_reply mail(struct world *world, const char *sender, bool has_queue_id, const char *login)
{
	world->queue_id = has_queue_id ? "4jX3rL40xpz1cMcR" : NULL;
	world->login = login;
	return session_mail(world->session, sender);
}

/* The rest of a plain mail with these header fields; the edits are in *ret_edits. */
static enum session_reply finish(struct world *world, const char *const *fields, const struct edits **ret_edits)
{
	static const struct edits none;
	enum session_reply reply;

	*ret_edits = &none;
	session_header(world->session, "Subject", "hello");
	for (; fields && *fields; fields += 2)
		session_header(world->session, fields[0], fields[1]);
	reply = session_end_headers(world->session);
	if (reply == SESSION_ACCEPT)
		return reply;
	assert_int_equal(session_body(world->session, SPAN_LIT("hello\r\n")), SESSION_SKIP);
	return session_end(world->session, ret_edits);
}

/* Who waits for a word on each recipient: smtpd does, cleanup does not. */
static void test_whose_session(void **state)
{
	static const struct {
		const char *client;
		uint16_t port;
		bool is_postfix;
		const char *sender;
		bool has_queue_id;
		enum session_reply reply;
	} rows[] = {
		{ "192.0.2.1", 41234, true, "<a@example.jp>", false, SESSION_REJECT },
		{ "192.0.2.1", 41234, true, "a@example.jp", false, SESSION_REJECT },   /* a client without brackets */
		{ "192.0.2.1", 41234, false, "<a@example.jp>", true, SESSION_REJECT }, /* Sendmail knows the queue id at once */
		{ "192.0.2.1", 41234, false, "a@example.jp", true, SESSION_REJECT },
		{ "127.0.0.1", 0, true, "<a@example.jp>", false, SESSION_REJECT },     /* sendmail -bs */
		{ NULL, 0, true, "<a@example.jp>", false, SESSION_REJECT },	       /* a client of unknown address */
		{ "127.0.0.1", 0, true, "a@example.jp", true, SESSION_CONTINUE },      /* sendmail(1) */
		{ "127.0.0.1", 0, true, "<a@example.jp", true, SESSION_CONTINUE },     /* the same, with an odd sender */
		{ "192.0.2.1", 628, true, "a@example.jp", true, SESSION_CONTINUE },    /* QMQP */
		{ "127.0.0.1", 0, true, "", true, SESSION_CONTINUE },		       /* a bounce */
		{ "192.0.2.1", 41234, true, "<>", false, SESSION_CONTINUE },
		{ "192.0.2.1", 41234, true, "<Double-Bounce@mx.example.jp>", false, SESSION_CONTINUE },
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(world, rows[i].client, rows[i].port, rows[i].is_postfix);
		assert_int_equal(mail(world, rows[i].sender, rows[i].has_queue_id, NULL), SESSION_CONTINUE);
		if (session_rcpt(world->session, "<" GONE ">") != rows[i].reply)
			fail_msg("row %zu", i);
		assert_int_equal(session_rcpt(world->session, "<here@example.com>"), SESSION_CONTINUE);
	}
}

static void test_refusal(void **state)
{
	struct world *world = *state;
	struct session_answer answer;

	begin(world, "192.0.2.1", 41234, true);
	assert_int_equal(mail(world, "<a@example.jp>", false, NULL), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(world->session, "<Gone+x@Example.COM>"), SESSION_REJECT);
	answer = session_get_answer(world->session);
	assert_string_equal(answer.code, "550");
	assert_string_equal(answer.status, "5.1.1");
	assert_string_equal(answer.text, "<gone+x@example.com>: suppressed since 2026-11-20: user-unknown (kodama-suppressed)");
}

static void test_tempfail_and_dry_run(void **state)
{
	struct world *world = *state;

	world->snapshot->milter_reaction = REACTION_TEMPFAIL;
	begin(world, "192.0.2.1", 41234, true);
	assert_int_equal(mail(world, "<a@example.jp>", false, NULL), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(world->session, GONE), SESSION_TEMPFAIL);
	assert_string_equal(session_get_answer(world->session).code, "450");
	world->snapshot->limits.enforce = false;
	assert_int_equal(session_rcpt(world->session, GONE), SESSION_CONTINUE);
}

static void test_exempt_sender(void **state)
{
	static const char *const senders[] = { "@news.example.jp", NULL };
	static const char *const logins[] = { "boss", NULL };
	struct world *world = *state;

	world->snapshot->limits.exempt_senders = senders;
	world->snapshot->limits.exempt_logins = logins;
	begin(world, "192.0.2.1", 41234, true);
	assert_int_equal(mail(world, "<Letter@News.example.jp>", false, NULL), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(world->session, GONE), SESSION_CONTINUE);
	assert_int_equal(mail(world, "<a@example.jp>", false, "boss"), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(world->session, GONE), SESSION_CONTINUE);
	assert_int_equal(mail(world, "<a@example.jp>", false, "clerk"), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(world->session, GONE), SESSION_REJECT);
}

static void test_sendmail_loses_the_recipient(void **state)
{
	struct world *world = *state;
	const struct edits *edits;

	begin(world, "127.0.0.1", 0, true);
	mail(world, "a@example.jp", true, NULL);
	session_rcpt(world->session, GONE);
	session_rcpt(world->session, "here@example.com");
	assert_int_equal(finish(world, NULL, &edits), SESSION_CONTINUE);
	assert_int_equal(edits->count, 1);
	assert_int_equal(edits->first->kind, EDIT_REMOVE_RECIPIENT);
	assert_string_equal(edits->first->name, GONE);
	/* nobody is left: the whole mail goes back to its sender */
	mail(world, "a@example.jp", true, NULL);
	session_rcpt(world->session, GONE);
	assert_int_equal(finish(world, NULL, &edits), SESSION_REJECT);
	assert_int_equal(edits->count, 0);
	assert_string_equal(session_get_answer(world->session).code, "550");
}

static void test_plain_mail_ends_at_its_header(void **state)
{
	struct world *world = *state;
	const struct edits *edits;

	begin(world, "192.0.2.1", 41234, true);
	mail(world, "<a@example.org>", false, NULL);
	session_rcpt(world->session, "<here@example.jp>");
	assert_int_equal(finish(world, NULL, &edits), SESSION_ACCEPT);
}

/* From outside all of ours are lies, whatever their case; from our own networks they stay. */
static void test_forged_fields(void **state)
{
	static const char *const fields[] = { "X-Bounce-Result", "mx.example.jp; decision=suppressed", "x-BOUNCE-result ", "\n folded", "X-Kodama-Token",
					      "v=1", "X-Bounce-Results", "not ours", NULL };
	static const struct { const char *name; unsigned index; } wanted[] = { { "X-Bounce-Result", 2 }, { "X-Bounce-Result", 1 }, { "X-Kodama-Token", 1 } };
	struct world *world = *state;
	const struct edits *edits;
	const struct edit *edit;

	begin(world, "192.0.2.1", 41234, true);
	mail(world, "<a@example.org>", false, NULL);
	assert_int_equal(finish(world, fields, &edits), SESSION_CONTINUE);
	assert_int_equal(edits->count, 3);
	edit = edits->first;
	for (size_t i = 0; i < 3; i++, edit = edit->next) {
		assert_int_equal(edit->kind, EDIT_REMOVE_HEADER);
		assert_string_equal(edit->name, wanted[i].name);
		assert_int_equal(edit->index, wanted[i].index);
	}
	/* the next message of the session begins with nothing */
	mail(world, "<a@example.org>", false, NULL);
	assert_int_equal(finish(world, NULL, &edits), SESSION_ACCEPT);
	begin(world, "127.0.0.1", 41234, true);
	mail(world, "<a@example.org>", false, NULL);
	assert_int_equal(finish(world, fields, &edits), SESSION_ACCEPT);
}

/* A flood of them costs the MTA and our memory nothing: what nobody would take out is not let in. */
static void test_flood_of_forged_fields(void **state)
{
	static const unsigned counts[] = { 1000, 1001, 100000 };
	struct world *world = *state;
	const struct edits *edits;

	begin(world, "192.0.2.1", 41234, true);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		mail(world, "<a@example.org>", false, NULL);
		for (unsigned n = 0; n < counts[i]; n++)
			session_header(world->session, n % 2 ? "X-Bounce-Result" : "X-Kodama-Token", "x");
		bool is_flood = counts[i] > 1000;
		assert_int_equal(finish(world, NULL, &edits), is_flood ? SESSION_REJECT : SESSION_CONTINUE);
		assert_int_equal(edits->count, is_flood ? 0 : counts[i]);
		if (is_flood)
			assert_string_equal(session_get_answer(world->session).code, "550");
	}
}

/* Calls that come out of order, or after an abort, do nothing and kill nobody. */
static size_t count_removals(const struct edits *edits)
{
	size_t count = 0;

	for (const struct edit *edit = edits->first; edit; edit = edit->next)
		count += edit->kind == EDIT_REMOVE_HEADER;
	return count;
}

/* However much header an outsider sends, our names in it do not get through: what he fills is not what they are taken out with. */
static void test_forged_fields_in_an_endless_header(void **state)
{
	static const char *const forged[] = { "X-Bounce-Result", "mx.example.jp; proof=token", "X-Kodama-Token", "v=1", NULL };
	enum { LONGEST = 64 * 1024 };
	struct world *world = *state;
	const struct edits *edits;
	char *value = calloc(1, LONGEST + 1);

	assert_non_null(value);
	begin(world, "192.0.2.1", 41234, true);
	assert_int_equal(mail(world, "<a@example.net>", false, NULL), SESSION_CONTINUE);
	assert_int_equal(session_rcpt(world->session, "<here@example.com>"), SESSION_CONTINUE);
	memset(value, 'x', LONGEST);
	/* ever shorter ones, until not even an empty one has room */
	for (size_t len = LONGEST; len > 0; len /= 2) {
		value[len] = '\0';
		for (unsigned i = 0; i < (len == LONGEST ? 200 : 20); i++)
			session_header(world->session, "X-A", value);
	}
	for (unsigned i = 0; i < 20; i++)
		session_header(world->session, "X", "");
	assert_int_equal(finish(world, forged, &edits), SESSION_CONTINUE);
	assert_int_equal(count_removals(edits), 2);
	free(value);
}

static void test_out_of_order(void **state)
{
	struct world *world = *state;
	const struct edits *edits;

	begin(world, "192.0.2.1", 41234, true);
	assert_int_equal(session_rcpt(world->session, GONE), SESSION_CONTINUE);
	session_header(world->session, "X-Bounce-Result", "x");
	assert_int_equal(session_end_headers(world->session), SESSION_ACCEPT);
	assert_int_equal(session_body(world->session, SPAN_LIT("x")), SESSION_SKIP);
	assert_int_equal(session_end(world->session, &edits), SESSION_ACCEPT);
	assert_int_equal(edits->count, 0);
	session_abort(world->session);
	mail(world, "<a@example.org>", false, NULL);
	session_header(world->session, "X-Bounce-Result", "x");
	session_abort(world->session);
	session_abort(world->session);
	mail(world, "<a@example.org>", false, NULL);
	assert_int_equal(finish(world, NULL, &edits), SESSION_ACCEPT);
}

/* --- the policy service on the same world */

static void ask(struct policy *policy, const char *input, ssize_t taken, const char *answer)
{
	struct buffer output;

	buffer_init(&output, 1 << 16);
	assert_int_equal(policy_take(policy, span_of(input), &output), taken);
	assert_string_equal(buffer_get_text(&output), answer);
	buffer_done(&output);
}

#define HEAD "request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@example.jp\n"
#define REFUSAL "action=550 5.1.1 <gone@example.com>: suppressed since 2026-11-20: user-unknown (kodama-suppressed)\n\n"

static void test_policy(void **state)
{
	struct world *world = *state;
	struct policy *policy = policy_new(&world->intake);

	assert_non_null(policy);
	ask(policy, HEAD "recipient=" GONE "\n\n", (ssize_t)strlen(HEAD "recipient=" GONE "\n\n"), REFUSAL);
	ask(policy, HEAD "recipient=here@example.com\n\n" HEAD "recipient=" GONE "\n\n" HEAD "recip",
	    (ssize_t)strlen(HEAD "recipient=here@example.com\n\n" HEAD "recipient=" GONE "\n\n"), "action=DUNNO\n\n" REFUSAL);
	ask(policy, HEAD "recipient=" GONE "\n", 0, "");
	ask(policy, "request=smtpd_access_policy\nprotocol_state=RCPT\nsender=\nrecipient=" GONE "\n\n",
	    (ssize_t)strlen("request=smtpd_access_policy\nprotocol_state=RCPT\nsender=\nrecipient=" GONE "\n\n"), "action=DUNNO\n\n");
	ask(policy, "GET / HTTP/1.1\r\n\r\n", -EINVAL, "");
	/* a reload that is in force from the next request on */
	struct snapshot *next = snapshot_new();
	next->extension_delimiters = "";
	next->host = "";
	current_set(world->intake.current, next);
	ask(policy, HEAD "recipient=" GONE "\n\n", (ssize_t)strlen(HEAD "recipient=" GONE "\n\n"), "action=DUNNO\n\n");
	policy_free(policy);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whose_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tempfail_and_dry_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exempt_sender, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sendmail_loses_the_recipient, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_mail_ends_at_its_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood_of_forged_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged_fields_in_an_endless_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policy, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
