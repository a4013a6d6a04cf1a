/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kodama setup sendmail: reads sendmail.mc and kodama.conf, and prints the lines that each of the two, and the aliases, need, and
 * what would defeat them.  It changes nothing: sendmail.mc is a program, which its owner edits.  One thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "cli/config.h"
#include "cli/setup.h"
#include "conf/conf.h"

enum { FILE_MAX = 4 * 1024 * 1024, PATH_SIZE = 4096 };

#define TIMEOUTS "T=C:2s;S:2s;R:4s;E:10s" /* as in contrib/sendmail/kodama.mc */
#define OF_POSTFIX "unix:/var/spool/postfix/"
#define OF_SENDMAIL "unix:/run/kodama/"

struct setup {
	const struct options *options;
	const char *dir;     /* of sendmail.mc */
	struct config *config;
	struct buffer mc;    /* without what dnl takes out; empty where there is none */
	bool has_mc, is_moved; /* is_moved: the sockets are to lie elsewhere than kodama.conf has them */
	const char *milter, *map;
	char program[PATH_SIZE]; /* our own path */
};

/* --- what is there */

static int read_file(const char *path, struct buffer *out)
{
	char chunk[16384];
	size_t got;
	FILE *file = fopen(path, "r");

	if (!file)
		return -errno;
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buffer_add(out, span_make(chunk, got));
	int error = ferror(file) ? -EIO : out->is_cut ? -EFBIG : 0;
	fclose(file);
	return error;
}

/* Lines of m4 without what stands behind a dnl. */
static void add_code(struct span text, struct buffer *out)
{
	while (text.len > 0) {
		struct span line = span_take(&text, '\n');
		for (size_t i = 0; i + 3 <= line.len; i++)
			if (memcmp(line.ptr + i, "dnl", 3) == 0 && (i == 0 || !ascii_is_alnum(line.ptr[i - 1]))) {
				line = span_slice(line, 0, i);
				break;
			}
		buffer_add(out, line);
		buffer_add_char(out, '\n');
	}
}

static bool mc_has(const struct setup *setup, const char *text)
{
	return setup->mc.len > 0 && memmem(setup->mc.bytes, setup->mc.len, text, strlen(text));
}

static int read_mc(struct setup *setup)
{
	struct buffer text;
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/sendmail.mc", setup->dir);
	buffer_init(&text, FILE_MAX);
	int error = read_file(path, &text);
	if (error == 0)
		add_code(buffer_get(&text), &setup->mc);
	buffer_done(&text);
	setup->has_mc = error == 0;
	return error == 0 || error == -ENOENT ? EXIT_ALL_READ : command_fail("%s: %s", path, strerror(-error));
}

/* The defaults are Postfix's: in its queue folder, for its group. */
static void choose_sockets(struct setup *setup)
{
	setup->milter = setup->config->milter.socket.address;
	setup->map = setup->config->socketmap.socket.address;
	setup->is_moved = strncmp(setup->milter, OF_POSTFIX, strlen(OF_POSTFIX)) == 0;
	if (setup->is_moved) {
		setup->milter = OF_SENDMAIL "milter.sock";
		setup->map = OF_SENDMAIL "map.sock";
	}
}

static void find_program(struct setup *setup)
{
	ssize_t len = readlink("/proc/self/exe", setup->program, sizeof(setup->program) - 1);

	snprintf(setup->program + (len > 0 ? len : 0), sizeof(setup->program) - (size_t)(len > 0 ? len : 0), "%s", len > 0 ? "" : "kodama");
}

/* --- what to add */

static void print_mc(const struct setup *setup)
{
	printf("# sendmail.mc, in front of MAILER\n");
	printf("INPUT_MAIL_FILTER(`kodama', `S=%s, " TIMEOUTS "')dnl\n", setup->milter);
	if (!setup->options->values[OPTION_RECIPIENT_MAP])
		return;
	printf("\n# sendmail.mc, at its end\nLOCAL_CONFIG\nKsendmail socket -q -t %s\n\nLOCAL_RULESETS\nSLocal_check_rcpt\n"
	       "R$*\t$: $(sendmail $1 $: $)\nR$+\t$#error $: $1\n", setup->map);
}

/* A name a line; "#" begins a comment. */
static void print_local_domains(const struct setup *setup)
{
	struct buffer text;
	char path[PATH_SIZE];
	const char *comma = "";

	snprintf(path, sizeof(path), "%s/local-host-names", setup->dir);
	buffer_init(&text, FILE_MAX);
	if (read_file(path, &text) == 0 && !setup->config->limits.local_domains[0]) {
		struct span rest = buffer_get(&text);
		printf("local-domains = {");
		while (rest.len > 0) {
			struct span line = span_take(&rest, '\n'), name = span_trim(span_take(&line, '#'));
			if (name.len == 0 || span_find_char(name, '"', 0) != SIZE_MAX || span_find_char(name, '\\', 0) != SIZE_MAX)
				continue;
			printf("%s\"%.*s\"", comma, SPAN_ARG(name));
			comma = ", ";
		}
		printf("}\n");
	}
	buffer_done(&text);
}

static void print_conf(const struct setup *setup)
{
	printf("\n# %s\n", setup->config->path);
	if (setup->is_moved) {
		printf("milter { socket = \"%s\"  group = \"\" }\npolicy { listen = \"\" }\n", setup->milter);
		if (setup->options->values[OPTION_RECIPIENT_MAP])
			printf("socketmap { listen = \"%s\"  group = \"\" }\n", setup->map);
		else
			printf("socketmap { listen = \"\" }\n");
	}
	print_local_domains(setup);
	if (setup->config->outbound_networks.count == 0)
		printf("outbound-networks = {\"127.0.0.0/8\", \"::1\"}   # whose mail is ours without a login: its bounces can be proved\n");
}

static void print_aliases(const struct setup *setup)
{
	printf("\n# aliases: Sendmail's own bounces, which no milter sees; NAME is the local part of the sender of your mail, and\n"
	       "# the second line who reads its bounces\n");
	/* who runs it may not read kodama.conf */
	const char *socket = setup->config->ingest.socket.address;
	bool is_default = strcmp(socket, conf_get_default("ingest", "listen")) == 0;
	printf("NAME: \"|%s ingest%s%s\",\n      postmaster\n", setup->program, is_default ? "" : " --socket=", is_default ? "" : socket);
	printf("\n# afterwards\nmake -C %s && newaliases && kodama config check\n# then restart kodamad and Sendmail\n", setup->dir);
}

/* --- what would defeat it */

static const struct {
	const char *found, *mind;
} minds[] = {
	{ "confINPUT_MAIL_FILTERS", "confINPUT_MAIL_FILTERS names the filters that are asked: kodama has to stand there, behind those that sign" },
	{ "InputMailFilters", "a listener with InputMailFilters= asks the filters that stand there and no others: add kodama" },
	{ "confRUN_AS_USER", "Sendmail runs as another user than root: name its group as `milter group' in kodama.conf" },
	{ "FEATURE(`smrsh'", "smrsh runs only what lies in its folder: link kodama there" },
	{ "confMILTER_MACROS_ENVFROM", "confMILTER_MACROS_ENVFROM is set: it has to hold i and {auth_authen}" },
};

static void print_minds(const struct setup *setup)
{
	if (!setup->has_mc)
		printf("# mind: there is no %s/sendmail.mc: name its folder, --sendmail=DIR\n", setup->dir);
	if (mc_has(setup, "INPUT_MAIL_FILTER(`kodama'") || mc_has(setup, "FEATURE(`kodama'"))
		printf("# mind: sendmail.mc has the milter already\n");
	else if (mc_has(setup, "INPUT_MAIL_FILTER("))
		printf("# mind: there are other filters: they are asked in the order of their lines, kodama behind those that sign\n");
	for (size_t i = 0; i < sizeof(minds) / sizeof(minds[0]); i++)
		if (mc_has(setup, minds[i].found))
			printf("# mind: %s\n", minds[i].mind);
	if (setup->options->values[OPTION_RECIPIENT_MAP] && mc_has(setup, "SLocal_check_rcpt"))
		printf("# mind: there is a Local_check_rcpt: only the two rules are added, at its end\n");
	if (!setup->config->maillog.is_enabled)
		printf("# mind: the log tells of every failure, the aliases only of those whose sender has one: see maillog in kodama.conf(5)\n");
	if (!setup->config->ingest.socket.address[0])
		printf("# mind: ingest listen is empty in kodama.conf: what the aliases bring waits in Sendmail's queue\n");
}

int setup_sendmail(const struct command *command, const struct options *options)
{
	struct setup setup = { .options = options, .dir = options->values[OPTION_SENDMAIL] ? options->values[OPTION_SENDMAIL] : "/etc/mail" };
	int status;

	if (options->values[OPTION_APPLY] || options->values[OPTION_REMOVE])
		return command_refuse(command, "sendmail.mc is for its owner to edit: the lines are printed, --apply and --remove are Postfix's");
	status = config_load(options, &setup.config);
	if (status != EXIT_ALL_READ)
		return status;
	buffer_init(&setup.mc, FILE_MAX + 1);
	status = read_mc(&setup);
	if (status == EXIT_ALL_READ) {
		choose_sockets(&setup);
		find_program(&setup);
		print_mc(&setup);
		print_conf(&setup);
		print_aliases(&setup);
		print_minds(&setup);
	}
	buffer_done(&setup.mc);
	conf_free(setup.config);
	return status;
}
