/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files that a PATH stands for: itself, what a Maildir holds, or what lies under a folder.  Names are read in
 * batches and sorted within them, so that a folder with a million files costs no more memory than a small one.
 * One thread.
 */
#ifndef KODAMA_CLI_WALK_H
#define KODAMA_CLI_WALK_H

#include <stddef.h>

struct walk_visitor {
	/* A file to read; `folder` and `name` are for openat(), `path` is for people. */
	void (*visit)(void *data, int folder, const char *name, const char *path);
	/* What cannot be read; may be NULL. */
	void (*refuse)(void *data, const char *path, const char *why);
	void *data;
};

/*
 * "-" is visited as it is.  Of a Maildir: new, cur, and its subfolders.  Of another folder: regular files and links to
 * them, and folders in it; no names that begin with ".", no links to folders, no devices.
 */
void walk_path(const char *path, const struct walk_visitor *visitor);

#endif
