/* SPDX-License-Identifier: BSD-2-Clause */
/* kodamad: arguments, and the order of start, reload and stop.  Everything else is in the folders. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "conf/conf.h"
#include "flow/counter.h"
#include "intake/ingest.h"
#include "intake/maillog.h"
#include "intake/milter.h"
#include "intake/policy.h"
#include "intake/socketmap.h"
#include "loop/account.h"
#include "loop/loop.h"
#include "loop/notify.h"
#include "loop/server.h"
#include "ops/control.h"
#include "store/thread.h"

enum { EXIT_USAGE = 2, FILES_WANTED = 65536, STOP_PATIENCE_MS = 10000, TRIM_PERIOD_MS = 60000, LOCK_PATIENCE_S = 10 };

struct daemon {
	const char *config_path, *etc;
	struct config *config; /* under reload_lock once threads run */
	struct current *current;
	struct account account;

	int policy_fd, socketmap_fd, ingest_fd, control_fd; /* -1: not open, or somebody else's by now */
	struct loop *loop;
	struct intake intake;
	struct index_follower *follower;
	struct policy *policy;
	struct socketmap *socketmap;
	struct server *policy_server, *socketmap_server;
	struct maillog *maillog;
	struct ingest *ingest;
	struct control *control;
	struct store_options store_options;
	struct keysource_options key_options;
	struct keysource *keysource;
	struct keys *keys;

	pthread_mutex_t reload_lock;
	bool is_reload_waiting; /* atomic: a thread is on its way to reload */
	bool is_stopping;       /* under reload_lock */
	bool has_failed;        /* atomic: the end was not asked for */
};

/* --- complaints */

static void log_complaint(const char *event, const struct complaint *complaint)
{
	if (complaint->path[0] && complaint->line)
		log_event(LOG_LEVEL_ERROR, event, "%s:%u: %s", complaint->path, complaint->line, complaint->text);
	else if (complaint->path[0])
		log_event(LOG_LEVEL_ERROR, event, "%s: %s", complaint->path, complaint->text);
	else
		log_event(LOG_LEVEL_ERROR, event, "%s", complaint->text);
}

static void say_complaint(const struct complaint *complaint, struct buffer *said)
{
	if (complaint->path[0] && complaint->line)
		buffer_printf(said, "%s:%u: %s", complaint->path, complaint->line, complaint->text);
	else
		buffer_printf(said, "%s%s%s", complaint->path, complaint->path[0] ? ": " : "", complaint->text);
}

/* Who reads the message may be root, who can read it. */
static void explain_access(const struct daemon *daemon, struct complaint *complaint)
{
	char path[sizeof(complaint->path)];

	memcpy(path, complaint->path, sizeof(path));
	complaint_set(complaint, path, 0, "%s: the daemon's user must be able to read it (chgrp %s, chmod g+r)", strerror(EACCES), daemon->config->group);
}

/* --- reload */

/* All or nothing: the new rules and words, or the old ones.  Under reload_lock. */
static int reload_locked(struct daemon *daemon, struct buffer *said)
{
	struct complaint complaint = { .line = 0 };
	struct snapshot *snapshot = NULL;
	struct config *config = NULL;
	int error = conf_load(daemon->config_path, daemon->etc, &config, &complaint);

	if (error == 0)
		error = conf_load_snapshot(config, &snapshot, &complaint);
	if (error < 0) {
		conf_free(config);
		if (!complaint.text[0])
			complaint_set(&complaint, "", 0, "%s", strerror(-error));
		if (error == -EACCES)
			explain_access(daemon, &complaint);
		log_complaint("reload-failed", &complaint);
		say_complaint(&complaint, said);
		return error;
	}
	struct buffer restart;
	buffer_init(&restart, 4096);
	conf_find_restart(daemon->config, config, &restart);
	if (restart.len > 0) {
		buffer_printf(said, "a restart is needed for: %s", buffer_get_text(&restart));
		log_event(LOG_LEVEL_WARNING, "restart-needed", "options=\"%s\"", buffer_get_text(&restart));
	}
	buffer_done(&restart);
	log_set_level((enum log_level)config->log.level);
	log_hash_addresses(config->log.hashes);
	snapshot->keys = daemon->keys;
	current_set(daemon->current, snapshot);
	/* what needs a restart stays as it was started: the next comparison is with that */
	conf_free(config);
	memory_trim();
	return 0;
}

static int reload(void *data, struct buffer *said)
{
	struct daemon *daemon = data;
	int error = -ESHUTDOWN;

	pthread_mutex_lock(&daemon->reload_lock);
	__atomic_store_n(&daemon->is_reload_waiting, false, __ATOMIC_RELEASE);
	if (!daemon->is_stopping) {
		notify_reloading();
		error = reload_locked(daemon, said);
		counter_add(error < 0 ? COUNTER_RELOADS_FAILED : COUNTER_RELOADS, 1);
		log_event(LOG_LEVEL_INFO, "reload", "result=%s", error < 0 ? "kept-old" : "new");
		notify_send("READY=1\nSTATUS=%s", error < 0 ? "the last reload failed, the old configuration is in force" : "running");
	}
	pthread_mutex_unlock(&daemon->reload_lock);
	return error;
}

static void *run_reload(void *data)
{
	struct buffer said;

	buffer_init(&said, 4096);
	(void)reload(data, &said);
	buffer_done(&said);
	return NULL;
}

/* Rules take a while to compile: not on the loop.  Any number of signals before it begins are one reload. */
static void on_reload_signal(void *data)
{
	struct daemon *daemon = data;
	pthread_attr_t detached;
	pthread_t thread;

	if (__atomic_exchange_n(&daemon->is_reload_waiting, true, __ATOMIC_ACQ_REL))
		return;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, run_reload, daemon) != 0)
		__atomic_store_n(&daemon->is_reload_waiting, false, __ATOMIC_RELEASE);
	pthread_attr_destroy(&detached);
}

/* --- start, in the order of the functions */

static enum log_target find_log_target(int choice)
{
	struct stat info;

	if (choice == LOG_CHOICE_STDERR)
		return LOG_TARGET_STDERR;
	if (choice == LOG_CHOICE_SYSLOG)
		return LOG_TARGET_SYSLOG;
	if (choice == LOG_CHOICE_JOURNAL || getenv("JOURNAL_STREAM"))
		return LOG_TARGET_JOURNAL;
	if (fstat(STDERR_FILENO, &info) < 0)
		return LOG_TARGET_SYSLOG;
	return S_ISREG(info.st_mode) || S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode) || isatty(STDERR_FILENO) ? LOG_TARGET_STDERR : LOG_TARGET_SYSLOG;
}

/* libmilter neither serves nor complains when descriptors run out: as many as we may have. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	struct rlimit wanted = { FILES_WANTED, limit.rlim_max < FILES_WANTED ? FILES_WANTED : limit.rlim_max };
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	if (setrlimit(RLIMIT_NOFILE, &wanted) < 0 && setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_event(LOG_LEVEL_WARNING, "file-limit", "error=\"%s\"", strerror(errno));
}

static int open_milter(const struct daemon *daemon, struct complaint *complaint)
{
	const struct socket_options *options = &daemon->config->milter.socket;
	const char *path = socket_get_path(options->address);
	struct milter_options milter_options = { options->address };
	mode_t mask;
	int error;

	if (!daemon->config->milter.is_enabled)
		return 0;
	error = path ? socket_prepare_path(path, daemon->account.uid, options->group, complaint) : 0;
	if (error < 0)
		return error;
	mask = umask(0117);
	error = milter_open(&milter_options, complaint);
	umask(mask);
	if (error == 0 && path)
		error = socket_finish_path(path, daemon->account.uid, options->group, complaint);
	return error;
}

static int open_sockets(struct daemon *daemon, struct complaint *complaint)
{
	const struct config *config = daemon->config;
	int error = open_milter(daemon, complaint);

	if (error == 0 && config->policy.is_enabled)
		error = socket_listen(&config->policy.socket, daemon->account.uid, &daemon->policy_fd, complaint);
	if (error == 0 && config->socketmap.is_enabled)
		error = socket_listen(&config->socketmap.socket, daemon->account.uid, &daemon->socketmap_fd, complaint);
	if (error == 0 && config->ingest.is_enabled)
		error = socket_listen(&config->ingest.socket, daemon->account.uid, &daemon->ingest_fd, complaint);
	if (error == 0)
		error = socket_listen(&config->control.socket, (uid_t)-1, &daemon->control_fd, complaint);
	return error;
}

/* The folders of the database, of the keys and of the queue, which may be the same or one in the other. */
static int make_folders(const struct daemon *daemon, struct complaint *complaint)
{
	const char *uri = daemon->config->store.uri, *slash = strrchr(uri, '/');
	char folder[4096];
	int error = 0;

	if (strncmp(uri, "sqlite:/", 8) == 0 && slash > uri + 7) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - uri - 7), uri + 7);
		error = account_make_folder(&daemon->account, folder, complaint);
	}
	const char *keys = daemon->config->keys.path;
	slash = strrchr(keys, '/');
	if (error == 0 && slash > keys) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - keys), keys);
		error = account_make_folder(&daemon->account, folder, complaint);
	}
	return error < 0 ? error : account_make_folder(&daemon->account, daemon->config->queue.dir, complaint);
}

/* As root: what only root may do.  Afterwards there is no way back. */
static int start_privileged(struct daemon *daemon, struct complaint *complaint)
{
	int error = account_find(daemon->config->user, daemon->config->group, &daemon->account, complaint);

	if (error == 0)
		error = open_sockets(daemon, complaint);
	if (error == 0)
		error = make_folders(daemon, complaint);
	return error < 0 ? error : account_become(&daemon->account, complaint);
}

/* The configuration was read as root: that nobody else may read it is told now, not at the first reload. */
static void check_configuration(const struct daemon *daemon)
{
	const char *path = daemon->config->path;

	if (access(path, R_OK) < 0)
		log_event(LOG_LEVEL_WARNING, "no-reload-possible", "path=%s error=\"%s\" mend=\"chgrp %s %s; chmod g+r %s\"", path, strerror(errno),
			  daemon->config->group, path, path);
}

/* The rules are read as the account that will read them at a reload. */
static int load_snapshot(struct daemon *daemon, struct complaint *complaint)
{
	struct snapshot *snapshot;
	int error = conf_load_snapshot(daemon->config, &snapshot, complaint);

	if (error == -EACCES)
		explain_access(daemon, complaint);
	if (error < 0)
		return error;
	check_configuration(daemon);
	daemon->current = current_new(snapshot);
	if (!daemon->current) {
		snapshot_unref(snapshot);
		return -ENOMEM;
	}
	return 0;
}

static bool is_stop_waiting(void)
{
	sigset_t waiting;

	return sigpending(&waiting) == 0 && (sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1);
}

/*
 * A database that another program holds (a backup, a shell with a transaction open) is mostly free again soon.  Not for long: the
 * sockets are there, and an MTA that has come to them waits.
 */
static int follow_store(struct daemon *daemon, const struct store_options *options)
{
	const int64_t until_ms = monotonic_get_ms() + LOCK_PATIENCE_S * 1000;
	const struct timespec pause = { 0, 50 * 1000000 };
	int error = index_follow(daemon->intake.index, options, 0, &daemon->follower);

	if (error == -EBUSY)
		log_event(LOG_LEVEL_WARNING, "store-locked", "error=\"%s\" patience_s=%d", store_get_error(NULL), LOCK_PATIENCE_S);
	while (error == -EBUSY && monotonic_get_ms() < until_ms && !is_stop_waiting()) {
		nanosleep(&pause, NULL);
		error = index_follow(daemon->intake.index, options, 0, &daemon->follower);
	}
	return error;
}

static int start_store(struct daemon *daemon, struct complaint *complaint)
{
	struct writer_options options = conf_get_writer_options(daemon->config);
	int error;

	daemon->store_options = options.store;
	daemon->intake.current = daemon->current;
	daemon->intake.index = index_new();
	if (!daemon->intake.index)
		return -ENOMEM;
	error = writer_start(&options, daemon->intake.index, &daemon->intake.writer);
	if (error == 0)
		error = follow_store(daemon, &options.store);
	if (error < 0 && store_get_error(NULL)[0])
		/* not the URI, which may hold a password */
		complaint_set(complaint, daemon->config->path, 0, "store uri: the database cannot be used: %s", store_get_error(NULL));
	else if (error < 0)
		complaint_set(complaint, daemon->config->path, 0, "queue dir %s: cannot be used: %s", options.queue_dir,
			      error == -EBUSY ? "another process uses it" : strerror(-error));
	return error;
}

/* The store is open, and no front is: nobody has seen the snapshot yet. */
static int start_keys(struct daemon *daemon, struct complaint *complaint)
{
	struct snapshot *snapshot;
	int error;

	daemon->key_options = conf_get_keysource_options(daemon->config);
	error = keysource_start(&daemon->key_options, &daemon->keys, &daemon->keysource, complaint);
	if (error < 0)
		return error;
	snapshot = current_get(daemon->current);
	snapshot->keys = daemon->keys;
	snapshot_unref(snapshot);
	return 0;
}

static int start_policy(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	struct server_options options = {
		.name = "policy",
		.connections = (unsigned)config->policy.connections,
		.idle_s = (unsigned)config->policy.idle_s,
		.request_s = (unsigned)config->policy.request_s,
		.input_max = POLICY_REQUEST_MAX,
		.output_max = POLICY_ANSWER_MAX,
		.take = policy_take,
	};
	int error;

	if (!config->policy.is_enabled)
		return 0;
	daemon->policy = policy_new(&daemon->intake);
	if (!daemon->policy)
		return -ENOMEM;
	options.data = daemon->policy;
	error = server_start(daemon->loop, daemon->policy_fd, &options, &daemon->policy_server);
	if (error == 0)
		daemon->policy_fd = -1;
	return error;
}

static int start_socketmap(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	struct server_options options = {
		.name = "socketmap",
		.connections = (unsigned)config->socketmap.connections,
		.idle_s = (unsigned)config->socketmap.idle_s,
		.request_s = (unsigned)config->socketmap.request_s,
		.input_max = SOCKETMAP_REQUEST_MAX + 16,
		.output_max = SOCKETMAP_ANSWER_MAX,
		.take = socketmap_take,
	};
	int error;

	if (!config->socketmap.is_enabled)
		return 0;
	daemon->socketmap = socketmap_new(&daemon->intake);
	if (!daemon->socketmap)
		return -ENOMEM;
	options.data = daemon->socketmap;
	error = server_start(daemon->loop, daemon->socketmap_fd, &options, &daemon->socketmap_server);
	if (error == 0)
		daemon->socketmap_fd = -1;
	return error;
}

static int start_maillog(struct daemon *daemon, struct complaint *complaint)
{
	const struct config *config = daemon->config;
	struct maillog_options options = {
		.file = config->maillog.file,
		.is_from_beginning = config->maillog.start != 0,
		.uids = config->maillog.uids,
	};

	if (!config->maillog.is_enabled)
		return 0;
	return maillog_start(&daemon->intake, &options, &daemon->maillog, complaint);
}

static int start_ingest(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	struct ingest_options options = {
		.connections = (unsigned)config->ingest.connections,
		.idle_s = (unsigned)config->ingest.idle_s,
		.request_s = (unsigned)config->ingest.request_s,
	};
	int error;

	if (!config->ingest.is_enabled)
		return 0;
	error = ingest_start(&daemon->intake, daemon->loop, daemon->ingest_fd, &options, &daemon->ingest);
	if (error == 0)
		daemon->ingest_fd = -1;
	return error;
}

static int start_control(struct daemon *daemon)
{
	struct control_options options = {
		.fd = daemon->control_fd,
		.store = &daemon->store_options,
		.current = daemon->current,
		.sources = {
			.writer = daemon->intake.writer,
			.index = daemon->intake.index,
			.is_on = {
				[GROUP_MILTER] = daemon->config->milter.is_enabled,
				[GROUP_POLICY] = daemon->config->policy.is_enabled,
				[GROUP_SOCKETMAP] = daemon->config->socketmap.is_enabled,
				[GROUP_MAILLOG] = daemon->config->maillog.is_enabled,
				[GROUP_INGEST] = daemon->config->ingest.is_enabled,
			},
			.servers = {
				[GROUP_POLICY] = daemon->policy_server,
				[GROUP_SOCKETMAP] = daemon->socketmap_server,
				[GROUP_INGEST] = ingest_get_server(daemon->ingest),
			},
			.get_log_status = daemon->maillog ? maillog_get_status : NULL,
			.log_data = daemon->maillog,
			.started_s = time(NULL),
		},
		.key_options = &daemon->key_options,
		.keysource = daemon->keysource,
		.reload = reload,
		.data = daemon,
	};
	int error = control_start(&options, &daemon->control);

	if (error == 0)
		daemon->control_fd = -1;
	return error;
}

static void on_stop_signal(void *data)
{
	struct daemon *daemon = data;

	loop_stop(daemon->loop);
}

static void on_milter_end(void *data)
{
	struct daemon *daemon = data;

	__atomic_store_n(&daemon->has_failed, true, __ATOMIC_RELEASE);
	loop_wake(daemon->loop);
}

/* What a burst of mail took is given back. */
static void on_trim_tick(void *data)
{
	(void)data;
	memory_trim();
}

static int start_loop(struct daemon *daemon)
{
	daemon->loop = loop_new();
	if (!daemon->loop || loop_add_signal(daemon->loop, SIGTERM, on_stop_signal, daemon) < 0 ||
	    loop_add_signal(daemon->loop, SIGINT, on_stop_signal, daemon) < 0 || loop_add_signal(daemon->loop, SIGUSR1, on_reload_signal, daemon) < 0 ||
	    loop_add_wake(daemon->loop, on_stop_signal, daemon) < 0 || loop_add_tick(daemon->loop, TRIM_PERIOD_MS, on_trim_tick, daemon) < 0)
		return -ENOMEM;
	return 0;
}

static int start_threads(struct daemon *daemon, struct complaint *complaint)
{
	int error = start_store(daemon, complaint);

	if (error == 0)
		error = start_keys(daemon, complaint);
	if (error == 0)
		error = start_policy(daemon);
	if (error == 0)
		error = start_socketmap(daemon);
	if (error == 0)
		error = start_maillog(daemon, complaint);
	if (error == 0)
		error = start_ingest(daemon);
	if (error == 0)
		error = start_control(daemon);
	if (error == 0 && daemon->config->milter.is_enabled)
		error = milter_start(&daemon->intake, on_milter_end, daemon);
	return error;
}

/*
 * libmilter's own signal thread takes HUP, TERM and INT from every thread that has them blocked; it is left with
 * nothing as long as this thread, the main one, has them unblocked.  So all others are born with them blocked.
 */
static int start(struct daemon *daemon, struct complaint *complaint)
{
	sigset_t ours;
	int error;

	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	/* a reload asked for before it can be done waits; its default would end us */
	sigemptyset(&ours);
	sigaddset(&ours, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
	raise_file_limit();
	error = start_privileged(daemon, complaint);
	if (error == 0)
		error = load_snapshot(daemon, complaint);
	if (error == 0)
		error = start_loop(daemon);
	if (error < 0)
		return error;
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
	error = start_threads(daemon, complaint);
	pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	return error;
}

/* --- stop */

static void remove_socket(const char *address)
{
	const char *path = socket_get_path(address);

	if (path && unlink(path) < 0 && errno != ENOENT)
		log_event(LOG_LEVEL_DEBUG, "socket-left", "path=%s error=\"%s\"", path, strerror(errno));
}

static void close_socket(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* First nobody asks any more, then nobody waits for the store any more, then the store. */
static int stop(struct daemon *daemon)
{
	pthread_mutex_lock(&daemon->reload_lock);
	daemon->is_stopping = true;
	pthread_mutex_unlock(&daemon->reload_lock);
	notify_send("STOPPING=1");
	log_event(LOG_LEVEL_INFO, "stopping", "pid=%d", (int)getpid());
	if (daemon->config->milter.is_enabled && !milter_stop(STOP_PATIENCE_MS)) {
		log_event(LOG_LEVEL_ERROR, "milter-stuck", "patience_ms=%d", STOP_PATIENCE_MS);
		_exit(EXIT_FAILURE);
	}
	/* it shows the numbers of the others */
	control_stop(daemon->control);
	server_stop(daemon->policy_server);
	server_stop(daemon->socketmap_server);
	ingest_stop(daemon->ingest);
	maillog_stop(daemon->maillog);
	index_follower_stop(daemon->follower);
	writer_stop(daemon->intake.writer);
	keysource_stop(daemon->keysource);
	return __atomic_load_n(&daemon->has_failed, __ATOMIC_ACQUIRE) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void clean_up(struct daemon *daemon)
{
	remove_socket(daemon->config->milter.socket.address);
	remove_socket(daemon->config->policy.socket.address);
	remove_socket(daemon->config->socketmap.socket.address);
	remove_socket(daemon->config->ingest.socket.address);
	remove_socket(daemon->config->control.socket.address);
	close_socket(daemon->policy_fd);
	close_socket(daemon->socketmap_fd);
	close_socket(daemon->ingest_fd);
	close_socket(daemon->control_fd);
	policy_free(daemon->policy);
	socketmap_free(daemon->socketmap);
	loop_free(daemon->loop);
	index_free(daemon->intake.index);
	current_free(daemon->current);
	keys_free(daemon->keys);
}

/* --- arguments */

static const char usage[] = "usage: kodamad [-f FILE] [--etc DIR] [-F] [-t] [-V] [-h]\n"
			    "  -f, --config FILE   the configuration (default: kodama.conf in the folder below)\n"
			    "      --etc DIR       the folder of rules.d, formats.d and the rest (default: " SYSCONFDIR "/kodama)\n"
			    "  -F, --foreground    stay in the foreground (it always does)\n"
			    "  -t, --test          read configuration and rules, say whether they are good, and end\n"
			    "  -V, --version       the version\n"
			    "  -h, --help          this\n";

struct arguments {
	const char *config_path, *etc;
	bool is_test;
};

/* What was printed is there, or it is said that it is not: the exit status. */
static int end_printing(void)
{
	if (fflush(stdout) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "kodamad: standard output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

static struct arguments parse_arguments(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'f' }, { "etc", required_argument, NULL, 'e' }, { "foreground", no_argument, NULL, 'F' },
		{ "test", no_argument, NULL, 't' },	    { "version", no_argument, NULL, 'V' },   { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct arguments arguments = { NULL, NULL, false };
	int option;

	while ((option = getopt_long(argc, argv, "f:FtVh", long_options, NULL)) != -1) {
		switch (option) {
		case 'f':
			arguments.config_path = optarg;
			break;
		case 'e':
			arguments.etc = optarg;
			break;
		case 'F':
			break;
		case 't':
			arguments.is_test = true;
			break;
		case 'V':
			printf("kodamad %s\n", PACKAGE_VERSION);
			exit(end_printing());
		case 'h':
			fputs(usage, stdout);
			exit(end_printing());
		default:
			fputs(usage, stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		exit(EXIT_USAGE);
	}
	return arguments;
}

static int test(const struct config *config)
{
	struct complaint complaint = { .line = 0 };
	struct snapshot *snapshot;

	if (conf_load_snapshot(config, &snapshot, &complaint) < 0) {
		log_complaint("configuration-bad", &complaint);
		return EXIT_FAILURE;
	}
	printf("%s: good, %zu rules\n", config->path, ruleset_get_count(snapshot->ruleset));
	snapshot_unref(snapshot);
	return end_printing();
}

static int run(struct daemon *daemon)
{
	struct complaint complaint = { .line = 0 };
	int error = start(daemon, &complaint), status;

	if (error < 0) {
		if (!complaint.text[0])
			complaint_set(&complaint, "", 0, "%s", strerror(-error));
		log_complaint("start-failed", &complaint);
		/* threads may run already: nothing that they use is taken from them */
		return EXIT_FAILURE;
	}
	log_event(LOG_LEVEL_INFO, "started", "version=%s pid=%d suppressed=%zu", PACKAGE_VERSION, (int)getpid(), index_get_count(daemon->intake.index));
	memory_trim();
	notify_send("READY=1\nSTATUS=running");
	loop_run(daemon->loop);
	status = stop(daemon);
	clean_up(daemon);
	log_event(LOG_LEVEL_INFO, "stopped", "status=%d", status);
	return status;
}

int main(int argc, char **argv)
{
	static struct daemon daemon = { .policy_fd = -1, .socketmap_fd = -1, .ingest_fd = -1, .control_fd = -1, .reload_lock = PTHREAD_MUTEX_INITIALIZER };
	struct arguments arguments = parse_arguments(argc, argv);
	struct complaint complaint = { .line = 0 };
	char path[4096];
	int status;

	umask(0077);
	memory_be_frugal();
	log_open("kodamad", LOG_TARGET_STDERR, LOG_LEVEL_INFO);
	daemon.etc = conf_get_etc(arguments.etc);
	snprintf(path, sizeof(path), "%s/kodama.conf", daemon.etc);
	daemon.config_path = arguments.config_path ? arguments.config_path : path;
	if (conf_load(daemon.config_path, daemon.etc, &daemon.config, &complaint) < 0) {
		log_complaint("configuration-bad", &complaint);
		return EXIT_FAILURE;
	}
	log_set_level((enum log_level)daemon.config->log.level);
	log_hash_addresses(daemon.config->log.hashes);
	if (arguments.is_test) {
		status = test(daemon.config);
	} else {
		log_open("kodamad", find_log_target(daemon.config->log.target), (enum log_level)daemon.config->log.level);
		status = run(&daemon);
	}
	/* after a failed start other threads may still hold it */
	if (status == EXIT_SUCCESS)
		conf_free(daemon.config);
	return status;
}
