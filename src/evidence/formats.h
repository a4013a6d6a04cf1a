/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forms of bounces that are no RFC 3464 report, as data (etc/formats.d/[name].formats, libconfuse syntax):
 * how a form is known, where its recipients and replies stand, where the original begins.
 * Loading does I/O (conf calls it); reading is pure, frozen, any thread.
 */
#ifndef KODAMA_EVIDENCE_FORMATS_H
#define KODAMA_EVIDENCE_FORMATS_H

#include "base/complaint.h"
#include "evidence/evidence.h"

/* All *.formats of `dir` in the order of their names, or none: -EINVAL with *complaint, -errno, -ENOMEM. */
int formats_load(const char *dir, struct formats **ret_formats, struct complaint *complaint) __attribute__((warn_unused_result));
void formats_free(struct formats *formats);

/* Does a header signature of some form name this mail (top header only)? */
bool formats_is_candidate(const struct formats *formats, const struct mail *mail);

/* Appends the outcomes of the form that knows this mail; 1 known, 0 no form knows it, -ENOMEM. */
int formats_read(const struct formats *formats, const struct mail *mail, struct outcomes *outcomes) __attribute__((warn_unused_result));

/*
 * Reads the samples of all forms: each must be read by its own form and give what it says.  -EINVAL with the
 * first that does not in *complaint, -ENOMEM.
 */
int formats_check(const struct formats *formats, struct complaint *complaint) __attribute__((warn_unused_result));

size_t formats_get_count(const struct formats *formats);

/* The name of the form that reads this mail; NULL where none does. */
const char *formats_find(const struct formats *formats, const struct mail *mail);

#endif
