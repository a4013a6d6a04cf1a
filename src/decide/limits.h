/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's word on what suppresses: sections `suppress NAME { ... }`, presets, exemptions.  Filled by conf, frozen.
 */
#ifndef KODAMA_DECIDE_LIMITS_H
#define KODAMA_DECIDE_LIMITS_H

#include "classify/taxonomy.h"

enum preset { PRESET_CAREFUL, PRESET_STRICT, PRESET_SHANON, PRESET_COUNT };

struct limit {
	const char *name;       /* the section's title, "gone"; counts are kept under it */
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
	/* NULL-terminated lists, folded; may be NULL */
	const char *const *local_domains;
	const char *const *exempt_senders;
	const char *const *exempt_logins;
	const char *const *exempt_recipients;
	const char *const *exempt_domains;
};

/* The defaults of DESIGN section 6 for a preset; static. */
const struct limit *limits_get_defaults(enum preset preset, size_t *ret_count);

const char *preset_get_name(enum preset preset);
bool preset_find(struct span name, enum preset *ret_preset);

#endif
