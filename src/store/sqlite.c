/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SQLite behind sql.h: write-ahead log, synchronous FULL, so that what is committed survives a loss of power.
 * A new database is 0600, in a 0700 directory if that is new too.
 */
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

struct sql {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_SLOTS];
	sqlite3_stmt *begin, *commit; /* at every transaction: not parsed anew */
	bool was_emptied;
	char *place;
	ino_t file, log; /* of the place, and of the write-ahead log beside it; 0: not seen yet */
	char error[512];
};

static int get_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_RANGE:
	case SQLITE_TOOBIG:
		return -EINVAL;
	default:
		return -EIO;
	}
}

/* What whoever reads it at night should do. */
static const struct {
	int code;
	const char *hint;
} hints[] = {
	{ SQLITE_CORRUPT, "put back a backup, or save what can be read: sqlite3 FILE .recover" },
	{ SQLITE_NOTADB, "put back a backup, or move it away and begin anew" },
	{ SQLITE_BUSY, "another process holds it: fuser -v FILE" },
	{ SQLITE_FULL, "make room on its file system" },
	{ SQLITE_READONLY, "the file, its folder or its file system may not be written" },
	{ SQLITE_CANTOPEN, "is its folder there, and the user's?" },
	{ SQLITE_IOERR, "the kernel's log says more" },
};

static const char *find_hint(int code)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (hints[i].code == (code & 0xff))
			return hints[i].hint;
	}
	return NULL;
}

static int fail(struct sql *sql, int code)
{
	const char *kind = sqlite3_errstr(code), *text = sqlite3_errmsg(sql->db), *hint = find_hint(code);
	bool is_same = strcmp(kind, text) == 0;

	snprintf(sql->error, sizeof(sql->error), "%s%s%s%s%s%s", kind, is_same ? "" : ": ", is_same ? "" : text, hint ? " (" : "", hint ? hint : "",
		 hint ? ")" : "");
	return get_errno(code);
}

/* One that another process makes at this moment is empty, too. */
static bool has_been_emptied(const char *path)
{
	enum { AGE_S = 2 };
	struct stat info;

	return stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0 && info.st_mtime + AGE_S < time(NULL);
}

/* Only what is not there is made here: to open and close a database that another handle of ours uses would drop its locks. */
static int create_file(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash && slash != path && (size_t)(slash - path) < sizeof(folder)) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		if (mkdir(folder, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

static int64_t get_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Of several that make a new database at the same time SQLite lets only one wait for the others (it fears a deadlock): the rest try again. */
static int begin_wal(struct sql *sql, unsigned busy_ms)
{
	enum { PAUSE_MS = 10 };
	int64_t until_ms = get_ms() + busy_ms;
	int code;

	while (((code = sqlite3_exec(sql->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL)) & 0xff) == SQLITE_BUSY &&
	       get_ms() < until_ms)
		sqlite3_sleep(PAUSE_MS);
	return code;
}

static int configure(struct sql *sql, const struct store_options *options)
{
	int code;

	sqlite3_busy_timeout(sql->db, (int)(options->busy_ms > INT_MAX ? INT_MAX : options->busy_ms));
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (options->is_read_only)
		code = sqlite3_exec(sql->db, "PRAGMA query_only = 1; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
	else if ((code = begin_wal(sql, options->busy_ms)) == SQLITE_OK)
		code = sqlite3_exec(sql->db, "PRAGMA synchronous = FULL; "
				    "PRAGMA application_id = 0x4b6f6461; PRAGMA journal_size_limit = 67108864; "
				    /* the entries in force are written all over their table: pages are kept (32 MiB), and seldom copied into the file (16 MiB) */
				    "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000", NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : fail(sql, code);
}

static void sqlite_close(struct sql *sql)
{
	for (size_t i = 0; i < SQL_SLOTS; i++)
		sqlite3_finalize(sql->statements[i]);
	sqlite3_finalize(sql->begin);
	sqlite3_finalize(sql->commit);
	sqlite3_close_v2(sql->db);
	free(sql->place);
	free(sql);
}

/* SQLite counts its own memory under a lock of the whole process; nobody asks it. */
static void stop_counting(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static bool is_lost(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return errno == ENOENT;
	return S_ISREG(info.st_mode) && info.st_size == 0;
}

static void add_owner(const struct stat *info, const char *path, char *error, size_t size)
{
	char buffer[1024];
	struct passwd entry, *found = NULL;
	size_t len = strlen(error);

	(void)getpwuid_r(info->st_uid, &entry, buffer, sizeof(buffer), &found);
	snprintf(error + len, size - len, ": %s is %s's, mode %04o, and this process is uid %ld", path, found ? found->pw_name : "nobody it knows",
		 (unsigned)info->st_mode & 07777, (long)geteuid());
}

/* Whose is it that may not be used: the file, or the folder that it is in? */
static void explain_access(const char *path, char *error, size_t size)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat info;

	if (stat(path, &info) == 0 && (S_ISDIR(info.st_mode) || access(path, R_OK | W_OK) < 0)) {
		if (S_ISDIR(info.st_mode))
			snprintf(error, size, "%s: it is a folder", path);
		else
			add_owner(&info, path, error, size);
		return;
	}
	snprintf(folder, sizeof(folder), "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
	if (stat(folder, &info) == 0 && access(folder, W_OK | X_OK) < 0)
		add_owner(&info, folder, error, size);
}

static int open_file(const struct store_options *options, const char *place, int flags, struct sql **ret_sql, char *ret_error, size_t size)
{
	struct sql *sql = calloc(1, sizeof(*sql));

	if (!sql || !(sql->place = strdup(place))) {
		free(sql);
		return -ENOMEM;
	}
	int code = sqlite3_open_v2(place, &sql->db, SQLITE_OPEN_NOMUTEX | flags, NULL);
	if (sql->db)
		sqlite3_extended_result_codes(sql->db, 1);
	int result = code == SQLITE_OK ? configure(sql, options) : fail(sql, code);
	if (result < 0) {
		snprintf(ret_error, size, "%s: %s", place, sql->error);
		if (result == -EACCES)
			explain_access(place, ret_error, size);
		sqlite_close(sql);
		return result;
	}
	*ret_sql = sql;
	return 0;
}

/* As a URI file name of SQLite's: all that could mean something else there is encoded. */
static void write_uri(const char *path, const char *parameters, char *uri, size_t size)
{
	size_t len = (size_t)snprintf(uri, size, "file:");

	for (; *path && len + 4 < size; path++)
		len += (size_t)snprintf(uri + len, size - len, strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
	snprintf(uri + len, size - len, "%s", parameters);
}

/*
 * Where nothing may be written the write-ahead log cannot be shared, and SQLite reads the file alone only if it is told that nobody
 * changes it.  What is in such a log is not in the file: then it is refused rather than read without it.
 */
static int open_unchanging(const struct store_options *options, const char *place, struct sql **ret_sql, char *ret_error, size_t size)
{
	char log[PATH_MAX], uri[3 * PATH_MAX];
	struct stat info;

	snprintf(log, sizeof(log), "%s-wal", place);
	if (stat(log, &info) == 0 && info.st_size > 0) {
		snprintf(ret_error, size, "%s: cannot be read where it lies: its last changes are in %s, and nothing may be written beside it (copy both elsewhere)",
			 place, log);
		return -EROFS;
	}
	write_uri(place, "?immutable=1", uri, sizeof(uri));
	return open_file(options, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret_sql, ret_error, size);
}

static bool is_on_read_only(const char *place)
{
	return access(place, W_OK) < 0 && errno == EROFS;
}

static int sqlite_open(const struct store_options *options, const char *place, struct sql **ret_sql, char *ret_error, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool was_emptied = has_been_emptied(place);
	int result;

	pthread_once(&once, stop_counting);
	if (options->is_read_only && is_on_read_only(place))
		return open_unchanging(options, place, ret_sql, ret_error, size);
	if (options->must_exist && is_lost(place)) {
		snprintf(ret_error, size, "%s: is gone, or empty (put it back; a restart begins anew)", place);
		return -ENOENT;
	}
	result = options->is_read_only ? 0 : create_file(place);
	if (result < 0) {
		snprintf(ret_error, size, "%s: %s", place, strerror(-result));
		explain_access(place, ret_error, size);
		return result;
	}
	result = open_file(options, place, options->is_read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, ret_sql, ret_error, size);
	if (result == 0)
		(*ret_sql)->was_emptied = was_emptied;
	return result;
}

static bool sqlite_was_emptied(const struct sql *sql)
{
	return sql->was_emptied;
}

static int sqlite_execute(struct sql *sql, const char *script)
{
	int code = sqlite3_exec(sql->db, script, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(sql, code);
}

static int step_once(struct sql *sql, sqlite3_stmt **statement, const char *text)
{
	int code = *statement ? SQLITE_OK : sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(*statement);
	int result = code == SQLITE_DONE ? 0 : fail(sql, code);
	sqlite3_reset(*statement);
	return result;
}

/* What has become of a file that we have open; NULL: nothing. */
static const char *find_loss(const char *path, ino_t *known, off_t size_min)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return *known && errno == ENOENT ? "has been removed" : NULL;
	if (!*known)
		*known = info.st_ino;
	return info.st_ino != *known ? "has been exchanged" : info.st_size < size_min ? "has been emptied" : NULL;
}

/*
 * Who removes or exchanges the file of a running daemon leaves it with one that has no name, and all that goes into it would be lost
 * with the process.  What is only in the write-ahead log goes into the file first, and none of it remains beside another file.
 */
static int sqlite_check(struct sql *sql)
{
	char log[PATH_MAX];

	snprintf(log, sizeof(log), "%s-wal", sql->place);
	const char *path = sql->place, *loss = find_loss(path, &sql->file, 1);
	if (!loss && (loss = find_loss(log, &sql->log, 0)))
		path = log;
	if (!loss)
		return 0;
	if (strcmp(loss, "has been emptied") != 0)
		sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	snprintf(sql->error, sizeof(sql->error), "%.400s: %s while it was in use (put it back; a restart begins anew)", path, loss);
	return -EIO;
}

static int sqlite_begin(struct sql *sql)
{
	return step_once(sql, &sql->begin, "BEGIN IMMEDIATE");
}

static void sqlite_rollback(struct sql *sql)
{
	/* a failed COMMIT, a full disk may have ended it already */
	if (!sqlite3_get_autocommit(sql->db))
		sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
}

static int sqlite_commit(struct sql *sql)
{
	int result = step_once(sql, &sql->commit, "COMMIT");

	if (result < 0)
		sqlite_rollback(sql);
	return result;
}

static int bind_value(sqlite3_stmt *statement, int at, const struct sql_value *value)
{
	switch (value->kind) {
	case SQL_NUMBER:
		return sqlite3_bind_int64(statement, at, value->number);
	case SQL_TEXT:
		return sqlite3_bind_text64(statement, at, value->text.ptr, value->text.len, SQLITE_STATIC, SQLITE_UTF8);
	default:
		return sqlite3_bind_null(statement, at);
	}
}

static int bind_values(sqlite3_stmt *statement, const struct sql_value *params, size_t count)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < count && code == SQLITE_OK; i++)
		code = bind_value(statement, (int)i + 1, &params[i]);
	return code;
}

/* "$1" is a name to SQLite, numbered by its first use; "?1" is the first parameter wherever it stands. */
static int prepare(struct sql *sql, const char *text, sqlite3_stmt **ret_statement)
{
	char *numbered = strdup(text);

	if (!numbered)
		return SQLITE_NOMEM;
	for (char *at = numbered; (at = strchr(at, '$'));)
		*at = '?';
	int code = sqlite3_prepare_v3(sql->db, numbered, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);
	free(numbered);
	return code;
}

static void read_row(sqlite3_stmt *statement, struct sql_value *columns, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int type = sqlite3_column_type(statement, (int)i);
		if (type == SQLITE_INTEGER) {
			columns[i] = sql_number(sqlite3_column_int64(statement, (int)i));
		} else if (type == SQLITE_NULL) {
			columns[i] = sql_text(SPAN_NONE);
		} else {
			const char *text = (const char *)sqlite3_column_text(statement, (int)i);
			size_t len = (size_t)sqlite3_column_bytes(statement, (int)i);
			columns[i] = sql_text(span_make(text ? text : "", len));
		}
	}
}

static int step_through(sqlite3_stmt *statement, sql_visit *visit, void *data, int *ret_rows)
{
	struct sql_value columns[SQL_PARAMS_MAX];
	size_t count = (size_t)sqlite3_column_count(statement);
	int code;

	*ret_rows = 0;
	if (count > SQL_PARAMS_MAX)
		return SQLITE_RANGE;
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		if (*ret_rows < INT_MAX)
			++*ret_rows;
		if (!visit)
			continue;
		read_row(statement, columns, count);
		if (!visit(data, columns, count))
			return SQLITE_DONE;
	}
	return code;
}

static int sqlite_run(struct sql *sql, unsigned slot, const char *text, const struct sql_value *params, size_t count,
		      sql_visit *visit, void *data)
{
	sqlite3_stmt **statement = &sql->statements[slot];
	int code = SQLITE_OK, rows = 0;

	if (!*statement)
		code = prepare(sql, text, statement);
	if (code == SQLITE_OK)
		code = bind_values(*statement, params, count);
	if (code == SQLITE_OK)
		code = step_through(*statement, visit, data, &rows);
	int result = code == SQLITE_DONE ? rows : fail(sql, code);
	if (*statement) {
		sqlite3_reset(*statement);
		sqlite3_clear_bindings(*statement);
	}
	return result;
}

struct pair_visit {
	bool (*visit)(void *data, uint64_t first, uint64_t second);
	void *data;
	bool is_stopped;
};

static void take_pair(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct pair_visit *visitor = sqlite3_user_data(context);

	(void)count;
	if (visitor->visit(visitor->data, (uint64_t)sqlite3_value_int64(values[0]), (uint64_t)sqlite3_value_int64(values[1])))
		return;
	visitor->is_stopped = true;
	sqlite3_result_error_code(context, SQLITE_ABORT);
}

static void end_pairs(sqlite3_context *context)
{
	(void)context;
}

/* An aggregate of our own is called in the midst of the reading: half the work of asking for row after row. */
static int sqlite_list_pairs(struct sql *sql, const char *table, const char *first, const char *second,
			     bool (*visit)(void *data, uint64_t first, uint64_t second), void *data)
{
	struct pair_visit visitor = { visit, data, false };
	char text[200];

	snprintf(text, sizeof(text), "SELECT kodama_take_pair(%s, %s) FROM %s", first, second, table);
	int code = sqlite3_create_function_v2(sql->db, "kodama_take_pair", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, &visitor, NULL, take_pair,
					      end_pairs, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
	int result = code == SQLITE_OK || visitor.is_stopped ? 0 : fail(sql, code);
	sqlite3_create_function_v2(sql->db, "kodama_take_pair", 2, SQLITE_UTF8, NULL, NULL, NULL, NULL, NULL);
	return result;
}

static const char *sqlite_get_error(const struct sql *sql)
{
	return sql->error;
}

const struct sql_driver sqlite_driver = {
	.scheme = "sqlite:",
	.is_place_shown = true,
	.id_type = "INTEGER PRIMARY KEY",
	.hash_type = "INTEGER PRIMARY KEY",
	.key_type = "TEXT",
	.clustered = " WITHOUT ROWID",
	.open = sqlite_open,
	.close = sqlite_close,
	.was_emptied = sqlite_was_emptied,
	.check = sqlite_check,
	.execute = sqlite_execute,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.run = sqlite_run,
	.list_pairs = sqlite_list_pairs,
	.get_error = sqlite_get_error,
};
