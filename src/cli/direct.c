/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Without a daemon: the store opened here.  Root first becomes the owner of the database's file, so that it leaves none
 * (SQLite's -wal and -shm among them) that the daemon cannot open.  One thread.
 */
#include "cli/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "loop/account.h"
#include "ops/admin.h"
#include "ops/keyadmin.h"

struct direct {
	const struct config *config;
	struct admin admin; /* its store is opened by the first request that needs it */
	char by[32];
};

struct answer_to {
	control_emit *emit;
	void *data;
	json_t *end;
};

static int become(const struct account *account, struct complaint *complaint)
{
	if (setgroups(0, NULL) == 0 && setgid(account->gid) == 0 && setuid(account->uid) == 0)
		return 0;
	complaint_set(complaint, "", 0, "cannot become the database's owner: %s", strerror(errno));
	return -errno;
}

static const char *const file_ends[] = { "", "-wal", "-shm" };

/* What root made is given to the account: the daemon could not open it. */
static int give_files(const char *path, const struct account *account)
{
	char name[4096];
	int error = 0;

	for (size_t i = 0; i < sizeof(file_ends) / sizeof(file_ends[0]) && error == 0; i++) {
		snprintf(name, sizeof(name), "%s%s", path, file_ends[i]);
		int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0) {
			error = errno == ENOENT ? 0 : -errno;
			continue;
		}
		struct stat info;
		if (fstat(fd, &info) < 0 || (S_ISREG(info.st_mode) && info.st_nlink == 1 && fchown(fd, account->uid, account->gid) < 0))
			error = -errno;
		close(fd);
	}
	return error;
}

static int become_configured(const struct config *config, const char *path, bool has_file, struct complaint *complaint)
{
	const char *slash = strrchr(path, '/');
	struct account account;
	char folder[4096];
	int error;

	/* no such account: then no daemon can run by this configuration, and nothing can be kept from it */
	if (account_find(config->user, config->group, &account, complaint) < 0) {
		*complaint = (struct complaint){ .line = 0 };
		return 0;
	}
	if (has_file) {
		error = give_files(path, &account);
	} else {
		snprintf(folder, sizeof(folder), "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
		error = account_make_folder(&account, folder, complaint);
	}
	if (error < 0 && !complaint->text[0])
		complaint_set(complaint, path, 0, "cannot be given to user %s: %s", config->user, strerror(-error));
	return error < 0 ? error : become(&account, complaint);
}

/* A database in a backup that is mounted so, or on a disk that the kernel no longer writes to. */
static bool is_on_read_only(const char *path)
{
	return path[0] && access(path, W_OK) < 0 && errno == EROFS;
}

/* The owner of the file, of the folder that it will be made in, or, where both are root's, whom the daemon becomes. */
static int become_owner(const struct config *config, const char *path, struct complaint *complaint)
{
	const char *slash = strrchr(path, '/');
	char folder[4096];
	struct stat info;

	if (path[0] && access(path, R_OK | W_OK) < 0 && errno == EACCES) {
		complaint_set(complaint, path, 0, "%s: no daemon runs, and the database is its owner's and root's", strerror(EACCES));
		return -EACCES;
	}
	if (geteuid() != 0 || !path[0] || is_on_read_only(path))
		return 0;
	bool has_file = stat(path, &info) == 0;
	snprintf(folder, sizeof(folder), "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
	if ((!has_file && stat(folder, &info) < 0) || info.st_uid == 0)
		return become_configured(config, path, has_file, complaint);
	const struct account owner = { "", info.st_uid, info.st_gid };
	return become(&owner, complaint);
}

int direct_open(const struct config *config, struct direct **ret_direct)
{
	struct direct *direct = calloc(1, sizeof(*direct));

	if (!direct)
		return -ENOMEM;
	direct->config = config;
	direct->admin = (struct admin){ .enforce = config->limits.enforce, .extension_delimiters = config->extension_delimiters };
	snprintf(direct->by, sizeof(direct->by), "uid %ld", (long)getuid());
	*ret_direct = direct;
	return 0;
}

void direct_close(struct direct *direct)
{
	if (!direct)
		return;
	store_close(direct->admin.store);
	free(direct);
}

/* Owns what it gets. */
static int take_row(void *data, json_t *row)
{
	struct answer_to *to = data;
	int error = 0;

	if (json_object_get(row, "ok")) {
		json_decref(to->end);
		to->end = row;
		return 0;
	}
	if (to->emit)
		error = to->emit(to->data, row);
	json_decref(row);
	return error;
}

/* The file that is asked about: the keys', else the database's; "" where that is a server. */
static const char *find_path(const struct config *config, bool is_about_keys)
{
	static const char scheme[] = "sqlite:";

	if (is_about_keys && config->keys.path[0])
		return config->keys.path;
	return strncmp(config->store.uri, scheme, sizeof(scheme) - 1) == 0 ? config->store.uri + sizeof(scheme) - 1 : "";
}

static int ask_keys(const struct config *config, const json_t *request, struct answer_to *to)
{
	struct keysource_options options = conf_get_keysource_options(config);
	int error = keyadmin_handle(&options, request, time(NULL), take_row, to);

	return error == KEYADMIN_CHANGED ? take_row(to, json_pack("{s:b}", "ok", 1)) : error;
}

static int ensure_store(struct direct *direct, const char *what, struct complaint *complaint)
{
	struct store_options options = conf_get_store_options(direct->config);
	const char *path = find_path(direct->config, false);

	if (direct->admin.store)
		return 0;
	options.is_read_only = is_on_read_only(path);
	if (options.is_read_only && !admin_is_reading(what)) {
		complaint_set(complaint, path, 0, "%s: list, check, why, export and report are possible, changes are not", strerror(EROFS));
		return -EROFS;
	}
	int error = store_open(&options, &direct->admin.store);
	/* not the URI, which may hold a password; the reason never holds it */
	if (error)
		complaint_set(complaint, "", 0, "%s", store_get_error(NULL));
	return error;
}

static int ask_store(struct direct *direct, const json_t *request, struct answer_to *to, struct complaint *complaint)
{
	int error = ensure_store(direct, json_string_value(json_object_get(request, "do")), complaint);

	return error ? error : admin_handle(&direct->admin, request, direct->by, take_row, to);
}

int direct_tell(struct direct *direct, const json_t *request, control_emit *emit, void *data, json_t **ret_end, struct complaint *complaint)
{
	const char *what = json_string_value(json_object_get(request, "do"));
	bool is_about_keys = what && keyadmin_knows(what);
	struct answer_to to = { .emit = emit, .data = data };
	int error = become_owner(direct->config, find_path(direct->config, is_about_keys), complaint);

	if (error)
		return error;
	error = is_about_keys ? ask_keys(direct->config, request, &to) : ask_store(direct, request, &to, complaint);
	if (to.end)
		error = 0; /* what is wrong has been told */
	*ret_end = to.end;
	return error;
}
