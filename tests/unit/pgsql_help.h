/* SPDX-License-Identifier: BSD-2-Clause */
/* A PostgreSQL of its own for a test: a cluster in a scratch folder, a unix socket there, gone afterwards. */
#ifndef KODAMA_TESTS_PGSQL_HELP_H
#define KODAMA_TESTS_PGSQL_HELP_H

#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char postgres_folder[64];
static char postgres_uri[200];
static pid_t postgres_pid;

static inline const char *postgres_get_uri(void)
{
	return postgres_uri;
}

/* The server refuses to be root's: then it is the user of its package. */
static inline const struct passwd *postgres_get_user(void)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : getpwuid(geteuid());

	assert_non_null(user);
	return user;
}

/* The programs look for each other beside arguments[0], so it has to be the whole path. */
static inline pid_t postgres_spawn(const char *program, const char **arguments)
{
	const struct passwd *user = postgres_get_user();
	char path[200], log[100];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(path, sizeof(path), "%s/%s", POSTGRES_BIN, program);
	snprintf(log, sizeof(log), "%s/log", postgres_folder);
	arguments[0] = path;
	if (geteuid() == 0 && (setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0 || chdir("/") < 0))
		_exit(126);
	/* it ends with the test, however that ends */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, 1);
	dup2(fd, 2);
	execv(path, (char *const *)arguments);
	_exit(127);
}

static inline PGconn *postgres_connect(void)
{
	PGconn *connection = PQconnectdb(postgres_uri);

	if (PQstatus(connection) == CONNECTION_OK)
		return connection;
	PQfinish(connection);
	return NULL;
}

/* Starts the server on the cluster that is there, and waits for its first answer. */
static inline void postgres_up(void)
{
	struct timespec nap = { .tv_nsec = 50000000 };
	PGconn *connection = NULL;
	char data[100];

	snprintf(data, sizeof(data), "%s/data", postgres_folder);
	const char *server[] = { "postgres", "-D", data, "-k", postgres_folder, "-c", "listen_addresses=", "-c", "fsync=off", NULL };
	postgres_pid = postgres_spawn("postgres", server);
	for (int i = 0; i < 600 && !connection; i++) {
		nanosleep(&nap, NULL);
		connection = postgres_connect();
	}
	assert_non_null(connection);
	PQfinish(connection);
}

static inline void postgres_down(void)
{
	/* 0 is the whole process group: it was never started */
	if (postgres_pid <= 0)
		return;
	kill(postgres_pid, SIGQUIT);
	waitpid(postgres_pid, NULL, 0);
	postgres_pid = 0;
}

static inline void postgres_make(void)
{
	char data[100];
	int status;

	snprintf(data, sizeof(data), "%s/data", postgres_folder);
	const char *arguments[] = { "initdb", "-D", data, "-A", "trust", "-U", "kodama", "-E", "UTF8", "--locale=C.UTF-8", "-N", NULL };
	waitpid(postgres_spawn("initdb", arguments), &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static inline int postgres_start(void **state)
{
	const struct passwd *user = postgres_get_user();

	(void)state;
	snprintf(postgres_folder, sizeof(postgres_folder), "%s", scratch_folder());
	snprintf(postgres_uri, sizeof(postgres_uri), "postgresql:///postgres?host=%s&user=kodama", postgres_folder);
	assert_int_equal(chown(postgres_folder, user->pw_uid, user->pw_gid), 0);
	postgres_make();
	postgres_up();
	return 0;
}

static inline int postgres_stop(void **state)
{
	(void)state;
	postgres_down();
	scratch_remove(postgres_folder);
	return 0;
}

static inline void postgres_empty(void)
{
	PGconn *connection = postgres_connect();

	assert_non_null(connection);
	PQclear(PQexec(connection, "SET client_min_messages = error; SET lock_timeout = 5000; DROP SCHEMA public CASCADE; CREATE SCHEMA public"));
	PQfinish(connection);
}

#endif
