/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of classification share: a folder of rules made from a text, and the shipped one. */
#ifndef KODAMA_TESTS_RULES_FIXTURE_H
#define KODAMA_TESTS_RULES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "classify/classify.h"

/* A folder as `etc`, with what a test puts into it. */
struct folder {
	char path[64];
};

static const char *const folder_names[] = { "rules.d/a.rules", "rules.d/b.rules", "local.rules", "providers.conf", "advice/a.advice" };

static inline void folder_write(const struct folder *folder, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static inline void folder_make(struct folder *folder)
{
	char path[128];

	*folder = (struct folder){ "/tmp/kodama-test-XXXXXX" };
	assert_non_null(mkdtemp(folder->path));
	snprintf(path, sizeof(path), "%s/rules.d", folder->path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/advice", folder->path);
	assert_int_equal(mkdir(path, 0700), 0);
}

static inline void folder_remove(const struct folder *folder)
{
	char path[128];

	for (size_t i = 0; i < sizeof(folder_names) / sizeof(*folder_names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder->path, folder_names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/rules.d", folder->path);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/advice", folder->path);
	rmdir(path);
	rmdir(folder->path);
}

static inline struct ruleset *load_or_fail(const char *etc)
{
	struct ruleset *ruleset = NULL;
	struct complaint complaint;

	if (ruleset_load(etc, &ruleset, &complaint) < 0)
		fail_msg("%s:%u: %s", complaint.path, complaint.line, complaint.text);
	return ruleset;
}

static inline const char *get_shipped(void)
{
	static char etc[4096];
	const char *top = getenv("top_srcdir");

	snprintf(etc, sizeof(etc), "%s/etc", top ? top : ".");
	return etc;
}

static inline struct ruleset *load_shipped(void)
{
	return load_or_fail(get_shipped());
}

/* The rules of one text. */
static inline struct ruleset *load_text(const char *rules)
{
	struct folder folder;
	struct ruleset *ruleset;

	folder_make(&folder);
	folder_write(&folder, "rules.d/a.rules", rules);
	folder_write(&folder, "providers.conf",
		     "provider acme { mx = {\"acme.example\", \"mail.example.net\"} recipient = {\"acme.test\"} text = {\"- acmesmtp\"} }\n"
		     "provider other { mx = {\"deep.acme.example\"} recipient = {\"other.test\"} text = {\"- acmesmtp ltd\"} }\n");
	ruleset = load_or_fail(folder.path);
	folder_remove(&folder);
	return ruleset;
}

#endif
