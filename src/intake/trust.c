/* SPDX-License-Identifier: BSD-2-Clause */
/* Owners and modes, from the file up to the root of the file system. */
#include "intake/trust.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_BUFFER = 4096 };

static bool is_trusted_owner(uid_t uid)
{
	char buffer[NAME_BUFFER];
	struct passwd entry, *found = NULL;

	if (uid == 0)
		return true;
	return getpwnam_r("syslog", &entry, buffer, sizeof(buffer), &found) == 0 && found && found->pw_uid == uid;
}

/* Groups that Debian and its kin let write into /var/log. */
static bool is_trusted_group(gid_t gid)
{
	static const char *const names[] = { "syslog", "adm" };
	char buffer[NAME_BUFFER];
	struct group entry, *found = NULL;

	if (gid == 0)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getgrnam_r(names[i], &entry, buffer, sizeof(buffer), &found) == 0 && found && found->gr_gid == gid)
			return true;
	return false;
}

static bool refuse(char *why, size_t size, const char *path, const char *reason)
{
	snprintf(why, size, "%s %s", path, reason);
	return false;
}

static bool check_entry(const struct stat *info, const char *path, bool may_be_sticky, char *why, size_t size)
{
	if (!is_trusted_owner(info->st_uid))
		return refuse(why, size, path, "belongs to neither root nor syslog");
	if ((info->st_mode & S_IWOTH) && !(may_be_sticky && (info->st_mode & S_ISVTX)))
		return refuse(why, size, path, "may be written by everybody");
	if ((info->st_mode & S_IWGRP) && !(may_be_sticky && (info->st_mode & S_ISVTX)) && !is_trusted_group(info->st_gid))
		return refuse(why, size, path, "may be written by a group");
	return true;
}

/* Where Postfix's files say that it belongs (command_directory). */
static const char *const postlogs[] = { "/usr/sbin/postlog", "/usr/local/sbin/postlog" };

bool trust_check_postlog(const char *path, char *why, size_t size)
{
	struct stat info;

	if (stat(path, &info) < 0 || !(info.st_mode & S_ISGID) || !(info.st_mode & S_IXOTH))
		return true;
	return refuse(why, size, path, "is set-group-ID, by which every local user can write into Postfix's log (chmod g-s)");
}

/* The folder of a file, without links, and without a slash at its end. */
static bool find_folder(const char *path, char real[static PATH_MAX])
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash || snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path) >= (int)sizeof(folder))
		return false;
	if (!realpath(folder[0] ? folder : "/", real))
		return false;
	if (strcmp(real, "/") == 0)
		real[0] = '\0';
	return true;
}

bool trust_check_log(int fd, const char *path, char *why, size_t size)
{
	char real[PATH_MAX];
	struct stat info;
	bool is_own_folder = true;

	if (fstat(fd, &info) < 0 || !find_folder(path, real))
		return refuse(why, size, path, "cannot be looked at");
	if (!S_ISREG(info.st_mode))
		return refuse(why, size, path, "is no regular file");
	if (info.st_nlink > 1)
		return refuse(why, size, path, "has more than one name");
	if (!check_entry(&info, path, false, why, size))
		return false;
	for (char *end = real + strlen(real); end; end = strrchr(real, '/')) {
		*end = '\0';
		if (stat(real[0] ? real : "/", &info) < 0)
			return refuse(why, size, real, "cannot be looked at");
		if (!check_entry(&info, real[0] ? real : "/", !is_own_folder, why, size))
			return false;
		is_own_folder = false;
	}
	for (size_t i = 0; i < sizeof(postlogs) / sizeof(postlogs[0]); i++)
		if (!trust_check_postlog(postlogs[i], why, size))
			return false;
	return true;
}
