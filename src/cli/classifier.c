/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads what classifying needs.  One thread. */
#include "cli/classifier.h"

#include <errno.h>

#include "conf/conf.h"

int classifier_load(const char *etc, struct classifier *ret_classifier, struct complaint *complaint)
{
	struct classifier classifier = { 0 };

	complaint_set(complaint, etc, 0, "cannot be loaded");
	int error = ruleset_load(etc, &classifier.ruleset, complaint);
	if (!error)
		error = conf_load_formats(etc, &classifier.formats, complaint);
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
	formats_unref(classifier->formats);
	ruleset_unref(classifier->ruleset);
}
