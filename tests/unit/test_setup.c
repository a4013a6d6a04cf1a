/* SPDX-License-Identifier: BSD-2-Clause */
/* What `kodama setup postfix` would change, and what it minds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "cli/setup_list.h"
#include "cli/setup_plan.h"

static const struct setup_wish wish = { .milter = "unix:/var/spool/postfix/kodama/milter.sock", .policy = "unix:/var/spool/postfix/kodama/policy.sock", .log = "/var/log/mail.log" };

#define QUEUE "queue_directory = /var/spool/postfix\nmail_version = 3.7.11\n"
#define MILTER "{ unix:kodama/milter.sock, connect_timeout=2s, command_timeout=2s, content_timeout=4s, default_action=accept }"
#define POLICY "check_policy_service { unix:kodama/policy.sock, timeout=2s, default_action=DUNNO, try_limit=1 }"
#define DONE                                                                                                                                  \
	QUEUE "smtpd_milters = " MILTER "\nnon_smtpd_milters = $smtpd_milters\ninternal_mail_filter_classes = bounce\n"                       \
	      "smtpd_recipient_restrictions = " POLICY "\nenable_long_queue_ids = yes\n"

static struct setup_plan plan_add(struct arena *arena, const char *text, const struct setup_wish *wanted)
{
	struct settings settings = { span_of(text) };
	struct setup_plan plan = { .arena = arena };

	setup_plan_add(&plan, &settings, wanted);
	return plan;
}

static void assert_edit(const struct setup_plan *plan, const char *name, const char *value)
{
	for (size_t i = 0; i < plan->edit_count; i++)
		if (strcmp(plan->edits[i].name, name) == 0) {
			assert_non_null(value);
			assert_int_equal(plan->edits[i].value.len, strlen(value));
			assert_memory_equal(plan->edits[i].value.ptr, value, strlen(value));
			return;
		}
	if (value)
		fail_msg("no change of %s", name);
}

static bool is_minded(const struct setup_plan *plan, const char *text)
{
	for (size_t i = 0; i < plan->warning_count; i++)
		if (span_find(plan->warnings[i], span_of(text), 0) != SIZE_MAX)
			return true;
	return false;
}

static void test_lists(void **state)
{
	static const char *const ours[] = { "unix:b", NULL };
	static const struct {
		const char *list, *rest;
		bool with_keyword;
		size_t count;
	} cases[] = {
		{ "", "", false, 0 },
		{ "unix:b", "", false, 1 },
		{ "unix:a unix:b", "unix:a", false, 1 },
		{ "unix:a, { unix:b, x=1 } , unix:c", "unix:a, unix:c", false, 1 },
		{ "{ unix:b }{x}", "", false, 1 },
		{ "unix:bb, unix:a", "unix:bb, unix:a", false, 0 },
		{ "permit_a, check_policy_service { unix:b, timeout=2s }, reject", "permit_a, reject", true, 1 },
		{ "check_policy_service unix:b", "", true, 1 },
		{ "permit_a check_policy_service unix:c", "permit_a check_policy_service unix:c", true, 0 },
		{ "check_policy_service unix:b,permit_a check_policy_service unix:b", "permit_a", true, 2 },
		{ "{ unix:b", "", false, 1 },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t count;
		struct span rest = list_without(arena, span_of(cases[i].list), ours, 2, cases[i].with_keyword, &count);
		if (count != cases[i].count || !span_is_equal(rest, span_of(cases[i].rest)))
			fail_msg("%s: %.*s (%zu)", cases[i].list, SPAN_ARG(rest), count);
	}
	arena_free(arena);
}

static void test_an_empty_configuration_gets_every_line(void **state)
{
	struct arena *arena = arena_new(0);
	struct setup_plan plan = plan_add(arena, QUEUE, &wish);

	(void)state;
	assert_int_equal(plan.edit_count, 5);
	assert_edit(&plan, "smtpd_milters", MILTER);
	assert_edit(&plan, "non_smtpd_milters", "$smtpd_milters");
	assert_edit(&plan, "internal_mail_filter_classes", "bounce");
	assert_edit(&plan, "smtpd_recipient_restrictions", POLICY);
	assert_edit(&plan, "enable_long_queue_ids", "yes");
	assert_int_equal(plan.warning_count, 0);
	arena_free(arena);
}

static void test_a_second_time_nothing_changes(void **state)
{
	struct arena *arena = arena_new(0);

	(void)state;
	assert_int_equal(plan_add(arena, DONE, &wish).edit_count, 0);
	arena_free(arena);
}

static void test_what_is_there_stays(void **state)
{
	struct arena *arena = arena_new(0);
	struct setup_plan plan = plan_add(arena,
					  QUEUE "smtpd_milters = inet:localhost:8891\nnon_smtpd_milters = inet:localhost:8891\n"
						"internal_mail_filter_classes = notify\nsmtpd_recipient_restrictions = permit_mynetworks, reject\n",
					  &wish);

	(void)state;
	assert_edit(&plan, "smtpd_milters", "inet:localhost:8891, " MILTER);
	assert_edit(&plan, "non_smtpd_milters", "inet:localhost:8891, " MILTER);
	assert_edit(&plan, "internal_mail_filter_classes", "notify, bounce");
	assert_edit(&plan, "smtpd_recipient_restrictions", POLICY ", permit_mynetworks, reject");
	arena_free(arena);
}

static void test_a_policy_check_behind_permit_comes_to_the_front(void **state)
{
	struct arena *arena = arena_new(0);
	struct setup_plan plan = plan_add(
		arena, QUEUE "smtpd_recipient_restrictions = permit_mynetworks, check_policy_service unix:/var/spool/postfix/kodama/policy.sock, reject\n",
		&wish);

	(void)state;
	assert_edit(&plan, "smtpd_recipient_restrictions", POLICY ", permit_mynetworks, reject");
	arena_free(arena);
}

static void test_a_milter_without_our_settings_gets_them(void **state)
{
	struct arena *arena = arena_new(0);
	struct setup_plan plan = plan_add(arena, QUEUE "smtpd_milters = unix:kodama/milter.sock inet:x:1\n", &wish);

	(void)state;
	assert_edit(&plan, "smtpd_milters", "inet:x:1, " MILTER);
	arena_free(arena);
}

static void test_inet_sockets_are_written_as_postfix_wants_them(void **state)
{
	static const struct setup_wish inet = { .milter = "inet:8741@127.0.0.1", .policy = "inet:8742@::1" };
	struct arena *arena = arena_new(0);
	struct setup_plan plan = plan_add(arena, QUEUE, &inet);

	(void)state;
	assert_edit(&plan, "smtpd_milters", "{ inet:127.0.0.1:8741, connect_timeout=2s, command_timeout=2s, content_timeout=4s, default_action=accept }");
	assert_edit(&plan, "smtpd_recipient_restrictions", "check_policy_service { inet:[::1]:8742, timeout=2s, default_action=DUNNO, try_limit=1 }");
	arena_free(arena);
}

static void test_maps_are_only_added_when_they_are_wanted(void **state)
{
	struct setup_wish maps = wish;
	struct arena *arena = arena_new(0);

	(void)state;
	maps.status_map = maps.recipient_map = maps.transport_map = "unix:/var/spool/postfix/kodama/map.sock";
	struct setup_plan plan = plan_add(arena, QUEUE "transport_maps = hash:/etc/postfix/transport\n", &maps);
	assert_edit(&plan, "default_delivery_status_filter", "socketmap:unix:kodama/map.sock:status");
	assert_edit(&plan, "transport_maps", "socketmap:unix:kodama/map.sock:transport, hash:/etc/postfix/transport");
	assert_edit(&plan, "smtpd_recipient_restrictions", "check_recipient_access socketmap:unix:kodama/map.sock:recipient, " POLICY);
	plan = plan_add(arena, QUEUE "default_delivery_status_filter = pcre:/x\n", &maps);
	assert_edit(&plan, "default_delivery_status_filter", NULL);
	assert_true(is_minded(&plan, "default_delivery_status_filter is pcre:/x already"));
	arena_free(arena);
}

static void test_what_would_defeat_us_is_told(void **state)
{
	static const struct {
		const char *settings, *minded;
	} cases[] = {
		{ "header_checks = regexp:/x\n", "header_checks = regexp:/x will be applied to Postfix's own bounces" },
		{ "content_filter = smtp:[127.0.0.1]:10025\n", "content_filter = " },
		{ "smtpd_milters = inet:a:1\nmilter_default_action = tempfail\n", "The milter inet:a:1 will see" },
		{ "soft_bounce = yes\n", "soft_bounce" },
		{ "maillog_file = /var/log/postfix.log\n", "Postfix writes its log to /var/log/postfix.log (maillog_file), and kodamad reads /var/log/mail.log" },
		{ "multi_instance_directories = /etc/postfix-out\n", "/etc/postfix-out" },
		{ "submission/inet/smtpd_recipient_restrictions = permit_sasl_authenticated,reject\nsubmission/inet/command = smtpd -o x=y\n",
		  "postconf -P 'submission/inet/smtpd_recipient_restrictions=check_policy_service,{unix:kodama/policy.sock,timeout=2s,"
		  "default_action=DUNNO,try_limit=1},permit_sasl_authenticated,reject'" },
		{ "submission/inet/smtpd_milters =\nsubmission/inet/command = smtpd\n", "its mail passes without Kodama" },
		{ "127.0.0.1:10026/inet/content_filter =\n127.0.0.1:10026/inet/command = smtpd -o content_filter=\n",
		  "postconf -P '127.0.0.1:10026/inet/smtpd_milters='" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct setup_plan plan = plan_add(arena, arena_printf(arena, QUEUE "%s", cases[i].settings).ptr, &wish);
		if (!is_minded(&plan, cases[i].minded))
			fail_msg("not minded: %s", cases[i].settings);
	}
	arena_free(arena);
}

static void test_a_front_that_postfix_s_protocols_do_not_reach_is_told(void **state)
{
	static const struct {
		const char *protocols, *milter;
		bool is_told;
	} cases[] = {
		{ "ipv6", "inet:8741@127.0.0.1", true },   { "ipv4", "inet:8741@::1", true },          { "all", "inet:8741@127.0.0.1", false },
		{ "ipv6", "inet:8741@::1", false },        { "ipv4", "inet:8741@127.0.0.1", false },   { "ipv6, ipv4", "inet:8741@127.0.0.1", false },
		{ "ipv6", "inet:8741@localhost", false },  { "ipv6", "unix:/var/spool/postfix/kodama/milter.sock", false },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct setup_wish listening = { .milter = cases[i].milter };
		struct setup_plan plan = plan_add(arena, arena_printf(arena, QUEUE "inet_protocols = %s\n", cases[i].protocols).ptr, &listening);
		assert_int_equal(is_minded(&plan, "Postfix will not reach inet:8741@"), cases[i].is_told);
	}
	arena_free(arena);
}

static void test_what_does_not_matter_is_not_told(void **state)
{
	static const char *const cases[] = {
		"internal_mail_filter_classes = bounce\nheader_checks = regexp:/x\n",
		"mime_header_checks = $header_checks\n",
		"maillog_file = /var/log/mail.log\n",
		"smtpd_milters = { inet:a:1, default_action=accept }\nmilter_default_action = tempfail\n",
		"smtpd_milters = inet:a:1\nmilter_default_action = accept\n",
		"127.0.0.1:10026/inet/content_filter =\n127.0.0.1:10026/inet/smtpd_milters =\n127.0.0.1:10026/inet/command = smtpd\n",
		"10026/inet/content_filter =\n10026/inet/receive_override_options = no_milters,no_address_mappings\n10026/inet/command = smtpd\n",
		"smtp/inet/chroot = y\nsmtp/inet/command = smtpd\ncleanup/unix/chroot = y\ncleanup/unix/command = cleanup\n",
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct setup_plan plan = plan_add(arena, arena_printf(arena, QUEUE "%s", cases[i]).ptr, &wish);
		if (plan.warning_count)
			fail_msg("%s: %.*s", cases[i], SPAN_ARG(plan.warnings[0]));
	}
	arena_free(arena);
}

static void test_a_socket_that_a_chroot_hides_is_told(void **state)
{
	static const struct setup_wish outside = { .milter = "unix:/run/kodama/milter.sock", .policy = "unix:/run/kodama/policy.sock" };
	struct arena *arena = arena_new(0);

	(void)state;
	struct setup_plan plan = plan_add(arena, QUEUE "smtp/inet/chroot = y\nsmtp/inet/command = smtpd\n", &outside);
	assert_edit(&plan, "smtpd_milters", "{ unix:/run/kodama/milter.sock, connect_timeout=2s, command_timeout=2s, content_timeout=4s, default_action=accept }");
	assert_true(is_minded(&plan, "smtp/inet runs chrooted in /var/spool/postfix and cannot reach unix:/run/kodama/milter.sock"));
	assert_true(is_minded(&plan, "unix:/run/kodama/policy.sock"));
	/* "-" is yes for an old compatibility level only */
	plan = plan_add(arena, QUEUE "compatibility_level = 0\nsmtp/inet/chroot = -\nsmtp/inet/command = smtpd\n", &outside);
	assert_int_equal(plan.warning_count, 2);
	plan = plan_add(arena, QUEUE "compatibility_level = 3.6\nsmtp/inet/chroot = -\nsmtp/inet/command = smtpd\n", &outside);
	assert_int_equal(plan.warning_count, 0);
	arena_free(arena);
}

static void test_what_was_added_can_be_taken_out(void **state)
{
	struct settings settings = { span_of(DONE) };
	struct arena *arena = arena_new(0);
	struct setup_plan plan = { .arena = arena };

	(void)state;
	setup_plan_remove(&plan, &settings, span_of("# before\nmyhostname = x\n"), &wish);
	assert_int_equal(plan.edit_count, 5);
	for (size_t i = 0; i < plan.edit_count; i++)
		assert_int_equal(plan.edits[i].value.len, 0);
	/* what stood there before us stays, and so does what we cannot know */
	plan = (struct setup_plan){ .arena = arena };
	setup_plan_remove(&plan, &settings, span_of("non_smtpd_milters =\n  $smtpd_milters\nenable_long_queue_ids=yes\n"), &wish);
	assert_int_equal(plan.edit_count, 3);
	plan = (struct setup_plan){ .arena = arena };
	setup_plan_remove(&plan, &settings, SPAN_NONE, &wish);
	assert_int_equal(plan.edit_count, 2);
	arena_free(arena);
}

/* kodama.conf was edited between --apply and --remove: what nobody will answer any more is not left in silence. */
static void test_what_is_left_is_told(void **state)
{
	static const struct {
		const char *more;
		const char *told; /* NULL: nothing */
	} rows[] = {
		{ "transport_maps = socketmap:unix:kodama/old.sock:transport, hash:/etc/postfix/transport\n", "transport_maps" },
		{ "submission/inet/smtpd_recipient_restrictions = check_policy_service,{unix:kodama/policy.sock},permit\n", "submission/inet/smtpd_recipient_restrictions" },
		{ "transport_maps = hash:/etc/postfix/transport\n", NULL },
		{ "mynetworks = cidr:/etc/kodama/networks\n", NULL },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct settings settings = { arena_printf(arena, "%s%s", DONE, rows[i].more) };
		struct setup_plan plan = { .arena = arena };
		setup_plan_remove(&plan, &settings, SPAN_NONE, &wish);
		assert_int_equal(plan.edit_count, 2);
		assert_int_equal(plan.warning_count, rows[i].told != NULL);
		if (rows[i].told)
			assert_true(is_minded(&plan, rows[i].told));
	}
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_an_empty_configuration_gets_every_line),
		cmocka_unit_test(test_a_second_time_nothing_changes),
		cmocka_unit_test(test_what_is_there_stays),
		cmocka_unit_test(test_a_policy_check_behind_permit_comes_to_the_front),
		cmocka_unit_test(test_a_milter_without_our_settings_gets_them),
		cmocka_unit_test(test_inet_sockets_are_written_as_postfix_wants_them),
		cmocka_unit_test(test_maps_are_only_added_when_they_are_wanted),
		cmocka_unit_test(test_what_would_defeat_us_is_told),
		cmocka_unit_test(test_a_front_that_postfix_s_protocols_do_not_reach_is_told),
		cmocka_unit_test(test_what_does_not_matter_is_not_told),
		cmocka_unit_test(test_a_socket_that_a_chroot_hides_is_told),
		cmocka_unit_test(test_what_was_added_can_be_taken_out),
		cmocka_unit_test(test_what_is_left_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
