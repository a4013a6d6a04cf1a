/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can nobody but root and the log daemon have written that file?  Asked before what a log says may prove anything
 * (maillog trust = yes).  Any thread.
 */
#ifndef KODAMA_INTAKE_TRUST_H
#define KODAMA_INTAKE_TRUST_H

#include <stddef.h>
#include <stdbool.h>

/*
 * fd: the open file; path: its name, absolute.  Asked: a regular file with one name, of root or of the account syslog, that neither
 * others nor a group but root's, adm's and syslog's may write, in folders of which the same is true.  A folder that everybody may write
 * is accepted above the file's own where it is sticky (/tmp).  False: a sentence in why.
 */
bool trust_check_log(int fd, const char *path, char *why, size_t size);

#endif
