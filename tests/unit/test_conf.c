/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: what is refused and where, what the values become, and that the sample and the manual say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/options.h"

struct fixture {
	char path[64];
	struct complaint complaint;
	struct config *config;
};

static int load(struct fixture *fixture, const char *text)
{
	FILE *file;
	int fd, error;

	snprintf(fixture->path, sizeof(fixture->path), "./conf.XXXXXX");
	fd = mkstemp(fixture->path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	fputs(text, file);
	fclose(file);
	fixture->complaint = (struct complaint){ .line = 0 };
	fixture->config = NULL;
	error = conf_load(fixture->path, NULL, &fixture->config, &fixture->complaint);
	unlink(fixture->path);
	return error;
}

static const struct bad {
	const char *text;
	unsigned line; /* 0: not known to the parser */
	const char *word;
} bads[] = {
	{ "colour = red\n", 1, "colour" },
	{ "# comment\n\nmilter {\n\tsockett = \"unix:/run/m\"\n}\n", 4, "sockett" },
	{ "bounces { }\n", 1, "bounces" },
	{ "lookups { listen = \"unix:/run/m\" }\n", 1, "lookups" },
	{ "enforce = perhaps\n", 1, "enforce" },
	{ "proof = yes\n", 1, "required" },
	{ "local-submission = yes\n", 1, "trusted" },
	{ "\npolicy { connections = 0 }\n", 2, "connections" },
	{ "policy { connections = 100001 }\n", 1, "100000" },
	{ "policy { connections = -1 }\n", 1, "connections" },
	{ "policy { connections = 99999999999999999999999 }\n", 1, "connections" },
	{ "policy { connections = \"10 \" }\n", 1, "connections" },
	{ "policy { idle-timeout = soon }\n", 1, "idle-timeout" },
	{ "policy { idle-timeout = forever }\n", 1, "idle-timeout" },
	{ "policy { on-suppressed = remove }\n", 1, "tempfail" },
	{ "queue { size = 1K }\n", 1, "between" },
	{ "queue { size = 64X }\n", 1, "64M" },
	{ "queue { size = 99999999T }\n", 1, "size" },
	{ "queue { dir = spool }\n", 1, "absolute" },
	{ "language = fr\n", 1, "en, ja" },
	{ "language = {\"en\", \"ja\"}\n", 1, "" },
	{ "preset = lenient\n", 1, "careful, strict, shanon" },
	{ "milter { socket = \"/run/milter\" }\n", 1, "socket" },
	{ "milter { socket = \"inet:0@127.0.0.1\" }\n", 1, "socket" },
	{ "milter { socket = \"inet:8741@mx.example.com\" }\n", 1, "socket" },
	{ "milter { socket = \"unix:relative\" }\n", 1, "socket" },
	{ "trusted-networks = {\"127.0.0.0/8\",\n\t\"10.0.0.0/99\"}\n", 2, "10.0.0.0/99" },
	{ "trusted-networks = {10.0.0.1/8}\n", 1, "10.0.0.1/8" },
	{ "local-domains = {\"a b\"}\n", 1, "a b" },
	{ "exempt-recipients = {\"nobody at all\"}\n", 1, "nobody at all" },
	{ "suppress x { classes = {user-unknwon} }\n", 1, "user-unknwon" },
	{ "suppress x { effects = {sometimes} }\n", 1, "sometimes" },
	{ "suppress x { after = 0 }\n", 1, "after" },
	{ "suppress x { }\nsuppress x { }\n", 2, "x" },
	{ "suppress { after = 1 }\n", 1, "" },
	{ "suppress x { effects = {now} scopes = {recipient} }\nsuppress y {\n\teffects = {now}\n\tscopes = {recipient}\n}\n", 5, "y" },
	{ "milter {\n", 1, "not closed" },
	{ "# milter {\nlog { # }\n level = info\n", 2, "not closed" },
	{ "host = 'x\n\n", 1, "not closed" },
	{ "# one\n// two\n/* three\n*/ four = 4 # five\n", 4, "four" },
	{ "}\n", 1, "" },
	{ "enforce\n", 2, "" },
	{ "language = \"en\n", 1, "not closed" },
	{ "control {\n\tsocket = \"inet:8740@127.0.0.1\"\n}\n", 2, "unix" },
	{ "host = \"a;b\"\n", 1, "host name" },
	{ "user = \"\"\n", 1, "must name a user" },
	{ "refusal = \"100 %\"\n", 1, "%r" },
	{ "refusal = \"caf\xc3\xa9\"\n", 1, "ASCII" },
	{ "extension-delimiters = \"+x\"\n", 1, "letter" },
	{ "store { uri = \"sqlite:kodama.db\" }\n", 1, "sqlite:/, postgresql://" },
	{ "keys { file = keys }\n", 1, "absolute path, or store" },
	{ "maillog { file = mail.log }\n", 1, "absolute" },
	{ "maillog {\n file = /var/log/mail.log\n journal = yes\n}\n", 0, "journal" },
	{ "relays = {\"10.0.0.0/99\"}\n", 1, "10.0.0.0/99" },
	{ "suppress x { classes = {blocklisted} }\n", 1, "user-unknown, " },
	{ "suppress x { effects = {reset} }\n", 1, "count, now" },
	{ "suppress x { scopes = {sender} }\n", 1, "recipient, domain" },
	{ "milter { socket = \"unix:/run/k/s\" }\npolicy { listen = \"unix:/run/k/s\" }\n", 0, "milter socket" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct fixture fixture;
		if (load(&fixture, bads[i].text) != -EINVAL)
			fail_msg("taken: %s", bads[i].text);
		assert_string_equal(fixture.complaint.path, fixture.path);
		if (fixture.complaint.line != bads[i].line || !strstr(fixture.complaint.text, bads[i].word))
			fail_msg("%s: line %u, \"%s\"", bads[i].text, fixture.complaint.line, fixture.complaint.text);
	}
}

/* "policy { \n listen = ..." of any row of the table. */
static void write_setting(const struct option *option, const char *value, char *out, size_t size)
{
	const char *title = option_is_limit(option) ? " x" : "";

	if (option->section[0])
		snprintf(out, size, "%s%s {\n\t%s = %s\n}\n", option->section, title, option->name, value);
	else
		snprintf(out, size, "\n%s = %s\n", option->name, value);
}

/* Whoever adds a row has this for nothing: what cannot be meant is refused by name, with the line, in words. */
static void test_every_option_refuses_nonsense(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		const char *value = option_is_list(&options[i]) ? "{ \"\x01 %q\" }" : "\"\x01 %q\"";
		struct fixture fixture;
		char text[300];
		write_setting(&options[i], value, text, sizeof(text));
		if (load(&fixture, text) != -EINVAL)
			fail_msg("taken: %s", text);
		const char *said = fixture.complaint.text;
		if (fixture.complaint.line != 2 || !strstr(said, options[i].name) || !strstr(said, options[i].section) ||
		    (!strstr(said, " must ") && !strstr(said, " is no") && !strstr(said, " is neither ")))
			fail_msg("%s: line %u, \"%s\"", text, fixture.complaint.line, said);
	}
}

/* The bounds that the manual names are those that hold. */
static void test_bounds_are_where_the_manual_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &options[i];
		bool has_bounds = option->kind == OPTION_NUMBER || option->kind == OPTION_COUNT || option->kind == OPTION_SIZE ||
				  option->kind == OPTION_DURATION;
		const struct { int64_t number; bool is_taken; } rows[] = {
			{ option->min, true }, { option->min - 1, false }, { option->max, true }, { option->max == INT64_MAX ? -1 : option->max + 1, false },
		};
		for (size_t k = 0; has_bounds && k < sizeof(rows) / sizeof(rows[0]); k++) {
			struct fixture fixture;
			char number[40], text[300];
			snprintf(number, sizeof(number), "%" PRId64, rows[k].number);
			write_setting(option, rows[k].number == TIME_FOREVER ? "forever" : number, text, sizeof(text));
			bool is_taken = load(&fixture, text) == 0;
			if (is_taken != rows[k].is_taken)
				fail_msg("%s: %s", text, is_taken ? "taken" : fixture.complaint.text);
			conf_free(fixture.config);
		}
	}
}

static void test_missing(void **state)
{
	struct complaint complaint = { .line = 0 };
	struct config *config;

	(void)state;
	assert_int_equal(conf_load("/nonexistent/kodama.conf", NULL, &config, &complaint), -ENOENT);
	assert_string_equal(complaint.path, "/nonexistent/kodama.conf");
}

static void test_defaults(void **state)
{
	struct fixture fixture;
	const struct config *config;
	size_t count;

	(void)state;
	assert_int_equal(load(&fixture, ""), 0);
	config = fixture.config;
	assert_string_equal(config->etc, ".");
	assert_true(config->limits.enforce && config->limits.is_proof_required && !config->is_local_submission_trusted);
	assert_int_equal(config->limits.preset, PRESET_CAREFUL);
	limits_get_defaults(PRESET_CAREFUL, &count);
	assert_int_equal(config->limits.count, count);
	assert_int_equal(config->trusted_networks.count, 2);
	assert_null(config->limits.local_domains[0]);
	assert_string_equal(conf_get_writer_options(config).queue_dir, "/var/lib/kodama/queue");
	assert_int_equal(conf_get_writer_options(config).deadline_ms, 3000);
	conf_free(fixture.config);
}

static void test_values(void **state)
{
	struct fixture fixture;
	const struct config *config;

	(void)state;
	assert_int_equal(load(&fixture, "enforce = no\nshare-hard = yes\nproof = any\nlocal-submission = trusted\nlanguage = ja\n"
					"local-domains = {\"Example.JP.\", b\xc3\xbc" "cher.example}\n"
					"exempt-senders = {\"News@Example.jp\", \"@lists.example.jp\"}\n"
					"trusted-networks = {}\n"
					"queue { size = 2G deadline = 1m }\nstore { retention = forever }\n"
					"milter { socket = \"\" }\npolicy { listen = \"inet:8742@127.0.0.1\" }\n"
					"preset = strict\n"
					"suppress full { classes = {mailbox-full, moved} after = 5 within = 2w for = 1y }\n"
					"suppress gone { effects = {now} scopes = {recipient} for = 60d }\n"),
			 0);
	config = fixture.config;
	assert_true(!config->limits.enforce && !config->limits.is_proof_required && config->is_local_submission_trusted && config->limits.is_shared_hard);
	assert_int_equal(config->language, LANGUAGE_JA);
	assert_string_equal(config->limits.local_domains[0], "example.jp");
	assert_string_equal(config->limits.local_domains[1], "xn--bcher-kva.example");
	assert_null(config->limits.local_domains[2]);
	assert_string_equal(config->limits.exempt_senders[0], "news@example.jp");
	assert_string_equal(config->limits.exempt_senders[1], "@lists.example.jp");
	assert_int_equal(config->trusted_networks.count, 0);
	assert_true(config->queue.size == 2LL << 30 && config->queue.deadline_ms == 60000);
	assert_true(config->store.retention_s == TIME_FOREVER);
	assert_true(!config->milter.is_enabled && config->policy.is_enabled);
	/* the file's two, and of the preset's those with other names */
	assert_string_equal(config->limits.items[0].name, "full");
	assert_int_equal(config->limits.items[0].classes, UINT64_C(1) << CLASS_MAILBOX_FULL | UINT64_C(1) << CLASS_MOVED);
	assert_int_equal(config->limits.items[0].after, 5);
	assert_int_equal(config->limits.items[0].within_s, 14 * 86400);
	const struct limit *gone = limits_find(&config->limits, CLASS_USER_UNKNOWN, EFFECT_NOW, SCOPE_RECIPIENT);
	assert_int_equal(gone->for_s, 60 * 86400);
	for (size_t i = 2; i < config->limits.count; i++)
		assert_string_not_equal(config->limits.items[i].name, "gone");
	conf_free(fixture.config);
}

/* A second section of one name goes on where the first ended. */
static void test_section_twice(void **state)
{
	struct fixture fixture;

	(void)state;
	assert_int_equal(load(&fixture, "policy { connections = 7 }\npolicy { idle-timeout = 2h }\n"), 0);
	assert_int_equal(fixture.config->policy.connections, 7);
	assert_int_equal(fixture.config->policy.idle_s, 7200);
	conf_free(fixture.config);
}

/* What is shown can be read back and means the same. */
static void test_show_is_a_fixed_point(void **state)
{
	struct fixture fixture;
	struct buffer first, second;

	(void)state;
	buffer_init(&first, 1 << 20);
	buffer_init(&second, 1 << 20);
	assert_int_equal(load(&fixture, "refusal = 'say \"no\" to %r \\ ${HOME}'\nlocal-domains = {example.jp}\nqueue { deadline = 2s }\n"
					"exempt-logins = {a, 'b c'}\nsuppress full { classes = {mailbox-full} after = 4 }\n"),
			 0);
	conf_show(fixture.config, &first);
	conf_free(fixture.config);
	if (load(&fixture, buffer_get_text(&first)) != 0)
		fail_msg("line %u: %s\n%s", fixture.complaint.line, fixture.complaint.text, buffer_get_text(&first));
	conf_show(fixture.config, &second);
	assert_string_equal(buffer_get_text(&first), buffer_get_text(&second));
	assert_string_equal(fixture.config->refusal, "say \"no\" to %r \\ ${HOME}");
	assert_non_null(strstr(buffer_get_text(&first), "after = 4"));
	conf_free(fixture.config);
	buffer_done(&first);
	buffer_done(&second);
}

static void test_show_hides_passwords(void **state)
{
	struct fixture fixture;
	struct buffer out;

	(void)state;
	buffer_init(&out, 1 << 20);
	assert_int_equal(load(&fixture, "store { uri = \"postgresql://kodama:s3c:r@t@db.example.jp/kodama\" }\n"), 0);
	conf_show(fixture.config, &out);
	assert_null(strstr(buffer_get_text(&out), "s3c"));
	assert_null(strstr(buffer_get_text(&out), "r@t"));
	assert_non_null(strstr(buffer_get_text(&out), "postgresql://kodama:*******@db.example.jp/kodama"));
	conf_free(fixture.config);
	/* libpq takes one as a parameter, too */
	buffer_clear(&out);
	assert_int_equal(load(&fixture, "store { uri = \"postgresql:///kodama?password=s3c&host=/run/pg&sslpassword=r@t\" }\n"), 0);
	conf_show(fixture.config, &out);
	assert_null(strstr(buffer_get_text(&out), "s3c"));
	assert_null(strstr(buffer_get_text(&out), "r@t"));
	assert_non_null(strstr(buffer_get_text(&out), "host=/run/pg"));
	conf_free(fixture.config);
	/* nor does the complaint about a kind that there is not show one */
	assert_int_equal(load(&fixture, "store { uri = \"mysql://kodama:s3cr3t@db.example.jp/kodama\" }\n"), -EINVAL);
	assert_null(strstr(fixture.complaint.text, "s3cr3t"));
	buffer_done(&out);
}

static void test_restart(void **state)
{
	struct fixture old, new;
	struct buffer names;

	(void)state;
	buffer_init(&names, 1000);
	assert_int_equal(load(&old, ""), 0);
	assert_int_equal(load(&new, "enforce = no\nuser = other\npolicy { listen = \"inet:8742@127.0.0.1\" }\n"), 0);
	conf_find_restart(old.config, new.config, &names);
	assert_string_equal(buffer_get_text(&names), "user, policy listen");
	conf_free(old.config);
	conf_free(new.config);
	buffer_done(&names);
}

static char *read_file(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[4096], *text = calloc(1, 1 << 20);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", top ? top : ".", name);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void test_sample_is_the_table(void **state)
{
	char *text = read_file("etc/kodama.conf"), *line = text;
	struct buffer out, bare;
	struct fixture fixture;

	(void)state;
	buffer_init(&out, 1 << 20);
	conf_write_sample(&out);
	assert_string_equal(text, buffer_get_text(&out)); /* make update-options */
	assert_int_equal(load(&fixture, text), 0);
	conf_free(fixture.config);
	/* and with every default written out */
	buffer_init(&bare, 1 << 20);
	for (struct span rest = span_of(line); rest.len > 0;) {
		struct span one = span_take_line(&rest), trimmed = span_trim(one);
		bool is_comment = span_has_prefix(trimmed, SPAN_LIT("# "));
		buffer_printf(&bare, "%.*s\n", SPAN_ARG(!is_comment && span_has_prefix(trimmed, SPAN_LIT("#")) ? span_skip(trimmed, 1) : one));
	}
	if (load(&fixture, buffer_get_text(&bare)) != 0)
		fail_msg("line %u: %s\n%s", fixture.complaint.line, fixture.complaint.text, buffer_get_text(&bare));
	conf_free(fixture.config);
	buffer_done(&bare);
	buffer_done(&out);
	free(text);
}

static void test_manual_is_the_table(void **state)
{
	char *text = read_file("man/kodama.conf.5");
	struct buffer out;

	(void)state;
	buffer_init(&out, 1 << 20);
	conf_write_manual(&out);
	assert_non_null(strstr(text, buffer_get_text(&out))); /* make update-options */
	buffer_done(&out);
	free(text);
}

/* --- networks */

static bool has(const struct network *network, const char *address)
{
	struct network copy = *network;
	struct networks networks = { &copy, 1 };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return networks_has(&networks, (struct sockaddr *)&in);
	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return networks_has(&networks, (struct sockaddr *)&in6);
}

static void test_networks(void **state)
{
	static const struct { const char *network, *inside, *outside; } rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.0/24", "::ffff:192.0.2.1", "::192.0.2.1" },
		{ "10.128.0.0/9", "10.255.0.1", "10.127.255.255" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "0.0.0.0/0", "203.0.113.9", "2001:db8::1" },
		{ "::1", "::1", "127.0.0.1" },
		{ "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::" },
		{ "[2001:db8::]/33", "2001:db8:7fff::1", "2001:db8:8000::" },
		{ "::/0", "192.0.2.1", NULL },
	};
	struct network network;
	char text[NETWORK_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(network_parse(span_of(rows[i].network), &network), 0);
		assert_true(has(&network, rows[i].inside));
		assert_true(!rows[i].outside || !has(&network, rows[i].outside));
		struct network again;
		assert_int_equal(network_parse(span_of(network_format(&network, text)), &again), 0);
		assert_memory_equal(&again, &network, sizeof(network));
	}
	assert_false(networks_has(&(struct networks){ &network, 1 }, NULL));
	static const char *const wrong[] = { "", "/", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2", "2001:db8::/129", "example.com", "::ffff:192.0.2.1/95" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (network_parse(span_of(wrong[i]), &network) != -EINVAL)
			fail_msg("taken: %s", wrong[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_every_option_refuses_nonsense),
		cmocka_unit_test(test_bounds_are_where_the_manual_says),	   cmocka_unit_test(test_missing),	    cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),	   cmocka_unit_test(test_section_twice),    cmocka_unit_test(test_show_is_a_fixed_point),
		cmocka_unit_test(test_show_hides_passwords),
		cmocka_unit_test(test_restart),	   cmocka_unit_test(test_sample_is_the_table), cmocka_unit_test(test_manual_is_the_table),
		cmocka_unit_test(test_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
