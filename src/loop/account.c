/* SPDX-License-Identifier: BSD-2-Clause */
/* Privileges: given up once, in the order initgroups, setgid, setuid, and checked. */
#include "loop/account.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int account_find(const char *user, const char *group, struct account *ret_account, struct complaint *complaint)
{
	struct passwd *entry;
	struct group *group_entry;

	*ret_account = (struct account){ user, (uid_t)-1, (gid_t)-1 };
	if (geteuid() != 0)
		return 0;
	entry = getpwnam(user);
	if (!entry || entry->pw_uid == 0) {
		complaint_set(complaint, "", 0, entry ? "user %s: is root" : "user %s: there is no such user (adduser --system --group %s makes one)", user,
			      user);
		return -EINVAL;
	}
	group_entry = getgrnam(group);
	if (!group_entry || group_entry->gr_gid == 0) {
		complaint_set(complaint, "", 0, group_entry ? "group %s: is root's" : "group %s: there is no such group", group);
		return -EINVAL;
	}
	ret_account->uid = entry->pw_uid;
	ret_account->gid = group_entry->gr_gid;
	return 0;
}

/* By descriptor: what is there in place of the folder is not followed. */
static int give_folder(const struct account *account, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (account->uid != (uid_t)-1 && fchown(fd, account->uid, account->gid) < 0)
		error = -errno;
	if (error == 0 && fchmod(fd, 0700) < 0)
		error = -errno;
	close(fd);
	return error;
}

int account_make_folder(const struct account *account, const char *path, struct complaint *complaint)
{
	int error = mkdir(path, 0700) < 0 ? -errno : give_folder(account, path);

	if (error == 0 || error == -EEXIST)
		return 0;
	complaint_set(complaint, path, 0, "cannot be made: %s", strerror(-error));
	return error;
}

static bool is_become(const struct account *account)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	if (getresuid(&uid, &euid, &suid) < 0 || getresgid(&gid, &egid, &sgid) < 0)
		return false;
	return uid == account->uid && euid == uid && suid == uid && gid == account->gid && egid == gid && sgid == gid && setuid(0) < 0 && setgid(0) < 0;
}

int account_become(const struct account *account, struct complaint *complaint)
{
	if (account->uid == (uid_t)-1)
		return 0;
	if (initgroups(account->name, account->gid) < 0 || setgid(account->gid) < 0 || setuid(account->uid) < 0 || !is_become(account)) {
		complaint_set(complaint, "", 0, "cannot become user %s: %s", account->name, strerror(errno));
		return -EPERM;
	}
	/* root's is closed to it: libpq looks there for keys and passwords, and finds the account's own by its name */
	unsetenv("HOME");
	return 0;
}
