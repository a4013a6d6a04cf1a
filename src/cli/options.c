/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of the command.  One thread. */
#include "cli/options.h"

#include <errno.h>

#include "cli/help.h"

const struct option_row option_rows[OPTION_COUNT] = {
	[OPTION_HELP] = { "help", NULL, "this text" },
	[OPTION_ETC] = { "etc", "DIR", "the folder with kodama.conf, rules.d and the rest (or KODAMA_ETC)" },
	[OPTION_CONFIG] = { "config", "FILE", "another configuration file than kodama.conf in that folder" },
	[OPTION_FORMAT] = { "format", "text|json", "for people (default), or one JSON object a line" },
	[OPTION_LANG] = { "lang", "en|ja", "the language of the advice (default en)" },
	[OPTION_INPUT] = { "input", "mail|response|maillog", "messages (default), one response a line, or logs of Postfix or Sendmail" },
	[OPTION_PROVIDER] = { "provider", "P", "whose response it is, where that is known" },
	[OPTION_REPLY] = { "reply", "CODE", "the SMTP reply code, 550" },
	[OPTION_STATUS] = { "status", "CODE", "the enhanced status code, 5.1.1" },
	[OPTION_COMMAND] = { "command", "NAME", "the SMTP command that it answered: rcpt, data, end-of-data, ..." },
	[OPTION_RCPT] = { "rcpt", "ADDRESS", "the recipient" },
	[OPTION_REMOTE] = { "remote", "HOST", "the host that said it" },
	[OPTION_STREAM] = { "stream", "S", "of this stream of mail alone" },
	[OPTION_UNTIL] = { "until", "TIME", "30d, 12h, 2027-01-01 or forever (default)" },
	[OPTION_NOTE] = { "note", "TEXT", "why, for whoever reads it later" },
	[OPTION_APPLY] = { "apply", NULL, "change the MTA's configuration; what was there is kept beside it" },
	[OPTION_REMOVE] = { "remove", NULL, "take out again what --apply put in" },
	[OPTION_POSTFIX] = { "postfix", "DIR", "the folder of main.cf, for another instance than the default one" },
	[OPTION_STATUS_MAP] = { "status-map", NULL, "with default_delivery_status_filter" },
	[OPTION_RECIPIENT_MAP] = { "recipient-map", NULL, "with check_recipient_access, which stops mail while kodamad is down" },
	[OPTION_TRANSPORT_MAP] = { "transport-map", NULL, "with transport_maps, which stops all mail while kodamad is down" },
	[OPTION_FROM] = { "from", "ADDRESS", "the sender of the test mail, who gets its bounce" },
	[OPTION_TO] = { "to", "ADDRESS", "its recipient, instead of one that is nobody's" },
	[OPTION_SMTP] = { "smtp", "ADDRESS", "where the MTA takes mail (default inet:25@127.0.0.1)" },
	[OPTION_SENDMAIL] = { "sendmail", "DIR", "the folder of sendmail.mc (/etc/mail)" },
	[OPTION_ANNOTATE] = { "annotate", NULL, "write the message to standard output, with the result in its header" },
	[OPTION_SOCKET] = { "socket", "ADDRESS", "where the daemon listens, when kodama.conf cannot say so" },
	[OPTION_LIST_FORMAT] = { "format", "text|json|csv", "for people (default), one JSON object a line, or CSV" },
	[OPTION_IMPORT_FROM] = { "from", "auto|list|csv|kodama|ses|sendgrid|mailgun|sisimai", "whose file it is (default: told by what stands in it)" },
	[OPTION_SINCE] = { "since", "TIME", "from then on: 2027-01-01, or so long ago: 7d" },
	[OPTION_RULE] = { "rule", "ID", "by this rule" },
	[OPTION_CLASS] = { "class", "NAME", "of this class" },
	[OPTION_DOMAIN] = { "domain", "NAME", "addresses of this domain" },
	[OPTION_DRY_RUN] = { "dry-run", NULL, "only show what would be done" },
	[OPTION_TOP] = { "top", "N", "so many rows of each list (default 10); 0: all" },
	[OPTION_TIMEOUT] = { "timeout", "SECONDS", "wait so long for a daemon that does not answer (default 60)" },
	[OPTION_THREADS] = { "threads", "N", "so many threads for large files (default: as many as processors, 4 at most)" },
};

/* Is `value` one of "a|b|c"? */
static bool is_choice(const char *choices, const char *value)
{
	struct span rest = span_of(choices);

	while (span_is_known(rest))
		if (span_is_equal(span_take(&rest, '|'), span_of(value)))
			return true;
	return false;
}

static bool find_option(uint64_t taken, struct span name, enum option_id *ret_id)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++)
		if ((taken & OPTION_BIT(id)) && span_is_equal(name, span_of(option_rows[id].name))) {
			*ret_id = (enum option_id)id;
			return true;
		}
	return false;
}

static int take_option(struct options *options, uint64_t taken, char **args, size_t count, size_t *at, char *why)
{
	const char *word = args[*at] + 2;
	const char *equals = strchr(word, '=');
	struct span name = span_make(word, equals ? (size_t)(equals - word) : strlen(word));
	const char *value = equals ? equals + 1 : NULL;
	enum option_id id;

	if (!find_option(taken, name, &id)) {
		snprintf(why, OPTIONS_WHY_SIZE, "there is no option --%.*s", SPAN_ARG(name));
		return -EINVAL;
	}
	const struct option_row *row = &option_rows[id];
	if (!row->value && value) {
		snprintf(why, OPTIONS_WHY_SIZE, "--%s takes no value", row->name);
		return -EINVAL;
	}
	if (row->value && !value && *at + 1 < count)
		value = args[++*at];
	if (row->value && !value) {
		snprintf(why, OPTIONS_WHY_SIZE, "--%s needs a value: --%s=%s", row->name, row->name, row->value);
		return -EINVAL;
	}
	if (row->value && strchr(row->value, '|') && !is_choice(row->value, value)) {
		snprintf(why, OPTIONS_WHY_SIZE, "--%s is one of %s, not '%s'", row->name, row->value, value);
		return -EINVAL;
	}
	options->values[id] = value ? value : "";
	return 0;
}

int options_parse(struct options *options, uint64_t taken, char **args, size_t count, char why[static OPTIONS_WHY_SIZE])
{
	bool is_over = false;

	*options = (struct options){ .args = args };
	for (size_t at = 0; at < count; at++) {
		if (is_over || args[at][0] != '-' || args[at][1] == '\0') {
			args[options->arg_count++] = args[at];
		} else if (strcmp(args[at], "--") == 0) {
			is_over = true;
		} else if (strcmp(args[at], "-h") == 0) {
			options->values[OPTION_HELP] = "";
		} else if (args[at][1] != '-') {
			snprintf(why, OPTIONS_WHY_SIZE, "there is no option %s", args[at]);
			return -EINVAL;
		} else if (take_option(options, taken, args, count, &at, why) < 0) {
			return -EINVAL;
		}
	}
	return 0;
}

void options_print(FILE *out, uint64_t taken)
{
	for (unsigned id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = &option_rows[id];
		if (!(taken & OPTION_BIT(id)))
			continue;
		char label[128];
		snprintf(label, sizeof(label), "  --%s%s%s", row->name, row->value ? "=" : "", row->value ? row->value : "");
		help_print_item(out, span_of(label), 26, span_of(row->help));
	}
}

bool options_is(const struct options *options, enum option_id id, const char *value)
{
	return options->values[id] && strcmp(options->values[id], value) == 0;
}
