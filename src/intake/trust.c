/* SPDX-License-Identifier: BSD-2-Clause */
/* Owners and modes, from the file up to the root of the file system. */
#include "intake/trust.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

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

/*
 * What an access control list gives to users and groups of its own is bounded by the mode's bits of the group (acl(5), the mask): only
 * where these let somebody write is there more to ask.
 */
static bool has_access_list(const char *path)
{
	return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* at: the name by which it is looked at now. */
static bool check_entry(const struct stat *info, const char *path, const char *at, bool may_be_sticky, char *why, size_t size)
{
	const bool is_sticky = may_be_sticky && (info->st_mode & S_ISVTX);

	if (!is_trusted_owner(info->st_uid))
		return refuse(why, size, path, "belongs to neither root nor syslog");
	if ((info->st_mode & S_IWOTH) && !is_sticky)
		return refuse(why, size, path, "may be written by everybody");
	if ((info->st_mode & S_IWGRP) && !is_sticky && !is_trusted_group(info->st_gid))
		return refuse(why, size, path, "may be written by a group");
	if ((info->st_mode & S_IWGRP) && !is_sticky && has_access_list(at))
		return refuse(why, size, path, "has an access control list by which others may write it (getfacl shows it)");
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

/* The folder of a file as it is named; "" is the root. */
static bool cut_folder(const char *path, char folder[static PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	return slash && snprintf(folder, PATH_MAX, "%.*s", (int)(slash - path), path) < PATH_MAX;
}

bool trust_find_folder(const char *path, char ret_real[static PATH_MAX])
{
	char folder[PATH_MAX];

	if (!cut_folder(path, folder) || !realpath(folder[0] ? folder : "/", ret_real))
		return false;
	if (strcmp(ret_real, "/") == 0)
		ret_real[0] = '\0';
	return true;
}

/* From a folder up to the root; the name is cut on the way. */
static bool check_folders(char folder[static PATH_MAX], char *why, size_t size)
{
	bool is_own = true;

	for (char *end = folder + strlen(folder); end; end = strrchr(folder, '/')) {
		struct stat info;
		*end = '\0';
		const char *name = folder[0] ? folder : "/";
		if (stat(name, &info) < 0)
			return refuse(why, size, name, "cannot be looked at");
		if (!check_entry(&info, name, name, !is_own, why, size))
			return false;
		is_own = false;
	}
	return true;
}

static bool check_file(int fd, const char *path, char *why, size_t size)
{
	char at[sizeof("/proc/self/fd/") + 3 * sizeof(fd)];
	struct stat info;

	if (fstat(fd, &info) < 0)
		return refuse(why, size, path, "cannot be looked at");
	if (!S_ISREG(info.st_mode))
		return refuse(why, size, path, "is no regular file");
	if (info.st_nlink > 1)
		return refuse(why, size, path, "has more than one name");
	snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	return check_entry(&info, path, at, false, why, size);
}

bool trust_check_log(int fd, const char *path, char *why, size_t size)
{
	char named[PATH_MAX], real[PATH_MAX];

	if (!check_file(fd, path, why, size))
		return false;
	if (!cut_folder(path, named) || !trust_find_folder(path, real))
		return refuse(why, size, path, "cannot be looked at");
	/* whoever may change a link on the way decides what is read */
	if (strcmp(named, real) != 0 && !check_folders(named, why, size))
		return false;
	if (!check_folders(real, why, size))
		return false;
	for (size_t i = 0; i < sizeof(postlogs) / sizeof(postlogs[0]); i++)
		if (!trust_check_postlog(postlogs[i], why, size))
			return false;
	return true;
}
