/* SPDX-License-Identifier: BSD-2-Clause */
/* Any rule file loads, or is refused with a reason; what loads can be checked and classifies. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "classify/check.h"
#include "classify/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count_finding(void *data, const struct finding *finding)
{
	*(size_t *)data += finding->text != NULL;
}

static void ask(const struct ruleset *ruleset)
{
	struct scratch *scratch = scratch_new();
	struct query query = { .text = SPAN_LIT("550 5.1.1 <neko@example.com>: user unknown, spam, quota") };
	struct verdict verdict;

	if (!scratch)
		abort();
	classify(ruleset, scratch, &query, &verdict);
	if (!verdict.rule || !verdict.advice[LANGUAGE_EN] || !verdict.advice[LANGUAGE_JA])
		abort();
	scratch_free(scratch);
}

static void use(const struct ruleset *ruleset)
{
	size_t findings = 0;

	if (ruleset_check(ruleset, count_finding, &findings) < 0)
		abort();
	ask(ruleset);
}

static char folder[64], rules_folder[80];

static void remove_folder(void)
{
	rmdir(rules_folder);
	rmdir(folder);
}

/* One folder for the whole run: a file is all that changes. */
static const char *get_folder(void)
{
	if (*folder)
		return folder;
	snprintf(folder, sizeof(folder), "/tmp/kodama-fuzz-XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(rules_folder, sizeof(rules_folder), "%s/rules.d", folder);
	if (mkdir(rules_folder, 0700) < 0)
		abort();
	atexit(remove_folder);
	return folder;
}

/* What of the file is a pattern is looked at though nobody has compiled it. */
static void use_lazily(void)
{
	struct ruleset *ruleset;
	struct complaint complaint;

	if (ruleset_load_lazy(get_folder(), &ruleset, &complaint) < 0)
		return;
	ask(ruleset);
	(void)ruleset_find_broken(ruleset, &complaint);
	ruleset_free(ruleset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ruleset *ruleset;
	struct complaint complaint = { .line = 0 };
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/rules.d/a.rules", get_folder());
	file = fopen(path, "we");
	if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
		abort();
	if (ruleset_load(get_folder(), &ruleset, &complaint) == 0) {
		use(ruleset);
		ruleset_free(ruleset);
	} else if (!complaint.text[0]) {
		abort();
	}
	use_lazily();
	unlink(path);
	return 0;
}
