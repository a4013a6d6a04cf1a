/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Without a daemon: the store opened here.  Root first becomes the owner of the database's file, so that it leaves none
 * (SQLite's -wal and -shm among them) that the daemon cannot open.  One thread.
 */
#include "cli/direct.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "ops/admin.h"
#include "ops/keyadmin.h"

struct answer_to {
	control_emit *emit;
	void *data;
	json_t *end;
	uid_t uid; /* who asks */
};

/* The owner of the file, or where there is none yet, of the folder that it will be made in. */
static int find_owner(const char *path, struct stat *ret_info)
{
	const char *slash = strrchr(path, '/');
	char folder[4096];

	if (stat(path, ret_info) == 0)
		return 0;
	if (errno != ENOENT || !slash)
		return -errno;
	snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return stat(folder, ret_info) == 0 ? 0 : -errno;
}

static int become_owner(const char *path)
{
	struct stat info;

	if (geteuid() != 0 || !path[0])
		return 0;
	int error = find_owner(path, &info);
	if (error || info.st_uid == 0)
		return error;
	if (setgroups(0, NULL) < 0 || setgid(info.st_gid) < 0 || setuid(info.st_uid) < 0)
		return -errno;
	return 0;
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

static int ask_store(const struct config *config, const json_t *request, struct answer_to *to)
{
	struct store_options store_options = conf_get_store_options(config);
	struct admin admin = { .enforce = config->limits.enforce, .extension_delimiters = config->extension_delimiters };
	char by[32];
	int error = store_open(&store_options, &admin.store);

	if (error)
		return error;
	snprintf(by, sizeof(by), "uid %ld", (long)to->uid);
	error = admin_handle(&admin, request, by, take_row, to);
	store_close(admin.store);
	return error;
}

int direct_ask(const struct config *config, const json_t *request, control_emit *emit, void *data, json_t **ret_end)
{
	const char *what = json_string_value(json_object_get(request, "do"));
	bool is_about_keys = what && keyadmin_knows(what);
	struct answer_to to = { .emit = emit, .data = data, .uid = getuid() };
	int error = become_owner(find_path(config, is_about_keys));

	if (!error)
		error = is_about_keys ? ask_keys(config, request, &to) : ask_store(config, request, &to);
	if (to.end)
		error = 0; /* what is wrong has been told */
	*ret_end = to.end;
	return error;
}
