/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can nobody but root and the log daemon have written that file?  Asked before what a log says may prove anything
 * (maillog trust = yes).  Any thread.
 */
#ifndef KODAMA_INTAKE_TRUST_H
#define KODAMA_INTAKE_TRUST_H

#include <limits.h>
#include <stddef.h>
#include <stdbool.h>

/*
 * fd: the open file; path: the name that it had when it was opened, absolute; it may have another one since.  Asked: a
 * regular file with one name, of root or of the account syslog, that neither others nor a group but root's, adm's and
 * syslog's may write, nor anybody by an access control list, in folders of which the same is true, the name's as well as those that
 * it leads to.  A folder that everybody may write is accepted above the file's own where it is sticky (/tmp).  And no postlog(1)
 * as below.  False: a sentence in why.
 */
bool trust_check_log(int fd, const char *path, char *why, size_t size);

/*
 * Since Postfix 3.7 postlog(1) is installed set-group-ID postdrop: it hands whatever a local user says, under whatever name, to
 * postlogd, which writes it like a line of Postfix's own.  False: that one is, and everybody may run it.
 */
bool trust_check_postlog(const char *path, char *why, size_t size);

/* The folder of a file by its real name, without a slash at its end: "" is the root.  False: it cannot be found. */
bool trust_find_folder(const char *path, char ret_real[static PATH_MAX]);

#endif
