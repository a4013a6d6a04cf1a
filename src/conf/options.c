/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of options.  A new option is a row here and a member of struct config; nothing else names it. */
#include "conf/options.h"

#include <limits.h>

static const char *language_name(unsigned value)
{
	return value < LANGUAGE_COUNT ? language_get_name((enum language)value) : NULL;
}

static const char *preset_name(unsigned value)
{
	return value < PRESET_COUNT ? preset_get_name((enum preset)value) : NULL;
}

/* Of a section suppress: what never counts against an address cannot be named. */
static const char *effect_name(unsigned value)
{
	if (value >= EFFECTS)
		return NULL;
	return value == EFFECT_NOW || value == EFFECT_COUNT ? effect_get_name((enum effect)value) : "";
}

static const char *scope_name(unsigned value)
{
	if (value >= SCOPE_COUNT)
		return NULL;
	return value == SCOPE_RECIPIENT || value == SCOPE_DOMAIN ? scope_get_name((enum scope)value) : "";
}

static const char *class_name(unsigned value)
{
	if (value >= CLASS_COUNT)
		return NULL;
	return scope_name(class_get_info((enum class)value)->scope)[0] ? class_get_name((enum class)value) : "";
}

static const char *store_scheme(unsigned value)
{
	static const char *const schemes[] = { "sqlite:/", "postgresql://", NULL };
	return schemes[value];
}

static const char *key_place(unsigned value)
{
	static const char *const places[] = { "store", NULL };
	return places[value];
}

static const char *proof_word(unsigned value)
{
	static const char *const names[] = { "any", "required", NULL };
	return names[value];
}

static const char *submission_word(unsigned value)
{
	static const char *const names[] = { "untrusted", "trusted", NULL };
	return names[value];
}

static const char *level_name(unsigned value)
{
	static const char *const names[] = { "debug", "info", "warning", "error", NULL };
	return names[value];
}

static const char *target_name(unsigned value)
{
	static const char *const names[] = { "auto", "stderr", "syslog", "journal", NULL };
	return names[value];
}

static const char *start_name(unsigned value)
{
	static const char *const names[] = { "end", "beginning", NULL };
	return names[value];
}

static const char *recipients_word(unsigned value)
{
	static const char *const names[] = { "plain", "hash", NULL };
	return names[value];
}

static const char *milter_reaction_name(unsigned value)
{
	static const char *const names[] = { "reject", "tempfail", "remove", "mark", NULL };
	return names[value];
}

static const char *policy_reaction_name(unsigned value)
{
	static const char *const names[] = { "reject", "tempfail", NULL };
	return names[value];
}

static const char *stream_word(unsigned value)
{
	static const char *const names[] = { "none", "sender-domain", "login", "policy-context", NULL };
	return names[value];
}

static const char *backscatter_word(unsigned value)
{
	static const char *const names[] = { "mark", "reject", "quarantine", NULL };
	return names[value];
}

#define AT(member) offsetof(struct config, member)
#define LIMIT(member) offsetof(struct limit, member)
#define YEAR_S (365LL * 86400)

const struct option options[] = {
	{ "", "user", OPTION_ACCOUNT, false, AT(user), "kodama", 1, 0, "", NULL,
	  "The user that the daemon becomes after its sockets are open.  Without effect when it is not started as root." },
	{ "", "group", OPTION_ACCOUNT, false, AT(group), "kodama", 1, 0, "", NULL, "Its group." },
	{ "", "host", OPTION_HOST, true, AT(host), "", 0, 0, "", NULL,
	  "Our name in the header fields.  Empty: the MTA's name for itself." },
	{ "", "language", OPTION_CHOICE, true, AT(language), "en", 0, 0, "", language_name, "The language of X-Bounce-Advice." },

	{ "", "enforce", OPTION_BOOL, true, AT(limits.enforce), "yes", 0, 0, "", NULL,
	  "Refuse mail to suppressed addresses.  With no, everything is decided, written into headers and logged, and nothing is refused: "
	  "recommended for the first week." },
	{ "", "preset", OPTION_CHOICE, true, AT(limits.preset), "careful", 0, 0, "", preset_name,
	  "What suppresses an address where no section suppress says otherwise.  careful: an address that is gone at once and for ever, "
	  "other failures of the recipient after three in a row.  strict: the same, and weaker evidence counts too.  shanon: three errors in a row." },
	{ "", "proof", OPTION_BOOL, true, AT(limits.is_proof_required), "required", 0, 0, "", proof_word,
	  "required: only a bounce that is proved to be about mail of ours changes what is suppressed.  any: every bounce does, and so anybody "
	  "who forges one can silence any address." },
	{ "", "local-submission", OPTION_BOOL, true, AT(is_local_submission_trusted), "untrusted", 0, 0, "", submission_word,
	  "trusted: a bounce that comes from the MTA itself over the unix milter socket is proof.  Only for hosts whose local users may be "
	  "trusted: mail that one of them sends with an empty sender looks the same." },
	{ "", "backscatter", OPTION_CHOICE, true, AT(backscatter), "mark", 0, 0, "", backscatter_word,
	  "What happens to a bounce from outside that no token of ours came back with, and so is of mail that we did not send.  mark: "
	  "backscatter=likely in X-Bounce-Result.  reject: refused with 550 at the end of the message.  quarantine: held by the MTA.  What our own MTA "
	  "made, what comes from trusted-networks or outbound-networks, or with a login, is only marked.  What has a token by a key that is not there (lost, or "
	  "retired for too long), or one that is too old or cut, passes unmarked: it may be ours.  Nothing is marked while milter token is no.  Mail that was "
	  "on its way before milter token was set returns without one: wait a week with reject." },
	{ "", "stream", OPTION_CHOICE, true, AT(stream), "none", 0, 0, "", stream_word,
	  "Whose failures are counted apart, so that one sender's silence no other's mail.  none: nobody's.  sender-domain: of the envelope.  login: SASL.  policy-context: "
	  "smtpd_policy_service_policy_context, and for the milter the macro {daemon_name} (milter_macro_daemon_name), which must be the same.  A host that "
	  "several parties send through needs one of them: a sender can forge the answers to his own mail." },
	{ "", "share-hard", OPTION_BOOL, true, AT(limits.is_shared_hard), "no", 0, 0, "", NULL,
	  "Where streams are counted apart: a failure that suppresses at once, and that the log proves, suppresses for all of them." },
	{ "", "local-domains", OPTION_DOMAINS, true, AT(limits.local_domains), "{}", 0, 0, "", NULL,
	  "Domains of our own: their addresses are never suppressed by evidence." },
	{ "", "trusted-networks", OPTION_NETWORKS, true, AT(trusted_networks), "{127.0.0.0/8, ::1}", 0, 0, "", NULL,
	  "Clients whose X-Bounce-Result, X-Bounce-Advice, X-Kodama-Token and X-Kodama-Suppressed are passed as they are: our own hosts.  From all others they are removed." },
	{ "", "outbound-networks", OPTION_NETWORKS, true, AT(outbound_networks), "{}", 0, 0, "", NULL,
	  "Clients whose mail is ours although they do not log in: it gets a token.  Not the address that a content filter gives mail back from, unless "
	  "no milter runs there." },
	{ "", "relays", OPTION_RELAYS, true, AT(relays), "{}", 0, 0, "", NULL,
	  "Relays that pass mail on and deliver nothing: a content filter, a smarthost; networks, and names of hosts with all below them.  What they "
	  "take is no delivery.  Loopback and private addresses are meant without being named." },
	{ "", "delivers", OPTION_RELAYS, true, AT(delivers), "{}", 0, 0, "", NULL,
	  "Relays whose word is a delivery although they have a loopback or private address, or are no hosts; in the same form." },
	{ "", "exempt-senders", OPTION_ADDRESSES, true, AT(limits.exempt_senders), "{}", 0, 0, "", NULL,
	  "Envelope senders (\"@example.com\": a whole domain) whose mail is never refused and whose failures change nothing." },
	{ "", "exempt-logins", OPTION_TEXTS, true, AT(limits.exempt_logins), "{}", 0, 0, "", NULL,
	  "SASL logins whose mail is never refused and whose failures change nothing, where the token or the log says who had logged in." },
	{ "", "exempt-recipients", OPTION_ADDRESSES, true, AT(limits.exempt_recipients), "{}", 0, 0, "", NULL,
	  "Addresses that are never suppressed by evidence." },
	{ "", "exempt-domains", OPTION_DOMAINS, true, AT(limits.exempt_domains), "{}", 0, 0, "", NULL,
	  "Domains whose addresses are never suppressed by evidence." },
	{ "", "extension-delimiters", OPTION_DELIMITERS, true, AT(extension_delimiters), "+", 0, 0, "", NULL,
	  "The MTA's recipient_delimiter: an address is looked up as it is, then without what follows one of these.  Empty: only as it is." },
	{ "", "refusal", OPTION_REFUSAL, true, AT(refusal), "", 0, 0, "", NULL,
	  "The text of a refusal: %r is the recipient, %d the date, %c the class; the mark \"(kodama-suppressed)\" is added.  Empty: "
	  "\"<%r>: suppressed since %d: %c\"." },

	{ "log", "target", OPTION_CHOICE, false, AT(log.target), "auto", 0, 0, "", target_name,
	  "Where the log goes.  auto: to the journal when the service manager has connected it, else to standard error when that is a terminal, a "
	  "file or a pipe, else to syslog." },
	{ "log", "level", OPTION_CHOICE, true, AT(log.level), "info", 0, 0, "", level_name, "The least that is logged." },
	{ "log", "recipients", OPTION_BOOL, true, AT(log.hashes), "plain", 0, 0, "", recipients_word,
	  "How lines about a recipient name him.  plain: by his address.  hash: as \"sha256:\" and the first 16 digits of his address's SHA-256, "
	  "which finds all lines about one, printf user@example.com | sha256sum, but does not hide who is guessed." },

	{ "milter", "socket", OPTION_SOCKET, false, AT(milter.socket.address), "unix:/var/spool/postfix/kodama/milter.sock", 0, 0, "", NULL,
	  "Where the milter listens: \"unix:/path\" or \"inet:port@host\".  Empty: no milter." },
	{ "milter", "group", OPTION_ACCOUNT, false, AT(milter.socket.group), "postfix", 0, 0, "", NULL,
	  "The group that may open the unix socket: the MTA's.  Empty: nobody but root and the daemon, as Sendmail wants it." },
	{ "milter", "header", OPTION_BOOL, true, AT(milter.header), "yes", 0, 0, "", NULL,
	  "Write X-Bounce-Result and X-Bounce-Advice into bounces." },
	{ "milter", "token", OPTION_BOOL, true, AT(milter.token), "yes", 0, 0, "", NULL,
	  "Sign outbound mail, so that its bounces prove themselves: mail with a login, from outbound-networks, or of Postfix's sendmail(1), and never with the "
	  "null sender.  X-Kodama-Token in the header, and, in mail by SMTP whose client set none, the envelope id." },
	{ "milter", "envelope-id", OPTION_BOOL, true, AT(milter.envelope_id), "yes", 0, 0, "", NULL,
	  "Set the token as envelope id, too.  The MTA takes it together with the sender of MAIL, and Postfix does not say whether another milter has changed "
	  "that: put such a milter behind Kodama, or say no here." },
	{ "milter", "token-senders", OPTION_ADDRESSES, true, AT(milter.token_senders), "{}", 0, 0, "", NULL,
	  "Sign only mail of these envelope senders (\"@example.com\": a whole domain), and of token-logins.  Both empty: all." },
	{ "milter", "token-logins", OPTION_TEXTS, true, AT(milter.token_logins), "{}", 0, 0, "", NULL, "The same by SASL login." },
	{ "milter", "on-suppressed", OPTION_CHOICE, true, AT(milter.on_suppressed), "reject", 0, 0, "", milter_reaction_name,
	  "What happens to a suppressed recipient of mail that comes by SMTP.  reject: refused with 550 5.1.1.  tempfail: with 450 4.1.1.  remove: "
	  "taken out at the end of the message; the sender is told when nobody is left, else as removed-header says.  mark: the mail goes there, "
	  "with X-Kodama-Suppressed in its header.  Mail from sendmail(1) is treated as with remove unless mark is set." },
	{ "milter", "removed-header", OPTION_BOOL, true, AT(milter.removed_header), "no", 0, 0, "", NULL,
	  "Write X-Kodama-Suppressed into a mail from which a suppressed recipient was taken out.  Whoever gets the mail can read who is missing, "
	  "blind copies too." },

	{ "policy", "listen", OPTION_SOCKET, false, AT(policy.socket.address), "unix:/var/spool/postfix/kodama/policy.sock", 0, 0, "", NULL,
	  "Where the policy service listens, as milter socket.  Empty: no policy service." },
	{ "policy", "group", OPTION_ACCOUNT, false, AT(policy.socket.group), "postfix", 0, 0, "", NULL, "As milter group." },
	{ "policy", "on-suppressed", OPTION_CHOICE, true, AT(policy.on_suppressed), "reject", 0, 0, "", policy_reaction_name,
	  "What happens to a suppressed recipient.  reject: refused with 550 5.1.1.  tempfail: with 450 4.1.1." },
	{ "policy", "connections", OPTION_NUMBER, false, AT(policy.connections), "1000", 1, 100000, "", NULL,
	  "How many connections are open at once; past it the one that has been idle longest is closed." },
	{ "policy", "idle-timeout", OPTION_DURATION, false, AT(policy.idle_s), "20m", 1, 86400, "s", NULL,
	  "A connection without a request is closed after this time.  Longer than Postfix's smtpd_policy_service_max_idle and max_ttl, or "
	  "else a request now and then finds its connection closed and is answered with the default action." },
	{ "policy", "request-timeout", OPTION_DURATION, false, AT(policy.request_s), "30s", 1, 3600, "s", NULL,
	  "A request that has begun must be whole, and its answer taken, within this time." },

	{ "socketmap", "listen", OPTION_SOCKET, false, AT(socketmap.socket.address), "unix:/var/spool/postfix/kodama/map.sock", 0, 0, "", NULL,
	  "Where the look-up tables status, recipient, transport and sendmail listen, as milter socket.  Empty: no tables." },
	{ "socketmap", "group", OPTION_ACCOUNT, false, AT(socketmap.socket.group), "postfix", 0, 0, "", NULL, "As milter group." },
	{ "socketmap", "on-suppressed", OPTION_CHOICE, true, AT(socketmap.on_suppressed), "reject", 0, 0, "", policy_reaction_name,
	  "What the tables recipient and sendmail say of a suppressed address.  reject: 550 5.1.1.  tempfail: 450 4.1.1.  The table transport always says "
	  "error:5.1.1." },
	{ "socketmap", "soften", OPTION_BOOL, true, AT(socketmap.softens), "no", 0, 0, "", NULL,
	  "The table status may make a deferral of a final failure, where a rule says so (its status-as begins with 4): what is only too much mail at "
	  "a time, refused with 5.7.x, is then tried again until it expires." },
	{ "socketmap", "connections", OPTION_NUMBER, false, AT(socketmap.connections), "2000", 1, 100000, "", NULL,
	  "As policy connections.  Each smtp, smtpd and trivial-rewrite process of Postfix holds one." },
	{ "socketmap", "idle-timeout", OPTION_DURATION, false, AT(socketmap.idle_s), "5m", 1, 86400, "s", NULL,
	  "As policy idle-timeout.  Postfix itself closes after 10 idle seconds, and tries a second time where it finds its connection closed." },
	{ "socketmap", "request-timeout", OPTION_DURATION, false, AT(socketmap.request_s), "30s", 1, 3600, "s", NULL, "As policy request-timeout." },

	{ "maillog", "file", OPTION_PATH, false, AT(maillog.file), "", 0, 0, "", NULL,
	  "The MTA's log, an absolute path: every attempt at delivery is read from it, success too.  It is followed through rotation.  The daemon's user must "
	  "be able to read it (Debian: a member of the group adm).  Empty: none." },
	{ "maillog", "journal", OPTION_BOOL, false, AT(maillog.has_journal), "no", 0, 0, "", NULL,
	  "Read the mail facility of the system's journal instead (a member of the group systemd-journal may).  Its lines prove what they "
	  "say, because it knows who wrote them." },
	{ "maillog", "uids", OPTION_TEXTS, false, AT(maillog.uids), "{}", 0, 0, "", NULL,
	  "The users, by name or number, whose lines in the journal are believed; others' are refused and counted.  Empty: root, and "
	  "those of postfix, smmta and smmsp that exist." },
	{ "maillog", "trust", OPTION_BOOL, true, AT(maillog.is_trusted), "no", 0, 0, "", NULL,
	  "The file is written by the MTA alone (Postfix's postlogd with maillog_file): then it proves that mail of ours failed.  With no, what it says is counted "
	  "and changes no address.  A log daemon that takes lines from /dev/log takes them from every local user: no, there.  The file and "
	  "its folders must be root's or syslog's, and writable by nobody else, or the daemon does not believe it all the same.  "
	  "Nor does it where postlog(1) is set-group-ID and everybody may run it, as Postfix 3.7 and later install it: by it every local user writes "
	  "into the log of postlogd (chmod g-s /usr/sbin/postlog).  What others could write into once proves nothing more until the log is rotated." },
	{ "maillog", "start", OPTION_CHOICE, false, AT(maillog.start), "end", 0, 0, "", start_name,
	  "Where to begin the first time.  Later it goes on where it was." },
	{ "ingest", "listen", OPTION_SOCKET, false, AT(ingest.socket.address), "unix:/run/kodama/ingest.sock", 0, 0, "", NULL,
	  "Where kodama ingest brings bounces, as milter socket.  Everybody on this host may open a unix socket here (mode 0666): what comes in proves "
	  "nothing by that.  Empty: nothing is taken in." },
	{ "ingest", "connections", OPTION_NUMBER, false, AT(ingest.connections), "1000", 1, 100000, "", NULL, "As policy connections." },
	{ "ingest", "idle-timeout", OPTION_DURATION, false, AT(ingest.idle_s), "30s", 1, 86400, "s", NULL,
	  "A connection that brings nothing is closed after this time." },
	{ "ingest", "request-timeout", OPTION_DURATION, false, AT(ingest.request_s), "60s", 1, 3600, "s", NULL,
	  "A message that has begun must be whole within this time, and its answer must be taken within it." },

	{ "control", "socket", OPTION_UNIX, false, AT(control.socket.address), "unix:/run/kodama/control.sock", 0, 0, "", NULL,
	  "Where the command kodama reaches the daemon: a unix socket, for root and the group below." },
	{ "control", "group", OPTION_ACCOUNT, false, AT(control.socket.group), "kodama", 0, 0, "", NULL, "Who else may use it.  Empty: nobody but root." },

	{ "store", "uri", OPTION_URI, false, AT(store.uri), "sqlite:/var/lib/kodama/kodama.db", 0, 0, "", store_scheme,
	  "The database: \"sqlite:/path\", whose folder is made if need be, with mode 0700; or \"postgresql://user@host/name\", for several hosts "
	  "with one memory, where PostgreSQL was there when kodamad was built." },
	{ "store", "retention", OPTION_DURATION, false, AT(store.retention_s), "180d", 86400, TIME_FOREVER, "s", NULL,
	  "How long single outcomes are kept; what is suppressed stays as long as it holds." },
	{ "store", "busy-timeout", OPTION_DURATION, false, AT(store.busy_ms), "2s", 1, 60, "ms", NULL,
	  "Longest wait for a lock that another process holds on the database." },

	{ "queue", "dir", OPTION_PATH, false, AT(queue.dir), "/var/lib/kodama/queue", 0, 0, "", NULL,
	  "Where outcomes wait while the database does not answer." },
	{ "queue", "size", OPTION_SIZE, false, AT(queue.size), "64M", 1 << 16, 1LL << 40, "bytes", NULL, "The most that may wait there." },
	{ "queue", "deadline", OPTION_DURATION, false, AT(queue.deadline_ms), "3s", 1, 60, "ms", NULL,
	  "A bounce waits so long for its outcomes to be committed; then they go to the queue.  Less than the MTA's milter timeout." },

	{ "keys", "file", OPTION_PATH, false, AT(keys.file), "", 0, 0, "", key_place,
	  "The file of the keys that sign tokens, made on the first start with mode 0600.  Empty: \"keys\" in the folder of the SQLite database; with "
	  "PostgreSQL, or with \"store\", they are in the database.  Hosts with one file, or one database, accept each other's tokens." },
	{ "keys", "accept", OPTION_DURATION, false, AT(keys.accept_s), "21d", 0, TIME_FOREVER, "s", NULL,
	  "So long after its end a retired key is accepted for what it signed.  A token itself is good for 21 days." },

	{ "suppress", "classes", OPTION_SET, true, LIMIT(classes), "{}", 0, 0, "", class_name,
	  "The classes of failure that this section is about; empty: any.  Those of other scopes never count." },
	{ "suppress", "effects", OPTION_SET_SMALL, true, LIMIT(effects), "{}", 0, 0, "", effect_name,
	  "The effects that it is about; empty: any." },
	{ "suppress", "scopes", OPTION_SET_SMALL, true, LIMIT(scopes), "{}", 0, 0, "", scope_name,
	  "The scopes that it is about; empty: any." },
	{ "suppress", "after", OPTION_COUNT, true, LIMIT(after), "1", 1, 1000, "", NULL, "So many failures in a row suppress." },
	{ "suppress", "within", OPTION_DURATION, true, LIMIT(within_s), "forever", 1, TIME_FOREVER, "s", NULL,
	  "They must all lie within this time." },
	{ "suppress", "for", OPTION_DURATION, true, LIMIT(for_s), "30d", 60, TIME_FOREVER, "s", NULL,
	  "How long the address is suppressed then: a duration, or forever." },
};

const size_t option_count = sizeof(options) / sizeof(options[0]);

const struct option *option_find(const char *section, const char *name)
{
	for (size_t i = 0; i < option_count; i++)
		if (strcmp(options[i].section, section) == 0 && strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}
