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
#include <unistd.h>

#include "conf/conf.h"
#include "ops/admin.h"

struct answer_to {
	control_emit *emit;
	void *data;
	json_t *end;
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

static int become_owner(const char *uri)
{
	static const char scheme[] = "sqlite:";
	struct stat info;

	if (geteuid() != 0 || strncmp(uri, scheme, sizeof(scheme) - 1) != 0)
		return 0;
	int error = find_owner(uri + sizeof(scheme) - 1, &info);
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

int direct_ask(const struct config *config, const json_t *request, control_emit *emit, void *data, json_t **ret_end)
{
	struct store_options store_options = conf_get_store_options(config);
	struct admin admin = { .enforce = config->limits.enforce, .extension_delimiters = config->extension_delimiters };
	struct answer_to to = { .emit = emit, .data = data };
	char by[32];

	snprintf(by, sizeof(by), "uid %ld", (long)getuid());
	int error = become_owner(store_options.uri);
	if (!error)
		error = store_open(&store_options, &admin.store);
	if (error)
		return error;
	error = admin_handle(&admin, request, by, take_row, &to);
	store_close(admin.store);
	if (to.end)
		error = 0; /* what is wrong has been told */
	*ret_end = to.end;
	return error;
}
