/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: kodama.conf (libconfuse), one table row per option (src/conf/options.c), from which the parser,
 * `kodama config show`, the sample file and the man page come.  Loaded whole or refused with file, line and reason.
 * A config is immutable after loading.  Only the mains and the command include this.
 */
#ifndef KODAMA_CONF_CONF_H
#define KODAMA_CONF_CONF_H

#include "base/buffer.h"
#include "base/complaint.h"
#include "base/log.h"
#include "base/network.h"
#include "flow/flow.h"
#include "loop/socket.h"
#include "store/keysource.h"

enum log_choice { LOG_CHOICE_AUTO, LOG_CHOICE_STDERR, LOG_CHOICE_SYSLOG, LOG_CHOICE_JOURNAL };

struct config {
	const char *path; /* of the file that was read */
	const char *etc;  /* the folder with rules.d, formats.d and the rest */

	const char *user, *group, *host;
	enum language language;
	struct { int target; int level; bool hashes; } log; /* enum log_choice, enum log_level */

	struct {
		struct socket_options socket;
		bool is_enabled, header, token, envelope_id, removed_header;
		int on_suppressed;
		const char *const *token_senders, *const *token_logins;
	} milter;
	struct { struct socket_options socket; bool is_enabled; int on_suppressed; int64_t idle_s, request_s, connections; } policy;
	struct { struct socket_options socket; bool is_enabled; int on_suppressed; bool softens; int64_t idle_s, request_s, connections; } socketmap;
	struct { struct socket_options socket; bool is_enabled; int64_t idle_s, request_s, connections; } ingest;
	struct { struct socket_options socket; } control;
	struct { const char *uri; int64_t retention_s, busy_ms; } store;
	struct { const char *dir; int64_t size, deadline_ms; } queue;
	struct { const char *file; int64_t accept_s; const char *path; } keys; /* path: the file in force, "": in the store */
	int stream, backscatter; /* enum stream_kind, enum backscatter */

	struct limits limits; /* with enforce, preset, proof, local-domains, exempt-* and the suppress sections */
	bool is_local_submission_trusted;
	struct { const char *file; bool has_journal, is_trusted; int start; const char *const *uids; bool is_enabled; } maillog;
	const char *const *relays, *const *delivers;
	struct networks trusted_networks, outbound_networks;
	const char *extension_delimiters, *refusal;

	struct arena *arena; /* owns the texts above */
};

/*
 * Reads `path`.  etc: the folder of rules and the rest; NULL: the folder that `path` is in.
 * -EINVAL with *complaint (file, line, reason), -errno, -ENOMEM.
 */
int conf_load(const char *path, const char *etc, struct config **ret_config, struct complaint *complaint) __attribute__((warn_unused_result));
void conf_free(struct config *config);

/* The folder in force: `option` (--etc) if not NULL, else KODAMA_ETC, else the one of the installation. */
const char *conf_get_etc(const char *option);

/* The default of one option, as it stands in the file. */
const char *conf_get_default(const char *section, const char *name);

/* What the modules want.  Borrowed from the config. */
struct store_options conf_get_store_options(const struct config *config);
struct writer_options conf_get_writer_options(const struct config *config);
struct keysource_options conf_get_keysource_options(const struct config *config);

/* Forms are an addition: where `etc` has no formats.d, *ret_formats stays as it is, and the standard forms are read. */
int conf_load_formats(const char *etc, struct formats **ret_formats, struct complaint *complaint)
	__attribute__((warn_unused_result));

/* Loads rules and forms from config->etc and makes the snapshot of it all; it copies what it needs of `config`. */
int conf_load_snapshot(const struct config *config, struct snapshot **ret_snapshot, struct complaint *complaint) __attribute__((warn_unused_result));

/* Every option with the value in force, in the form of the file; what may hold a password is left out. */
void conf_show(const struct config *config, struct buffer *out);

/* The sample file, and the section OPTIONS of kodama.conf(5) in roff. */
void conf_write_sample(struct buffer *out);
void conf_write_manual(struct buffer *out);

/* The names of the options that differ and need a restart to change, "policy listen, user"; nothing when there is none. */
void conf_find_restart(const struct config *old, const struct config *new, struct buffer *out);

#endif
