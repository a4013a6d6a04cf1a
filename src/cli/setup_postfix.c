/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama setup postfix: asks postconf, prints what to add and what to mind, applies it and takes it out.  One thread. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/program.h"
#include "cli/setup.h"
#include "cli/setup_domains.h"
#include "cli/setup_plan.h"
#include "conf/conf.h"

enum { FILE_MAX = 4 * 1024 * 1024, ARENA_MAX = 64 * 1024 * 1024 };

#define BACKUP_SUFFIX ".before-kodama"

struct setup {
	const struct options *options;
	const char *postfix; /* the folder that was named, or NULL */
	char main_cf[4096], backup[4096 + sizeof(BACKUP_SUFFIX)];
	struct config *config;
	struct arena *arena;
	struct buffer text; /* of postconf, all of it */
	struct settings settings;
	struct setup_wish wish;
	struct setup_plan plan;
	struct domains domains;
	bool has_domains;
};

static bool is_given(const struct setup *setup, enum option_id id)
{
	return setup->options->values[id] != NULL;
}

/* postconf, with the folder of the instance in front. */
static int run_postconf(const struct setup *setup, const char *const *more, size_t count, struct buffer *out)
{
	const char *argv[SETUP_EDITS_MAX + 32] = { "postconf" };
	size_t at = 1;

	if (setup->postfix) {
		argv[at++] = "-c";
		argv[at++] = setup->postfix;
	}
	for (size_t i = 0; i < count; i++)
		argv[at++] = more[i];
	int status = program_run(argv, SPAN_NONE, out);
	if (status == -ENOENT)
		return command_fail("there is no postconf on this machine: is Postfix installed here?");
	if (status != 0)
		return command_fail("postconf failed; what it says stands above%s",
				    setup->postfix ? "" : "; for an instance in another folder name it: --postfix=DIR");
	return EXIT_ALL_READ;
}

static int read_settings(struct setup *setup)
{
	static const char *const overrides[] = { "-P" }, *const fields[] = { "-F" };
	int status = run_postconf(setup, setup_parameters, setup_parameter_count, &setup->text);

	if (status == EXIT_ALL_READ)
		status = run_postconf(setup, overrides, 1, &setup->text);
	if (status == EXIT_ALL_READ)
		status = run_postconf(setup, fields, 1, &setup->text);
	setup->settings.text = buffer_get(&setup->text);
	return status;
}

/* Where main.cf is. */
static int find_main_cf(struct setup *setup)
{
	static const char *const wanted[] = { "-h", "config_directory" };
	struct buffer out;

	buffer_init(&out, sizeof(setup->main_cf));
	int status = run_postconf(setup, wanted, 2, &out);
	struct span folder = span_trim(buffer_get(&out));
	snprintf(setup->main_cf, sizeof(setup->main_cf), "%.*s/main.cf", SPAN_ARG(folder));
	snprintf(setup->backup, sizeof(setup->backup), "%s" BACKUP_SUFFIX, setup->main_cf);
	buffer_done(&out);
	return status;
}

static void make_wish(struct setup *setup)
{
	const struct config *config = setup->config;
	const char *map = config->socketmap.is_enabled ? config->socketmap.socket.address : NULL;

	setup->wish = (struct setup_wish){
		.milter = config->milter.is_enabled ? config->milter.socket.address : NULL,
		.policy = config->policy.is_enabled ? config->policy.socket.address : NULL,
		.status_map = is_given(setup, OPTION_STATUS_MAP) || is_given(setup, OPTION_REMOVE) ? map : NULL,
		.recipient_map = is_given(setup, OPTION_RECIPIENT_MAP) || is_given(setup, OPTION_REMOVE) ? map : NULL,
		.transport_map = is_given(setup, OPTION_TRANSPORT_MAP) || is_given(setup, OPTION_REMOVE) ? map : NULL,
		.log = config->maillog.is_enabled && config->maillog.file[0] ? config->maillog.file : NULL,
	};
}

/* --- files */

static int read_file(const char *path, struct buffer *out, mode_t *ret_mode)
{
	char piece[8192];
	struct stat info;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &info) < 0)
		error = -errno;
	while (!error && (got = read(fd, piece, sizeof(piece))) > 0)
		buffer_add(out, span_make(piece, (size_t)got));
	if (got < 0)
		error = -errno;
	else if (out->is_cut)
		error = -EFBIG;
	close(fd);
	*ret_mode = info.st_mode & 07777;
	return error;
}

static int write_all(int fd, struct span text)
{
	while (text.len) {
		ssize_t wrote = write(fd, text.ptr, text.len);
		if (wrote < 0 && errno != EINTR)
			return -errno;
		if (wrote > 0)
			text = span_skip(text, (size_t)wrote);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* A new file beside `like`, with its owner and mode, that takes the name `path` when it is whole. */
static int write_file(const char *path, const char *like, struct span text)
{
	char name[4096 + 32];
	struct stat info;

	if (stat(like, &info) < 0)
		return -errno;
	snprintf(name, sizeof(name), "%s.XXXXXX", path);
	int fd = mkstemp(name), error;
	if (fd < 0)
		return -errno;
	error = fchown(fd, info.st_uid, info.st_gid) < 0 || fchmod(fd, info.st_mode & 07777) < 0 ? -errno : 0;
	if (!error)
		error = write_all(fd, text);
	if (close(fd) < 0 && !error)
		error = -errno;
	if (!error && rename(name, path) < 0)
		error = -errno;
	if (error)
		(void)unlink(name);
	return error;
}

static int fail_file(const char *path, int error)
{
	return command_fail("%s: %s", path, strerror(-error));
}

/* --- what people see */

static void print_plan(const struct setup *setup)
{
	const struct setup_plan *plan = &setup->plan;

	printf("# %s (Postfix %.*s)\n", setup->main_cf, SPAN_ARG(settings_get(&setup->settings, "mail_version")));
	for (size_t i = 0; i < plan->edit_count; i++) {
		const struct setup_edit *edit = &plan->edits[i];
		printf("\n# %s\n", edit->why);
		if (edit->old.len)
			printf("# was: %.*s\n", SPAN_ARG(edit->old));
		printf("%s =%s%.*s\n", edit->name, edit->value.len ? " " : "", SPAN_ARG(edit->value));
	}
	if (!plan->edit_count)
		puts("# nothing to change");
	for (size_t i = 0; i < plan->warning_count; i++)
		printf("\n# mind: %.*s\n", SPAN_ARG(plan->warnings[i]));
}

/* Do the addresses that Postfix takes mail for all stand in local-domains? */
static bool are_domains_known(const struct setup *setup)
{
	const char *const *known = setup->config->limits.local_domains;

	for (size_t i = 0; i < setup->domains.count; i++) {
		bool is_known = false;
		for (size_t k = 0; known && known[k] && !is_known; k++)
			is_known = span_is_equal_nocase(span_of(known[k]), setup->domains.items[i]);
		if (!is_known)
			return false;
	}
	return true;
}

static void print_domains(const struct setup *setup)
{
	struct buffer line;

	if (!setup->has_domains)
		return;
	if (!are_domains_known(setup)) {
		buffer_init(&line, FILE_MAX);
		domains_write(&setup->domains, &line);
		printf("\n# %s: domains of our own, whose addresses are never suppressed by evidence\n%s\n", setup->config->path,
		       buffer_get_text(&line));
		buffer_done(&line);
	}
	if (setup->domains.unread.len)
		printf("\n# mind: these tables of domains cannot be listed; add what they hold to local-domains: %s\n",
		       buffer_get_text(&setup->domains.unread));
	if (setup->domains.is_cut)
		printf("\n# mind: there are more than %d domains: local-domains holds the first of them.\n", DOMAINS_MAX);
}

/* A socket that is not there yet is no mistake, but mail flows past Kodama until it is. */
static void print_missing(const char *address)
{
	const char *path = address ? socket_get_path(address) : NULL;

	if (path && access(path, F_OK) < 0 && errno == ENOENT)
		printf("\n# mind: nobody listens at %s yet: start kodamad; until then mail passes without it.\n", path);
}

/* May that user open it so?  Only root can find out. */
static bool can_user(const char *path, const char *user, int mode)
{
	const struct passwd *account = getpwnam(user);
	int status = 0;

	if (geteuid() != 0 || !account)
		return access(path, mode) == 0 || errno != EACCES;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		bool is_user = initgroups(user, account->pw_gid) == 0 && setgid(account->pw_gid) == 0 && setuid(account->pw_uid) == 0;
		_exit(is_user && access(path, mode) == 0 ? 0 : 1);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void print_unreadable(const struct setup *setup)
{
	const char *path = setup->wish.log;

	if (path && access(path, F_OK) < 0)
		printf("\n# mind: there is no log at %s yet: maillog file of kodama.conf.\n", path);
	else if (path && !can_user(path, setup->config->user, R_OK))
		printf("\n# mind: the user %s may not read %s: put it into the group of that file (on Debian: adduser %s adm), and restart kodamad.\n",
		       setup->config->user, path, setup->config->user);
}

/* A socket that is there, and that the MTA's processes may not open: mail passes as if nobody listened. */
static void print_closed(const struct setup *setup, const char *address, const char *front)
{
	const char *path = address ? socket_get_path(address) : NULL;
	struct span owner = settings_get(&setup->settings, "mail_owner");
	char user[256];

	snprintf(user, sizeof(user), "%.*s", SPAN_ARG(owner));
	if (path && user[0] && geteuid() == 0 && access(path, F_OK) == 0 && !can_user(path, user, R_OK | W_OK))
		printf("\n# mind: Postfix's user %s may not open %s: mail passes without it. See %s group of kodama.conf, and owner and mode of its folders.\n", user,
		       path, front);
}

/* Does anything prove that a bounce of mail without a login is about mail of ours?  By a token, by the log, or by the operator's word. */
static bool can_prove(const struct config *config)
{
	return !config->limits.is_proof_required || config->is_local_submission_trusted || config->outbound_networks.count > 0 ||
	       config->maillog.has_journal || (config->maillog.is_enabled && config->maillog.is_trusted);
}

static void print_unproved(const struct setup *setup)
{
	if (!can_prove(setup->config))
		printf("\n# mind: as %s stands, failures of mail that comes by SMTP without a login, from this host too, suppress nobody:\n"
		       "# nothing proves that they are about mail of ours.  Let the log prove (maillog { journal = yes }), or name the hosts whose mail\n"
		       "# is ours in outbound-networks (mynetworks is %.*s).\n",
		       setup->config->path, SPAN_ARG(settings_get(&setup->settings, "mynetworks")));
}

/* --- applying */

/* The copy of main.cf as it was before us: made anew unless our lines are in it already. */
static int back_up(const struct setup *setup)
{
	struct setup_plan ours = { .arena = setup->arena };
	struct buffer text;
	mode_t mode;

	setup_plan_remove(&ours, &setup->settings, SPAN_NONE, &setup->wish);
	if (ours.edit_count && access(setup->backup, F_OK) == 0)
		return EXIT_ALL_READ;
	buffer_init(&text, FILE_MAX);
	int error = read_file(setup->main_cf, &text, &mode);
	if (error)
		fail_file(setup->main_cf, error);
	else if ((error = write_file(setup->backup, setup->main_cf, buffer_get(&text))) < 0)
		fail_file(setup->backup, error);
	buffer_done(&text);
	return error ? EXIT_SOME_FAILED : EXIT_ALL_READ;
}

/* postconf -e for what gets a value, postconf -X for what goes. */
static int run_edits(const struct setup *setup)
{
	const char *set[SETUP_EDITS_MAX + 1] = { "-e" }, *drop[SETUP_EDITS_MAX + 1] = { "-X" };
	size_t set_count = 1, drop_count = 1;
	int status = EXIT_ALL_READ;

	for (size_t i = 0; i < setup->plan.edit_count; i++) {
		const struct setup_edit *edit = &setup->plan.edits[i];
		if (edit->value.len)
			set[set_count++] = arena_printf(setup->arena, "%s=%.*s", edit->name, SPAN_ARG(edit->value)).ptr;
		else
			drop[drop_count++] = edit->name;
	}
	if (set_count > 1)
		status = run_postconf(setup, set, set_count, NULL);
	if (status == EXIT_ALL_READ && drop_count > 1)
		status = run_postconf(setup, drop, drop_count, NULL);
	return status;
}

static int apply_domains(const struct setup *setup)
{
	struct buffer old, new;
	mode_t mode;

	if (!setup->has_domains || are_domains_known(setup))
		return EXIT_ALL_READ;
	buffer_init(&old, FILE_MAX);
	buffer_init(&new, FILE_MAX);
	int error = read_file(setup->config->path, &old, &mode);
	if (!error)
		error = domains_put(&setup->domains, buffer_get(&old), &new);
	if (error == -EEXIST)
		fprintf(stderr, "kodama: %s sets local-domains already: add what is missing by hand\n", setup->config->path);
	else if (!error)
		error = write_file(setup->config->path, setup->config->path, buffer_get(&new));
	if (!error)
		printf("\n# %s is changed. Now: kodama reload\n", setup->config->path);
	else if (error != -EEXIST)
		fail_file(setup->config->path, error);
	buffer_done(&old);
	buffer_done(&new);
	return error ? EXIT_SOME_FAILED : EXIT_ALL_READ;
}

static int apply(const struct setup *setup)
{
	int status = EXIT_ALL_READ;

	if (setup->plan.edit_count) {
		status = is_given(setup, OPTION_REMOVE) ? EXIT_ALL_READ : back_up(setup);
		if (status == EXIT_ALL_READ)
			status = run_edits(setup);
		if (status != EXIT_ALL_READ)
			return status;
	}
	if (is_given(setup, OPTION_APPLY))
		status = apply_domains(setup);
	if (setup->plan.edit_count)
		printf("\n# %s is changed%s%s. Now: postfix%s%s reload\n", setup->main_cf, is_given(setup, OPTION_APPLY) ? "; as it was: " : "",
		       is_given(setup, OPTION_APPLY) ? setup->backup : "", setup->postfix ? " -c " : "", setup->postfix ? setup->postfix : "");
	return status;
}

/* A map that is wanted and not served would be a lookup error for every mail. */
static bool wants_map_that_is_off(const struct setup *setup)
{
	return !setup->config->socketmap.is_enabled &&
	       (is_given(setup, OPTION_STATUS_MAP) || is_given(setup, OPTION_RECIPIENT_MAP) || is_given(setup, OPTION_TRANSPORT_MAP));
}

static int plan_and_do(struct setup *setup)
{
	struct buffer before;
	mode_t mode;

	if (wants_map_that_is_off(setup))
		return command_fail("%s: socketmap listen is empty, so there is no map to look up in", setup->config->path);
	make_wish(setup);
	if (is_given(setup, OPTION_REMOVE)) {
		buffer_init(&before, FILE_MAX);
		bool is_known = read_file(setup->backup, &before, &mode) == 0;
		setup_plan_remove(&setup->plan, &setup->settings, is_known ? buffer_get(&before) : SPAN_NONE, &setup->wish);
		print_plan(setup);
		int status = apply(setup);
		buffer_done(&before);
		return status;
	}
	int error = domains_find(setup->postfix, setup->arena, &setup->domains);
	setup->has_domains = !error;
	setup_plan_add(&setup->plan, &setup->settings, &setup->wish);
	print_plan(setup);
	print_domains(setup);
	print_missing(setup->wish.milter);
	print_missing(setup->wish.policy);
	print_closed(setup, setup->wish.milter, "milter");
	print_closed(setup, setup->wish.policy, "policy");
	print_unreadable(setup);
	print_unproved(setup);
	int status = is_given(setup, OPTION_APPLY) ? apply(setup) : EXIT_ALL_READ;
	if (setup->has_domains)
		domains_done(&setup->domains);
	return status;
}

int setup_postfix(const struct command *command, const struct options *options)
{
	struct setup setup = { .options = options, .postfix = options->values[OPTION_POSTFIX], .arena = arena_new(ARENA_MAX) };
	int status;

	(void)command;
	if (!setup.arena)
		return command_fail("out of memory");
	setup.plan.arena = setup.arena;
	buffer_init(&setup.text, FILE_MAX);
	status = config_load(options, &setup.config);
	if (status == EXIT_ALL_READ) {
		status = find_main_cf(&setup);
		if (status == EXIT_ALL_READ)
			status = read_settings(&setup);
		if (status == EXIT_ALL_READ)
			status = plan_and_do(&setup);
		conf_free(setup.config);
	}
	buffer_done(&setup.text);
	arena_free(setup.arena);
	return status;
}
