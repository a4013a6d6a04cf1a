/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama doctor: a test mail to nobody, and which fronts of the running daemon saw it.  One thread. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/timestamp.h"
#include "cli/config.h"
#include "cli/control.h"
#include "cli/json.h"
#include "cli/rows.h"
#include "cli/smtp.h"
#include "cli/terminal.h"
#include "conf/conf.h"
#include "reply/action.h"

#define DEFAULT_SMTP "inet:25@127.0.0.1"
/* RFC 6761 section 6.4: no such domain is ever there, so the mail comes back at once. */
#define DEFAULT_DOMAIN "kodama-doctor.invalid"

enum { WAIT_MS = 15000, LOOK_MS = 200, SETTLE_MS = 1000 };

/* A front, what it should see of the mail, and what to do where it does not. */
struct way {
	const char *name;     /* as the daemon calls it */
	const char *front;    /* which has to be on */
	bool is_optional;     /* no fault when it sees nothing: not every MTA asks it */
	bool is_awaited;      /* longer than the others take */
	const char *seen, *unseen;
};

static const struct way ways[] = {
	{ "milter", "milter", false, true, "saw the recipient", "did not see the mail: does smtpd_milters (INPUT_MAIL_FILTER) name its socket?" },
	{ "policy", "policy", true, true, "was asked about the recipient",
	  "was not asked: does check_policy_service stand in front of permit_mynetworks?  Sendmail has none" },
	{ "socketmap", "socketmap", true, false, "was asked about the recipient", "was not asked: no fault, unless the MTA is to ask a map" },
	{ "bounce", "milter", true, true, "saw the bounce",
	  "did not see the bounce: is there internal_mail_filter_classes = bounce, and non_smtpd_milters?  Sendmail never shows its own" },
	{ "ingest", "ingest", true, false, "was given the bounce", "was not given the bounce: no fault, unless an alias is to hand bounces in" },
	{ "maillog", "maillog", false, true, "read the failure in the log", "did not read the failure: is it the log that the MTA writes, and may it read it?" },
};
enum { WAY_COUNT = sizeof(ways) / sizeof(ways[0]) };

struct doctor {
	const struct options *options;
	struct config *config;
	char recipient[256], sender[320], reply[SMTP_REPLY_SIZE];
	json_t *row;     /* what the daemon saw */
	json_t *outcome; /* what it made of the failure; NULL: nothing (yet) */
	int64_t begun_s;
	int mail_error;
};

static int keep_row(void *data, json_t *row)
{
	struct doctor *doctor = data;

	json_decref(doctor->row);
	doctor->row = json_incref(row);
	return 0;
}

/* By its proof, or, with proof = any, without one. */
static bool is_proved(const json_t *outcome)
{
	const char *proof = json_string_value(json_object_get(outcome, "proof"));
	const char *decision = json_string_value(json_object_get(outcome, "decision"));
	bool is_without_effect = !decision || strcmp(decision, decision_get_name(DECISION_UNPROVED)) == 0 ||
				 strcmp(decision, decision_get_name(DECISION_NONE)) == 0;

	return outcome && (!is_without_effect || (proof && strcmp(proof, proof_get_name(PROOF_NONE)) != 0));
}

/* Of the outcomes of this test the last, but rather one that is proved. */
static int keep_outcome(void *data, json_t *row)
{
	struct doctor *doctor = data;
	const char *kind = json_string_value(json_object_get(row, "row"));
	const char *received = json_string_value(json_object_get(row, "received"));
	int64_t time_s;

	if (!kind || strcmp(kind, "outcome") != 0 || !received || timestamp_parse(span_of(received), &time_s) < 0 || time_s < doctor->begun_s)
		return 0;
	if (is_proved(doctor->outcome) && !is_proved(row))
		return 0;
	json_decref(doctor->outcome);
	doctor->outcome = json_incref(row);
	return 0;
}

static int ask(struct doctor *doctor, const char *what)
{
	json_t *request = json_object();

	json_put_text(request, "do", what);
	json_put_text(request, "recipient", doctor->recipient);
	int status = control_ask(doctor->config, request, CONTROL_DAEMON, keep_row, doctor, NULL);
	json_decref(request);
	return status;
}

/* An address that is nobody's need not stay in the store. */
static void forget(struct doctor *doctor)
{
	json_t *request = json_object();

	json_put_text(request, "do", "forget");
	json_put_text(request, "address", doctor->recipient);
	(void)!control_ask(doctor->config, request, CONTROL_DAEMON, NULL, NULL, NULL);
	json_decref(request);
}

static const char *choose_host(const struct doctor *doctor, char host[static 256])
{
	if (doctor->config->host[0])
		return doctor->config->host;
	if (gethostname(host, 255) < 0)
		return "localhost";
	host[255] = '\0';
	return host;
}

static void make_addresses(struct doctor *doctor)
{
	const char *to = doctor->options->values[OPTION_TO], *from = doctor->options->values[OPTION_FROM];
	const struct passwd *user = getpwuid(getuid());
	char host[256];
	uint64_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = (uint64_t)time(NULL);
	if (to)
		snprintf(doctor->recipient, sizeof(doctor->recipient), "%s", to);
	else
		snprintf(doctor->recipient, sizeof(doctor->recipient), "%016" PRIx64 "@" DEFAULT_DOMAIN, number);
	if (from)
		snprintf(doctor->sender, sizeof(doctor->sender), "%s", from);
	else
		snprintf(doctor->sender, sizeof(doctor->sender), "%s@%s", user ? user->pw_name : "postmaster", choose_host(doctor, host));
}

static void send_mail(struct doctor *doctor)
{
	const char *address = doctor->options->values[OPTION_SMTP] ? doctor->options->values[OPTION_SMTP] : DEFAULT_SMTP;
	char text[2048];
	int length = snprintf(text, sizeof(text),
			      "From: <%s>\r\nTo: <%s>\r\nSubject: kodama doctor: a test mail\r\nAuto-Submitted: auto-generated\r\n\r\n"
			      "kodama doctor has sent this to an address that is nobody's, to see which ways it takes.\r\n"
			      "Its bounce is part of the test and may be deleted.\r\n",
			      doctor->sender, doctor->recipient);

	doctor->mail_error = smtp_send(address, doctor->sender, doctor->recipient, span_make(text, (size_t)length), doctor->reply);
	if (doctor->mail_error && doctor->mail_error != -EPROTO)
		snprintf(doctor->reply, sizeof(doctor->reply), "%s: %s", address, strerror(-doctor->mail_error));
}

static bool is_on(const struct doctor *doctor, const struct way *way)
{
	return json_is_true(json_object_get(json_object_get(doctor->row, "fronts"), way->front));
}

static bool has_seen(const struct doctor *doctor, const struct way *way)
{
	return json_is_true(json_object_get(json_object_get(doctor->row, "seen"), way->name));
}

static bool is_bounce_seen(const struct doctor *doctor)
{
	const json_t *seen = json_object_get(doctor->row, "seen");

	return json_is_true(json_object_get(seen, "bounce")) || json_is_true(json_object_get(seen, "ingest")) ||
	       json_is_true(json_object_get(seen, "maillog"));
}

/* The recipient is on the list. */
static bool is_refused_by_us(const struct doctor *doctor)
{
	return doctor->mail_error && strstr(doctor->reply, REFUSAL_MARK);
}

/* Every front that is on has seen it. */
static bool is_complete(const struct doctor *doctor)
{
	for (size_t i = 0; i < WAY_COUNT; i++)
		if (is_on(doctor, &ways[i]) && !has_seen(doctor, &ways[i]) && ways[i].is_awaited)
			return false;
	return true;
}

static int64_t get_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Once the bounce is there, or the mail was refused, what has not seen it yet will hardly do so. */
static int wait_for_sightings(struct doctor *doctor)
{
	int64_t end = get_ms() + WAIT_MS;
	bool is_settling = false;
	int status;

	while ((status = ask(doctor, "doctor-look")) == EXIT_ALL_READ && !is_complete(doctor) && get_ms() < end) {
		if (!is_settling && (doctor->mail_error || is_bounce_seen(doctor))) {
			is_settling = true;
			end = get_ms() + SETTLE_MS;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	return status;
}

/* What is seen is not yet decided, and a log may prove what the bounce did not. */
static int wait_for_outcome(struct doctor *doctor)
{
	int64_t end = get_ms() + SETTLE_MS;
	json_t *request = json_object();
	int status;

	json_put_text(request, "do", "why");
	json_put_text(request, "address", doctor->recipient);
	while ((status = control_ask(doctor->config, request, CONTROL_DAEMON, keep_outcome, doctor, NULL)) == EXIT_ALL_READ &&
	       !is_proved(doctor->outcome) && get_ms() < end)
		(void)poll(NULL, 0, LOOK_MS);
	json_decref(request);
	return status;
}

/* --- what people read */

/* "90 s", "5 h": in the largest unit that there are two of. */
static void print_age(const char *what, const json_t *last, const char *source)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	struct span text = span_of(json_string_value(json_object_get(last, source)));
	int64_t time_s, age_s;
	size_t unit = 0;

	if (!text.len || timestamp_parse(text, &time_s) < 0) {
		printf("  %-10s none since the daemon started\n", what);
		return;
	}
	age_s = time(NULL) - time_s;
	while (units[unit].seconds > 1 && age_s < 2 * units[unit].seconds)
		unit++;
	printf("  %-10s %" PRId64 " %s ago\n", what, age_s / units[unit].seconds, units[unit].name);
}

/* A front that has not seen a mail that was refused need not be at fault: another may have been asked first. */
static bool is_fault(const struct doctor *doctor, const struct way *way)
{
	return !has_seen(doctor, way) && !way->is_optional && !is_refused_by_us(doctor);
}

static void print_finding(const struct doctor *doctor, const struct way *way)
{
	printf("  %-10s ", way->name);
	if (has_seen(doctor, way))
		terminal_print_text(stdout, STYLE_GREEN, way->seen);
	else if (is_refused_by_us(doctor))
		fputs("saw nothing: the mail was refused before", stdout);
	else
		terminal_print_text(stdout, way->is_optional ? STYLE_YELLOW : STYLE_RED, way->unseen);
	putchar('\n');
}

/* The faults that there are. */
static unsigned print_findings(const struct doctor *doctor)
{
	unsigned faults = 0;

	for (size_t i = 0; i < WAY_COUNT; i++) {
		if (!is_on(doctor, &ways[i]))
			continue;
		print_finding(doctor, &ways[i]);
		faults += is_fault(doctor, &ways[i]);
	}
	if (is_refused_by_us(doctor))
		printf("  Kodama refused it, since the address is suppressed: it works.  To see the bounce, too, name another --to=ADDRESS, or\n"
		       "  kodama suppress remove %s\n", doctor->recipient);
	if (!doctor->mail_error && !is_bounce_seen(doctor)) {
		terminal_print_text(stdout, STYLE_RED, "  no front learned that the mail failed: nothing can be suppressed");
		fputs("\n             was it delivered, to a smarthost that takes everything?  Then name a recipient that it refuses: --to=ADDRESS\n", stdout);
		faults++;
	}
	return faults;
}

static const char *get_word(const json_t *row, const char *key)
{
	const char *word = json_string_value(json_object_get(row, key));

	return word ? word : "none";
}

/* Is such a failure believed?  A fault when it is not: all is seen then, and nobody is ever suppressed. */
static unsigned print_proof(const struct doctor *doctor)
{
	const json_t *outcome = doctor->outcome;

	if (!outcome)
		return 0;
	printf("  %-10s ", "proof");
	if (is_proved(outcome)) {
		printf("%s: such a failure is believed (%s, %s)\n", get_word(outcome, "proof"), get_word(outcome, "class"), get_word(outcome, "decision"));
		return 0;
	}
	terminal_print_text(stdout, STYLE_RED, "none: such a failure changes nothing");
	printf(", since %s (%s)\n"
	       "             let the log prove (maillog journal = yes), or name in outbound-networks who hands in mail without a\n"
	       "             login, so that it gets a token: see kodamad(8), WHAT PROVES\n",
	       rows_explain_proof(outcome), get_word(outcome, "proof_reason"));
	return 1;
}

static int report(const struct doctor *doctor)
{
	static const char *const told[] = { "class", "proof", "proof_reason", "decision" };
	const json_t *last = json_object_get(doctor->row, "last");

	if (options_is(doctor->options, OPTION_FORMAT, "json")) {
		json_put_text(doctor->row, "recipient", doctor->recipient);
		json_put_text(doctor->row, "reply", doctor->reply);
		for (size_t i = 0; doctor->outcome && i < sizeof(told) / sizeof(told[0]); i++)
			json_put_text(doctor->row, told[i], json_string_value(json_object_get(doctor->outcome, told[i])));
		(void)rows_write_json(NULL, doctor->row);
		return doctor->mail_error || !is_bounce_seen(doctor) || (doctor->outcome && !is_proved(doctor->outcome)) ? EXIT_SOME_FAILED : EXIT_ALL_READ;
	}
	printf("A mail from <%s> to <%s>:\n  %-10s ", doctor->sender, doctor->recipient, doctor->mail_error ? "not taken" : "taken");
	terminal_print_text(stdout, doctor->mail_error ? STYLE_RED : STYLE_PLAIN, doctor->reply);
	putchar('\n');
	unsigned faults = print_findings(doctor) + print_proof(doctor);
	if (!doctor->config->limits.enforce)
		printf("  %-10s is no: nothing is refused yet\n", "enforce");
	printf("The last evidence of failures:\n");
	print_age("bounce", last, "milter");
	print_age("log", last, "log");
	print_age("ingest", last, "ingest");
	return faults || doctor->mail_error ? EXIT_SOME_FAILED : EXIT_ALL_READ;
}

static int examine(struct doctor *doctor)
{
	make_addresses(doctor);
	int status = ask(doctor, "doctor-begin");

	if (status != EXIT_ALL_READ)
		return status;
	doctor->begun_s = time(NULL);
	send_mail(doctor);
	status = wait_for_sightings(doctor);
	if (status == EXIT_ALL_READ && is_bounce_seen(doctor))
		status = wait_for_outcome(doctor);
	if (status == EXIT_ALL_READ)
		status = report(doctor);
	(void)!ask(doctor, "doctor-end");
	if (!doctor->options->values[OPTION_TO])
		forget(doctor);
	return status;
}

static int run_doctor(const struct command *command, const struct options *options)
{
	struct doctor doctor = { .options = options };

	if (options->arg_count)
		return command_refuse(command, "no argument is wanted");
	int status = config_load(options, &doctor.config);
	if (status != EXIT_ALL_READ)
		return status;
	status = examine(&doctor);
	json_decref(doctor.row);
	json_decref(doctor.outcome);
	conf_free(doctor.config);
	return status;
}

const struct command command_doctor = {
	.name = "doctor",
	.synopsis = "[--from=ADDRESS] [--to=ADDRESS] [--smtp=ADDRESS] [--format=text|json]",
	.summary = "send a test mail and say which fronts saw it",
	.help = "Sends a mail through the MTA to an address that is nobody's, waits for its bounce, and says which fronts of\n"
		"the running daemon saw the recipient, the bounce and the line in the log, whether such a failure is believed,\n"
		"and how old the last ones are.\n"
		"The bounce comes to --from, or to you.\n",
	.options = OPTION_BIT(OPTION_ETC) | OPTION_BIT(OPTION_CONFIG) | OPTION_BIT(OPTION_FORMAT) | OPTION_BIT(OPTION_FROM) | OPTION_BIT(OPTION_TO) |
		   OPTION_BIT(OPTION_SMTP),
	.run = run_doctor,
};
