/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's word on what suppresses: sections `suppress NAME { ... }`, presets, exemptions.  Filled by conf, frozen.
 */
#ifndef KODAMA_DECIDE_LIMITS_H
#define KODAMA_DECIDE_LIMITS_H

#include "decide/decision.h"

enum preset { PRESET_CAREFUL, PRESET_STRICT, PRESET_SHANON, PRESET_COUNT };

enum { SECTION_NAME_SIZE = 64 };

struct limit {
	const char *name;       /* the section's title, "gone"; counts are kept under it; under SECTION_NAME_SIZE bytes */
	uint64_t classes;       /* bit 1 << enum class; 0: any */
	unsigned effects;       /* bit 1 << enum effect; 0: any */
	unsigned scopes;        /* bit 1 << enum scope; 0: any */
	unsigned after;         /* failures in a row; 1: at once */
	int64_t within_s;       /* window of the row; TIME_FOREVER: none */
	int64_t for_s;          /* TIME_FOREVER: for ever */
};

struct limits {
	struct limit *items;
	size_t count;
	enum preset preset;
	bool enforce;                 /* no: decide, mark and log, refuse nothing */
	bool is_proof_required;       /* proof = required (default) or any */
	bool is_shared_hard;          /* a `now` with proof log counts for all streams */
	/* NULL-terminated lists, folded; may be NULL */
	const char *const *local_domains;
	const char *const *exempt_senders;
	const char *const *exempt_logins;
	const char *const *exempt_recipients;
	const char *const *exempt_domains;
};

/*
 * The defaults of DESIGN section 6 for a preset; static.  A section of the file replaces the preset's of the same
 * name; the preset's others stay.
 */
const struct limit *limits_get_defaults(enum preset preset, size_t *ret_count);

/* The most specific section for a case: classes, then effects with scopes, then effects; NULL: none covers it. */
const struct limit *limits_find(const struct limits *limits, enum class class_id, enum effect effect, enum scope scope);

/* For conf: two equally specific sections for one case, or an impossible value: false with a sentence in ret_why. */
bool limits_check(const struct limits *limits, char *ret_why, size_t size);

const char *preset_get_name(enum preset preset);

#endif
