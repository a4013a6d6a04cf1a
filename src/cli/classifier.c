/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads what classifying needs.  One thread. */
#include "cli/classifier.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Without the folder only the standard forms are read. */
static int load_formats(const char *etc, struct formats **ret_formats, struct complaint *complaint)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/formats.d", etc);
	int error = formats_load(path, ret_formats, complaint);
	return error == -ENOENT ? 0 : error;
}

int classifier_load_rules(const char *etc, bool is_lazy, struct ruleset **ret_ruleset, struct complaint *complaint)
{
	struct ruleset *ruleset;

	complaint_set(complaint, etc, 0, "cannot be loaded");
	int error = is_lazy ? ruleset_load_lazy(etc, &ruleset, complaint) : ruleset_load(etc, &ruleset, complaint);
	if (error)
		return error;
	if (ruleset_get_count(ruleset) == 0) {
		complaint_set(complaint, etc, 0, "there are no rules in rules.d: --etc names another folder");
		ruleset_free(ruleset);
		return -EINVAL;
	}
	*ret_ruleset = ruleset;
	return 0;
}

int classifier_load(const char *etc, struct classifier *ret_classifier, struct complaint *complaint)
{
	struct classifier classifier = { 0 };

	int error = classifier_load_rules(etc, false, &classifier.ruleset, complaint);
	if (!error)
		error = load_formats(etc, &classifier.formats, complaint);
	if (!error) {
		classifier.scratch = scratch_new();
		error = classifier.scratch ? 0 : -ENOMEM;
	}
	if (error) {
		classifier_done(&classifier);
		return error;
	}
	*ret_classifier = classifier;
	return 0;
}

void classifier_done(struct classifier *classifier)
{
	scratch_free(classifier->scratch);
	formats_free(classifier->formats);
	ruleset_free(classifier->ruleset);
}
