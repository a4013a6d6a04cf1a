/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deliveries of a log, counted: by day, class, provider, domain, and by what remotes said.  The verdict of a text is asked for
 * once and remembered (mask.h).  All tables have a maximum, past which the rarest entries give way.  The order in which
 * deliveries come does not matter; but for suspects.h, to which they are told on.  One thread each; tallies of several threads
 * are added up.
 */
#ifndef KODAMA_CLI_TALLY_H
#define KODAMA_CLI_TALLY_H

#include "base/siphash.h"
#include "base/zone.h"
#include "classify/classify.h"
#include "cli/report.h"
#include "cli/tally_table.h"
#include "evidence/logjoin.h"

enum {
	TALLY_SAID_MAX = 160,
	TALLY_TEXT_MAX = 4096, /* of a text that is remembered */
	TALLY_PROVIDERS_MAX = 1024
};

/* What tells one answer from another: what else the verdict rests on is the same for all of a key. */
struct tally_key {
	struct span masked;     /* without the frame ("host mx.example.com[192.0.2.1] said: "), where it is the relay's */
	uint16_t provider;      /* by host or recipient */
	bool is_framed, is_expired;
	bool is_for_another;    /* safety.h: the answer to all, and to somebody else than this recipient */
	enum action action;
	struct status dsn;
};

/* What some remote said, in all its spellings. */
struct tally_response {
	uint64_t hash;
	struct tally_key key;   /* masked: owned */
	struct span example;    /* owned: the earliest of them, by time and then by part */
	int64_t example_s, example_part;
	uint16_t said_by;       /* the verdict's provider, where it has one */
	struct status status;   /* as the outcome has them */
	uint16_t reply;
	bool is_for_all;        /* in answer to the message: each recipient of it may have another key */
	struct verdict verdict;
	uint64_t counts[2];     /* failed, deferred */
};

/* The last deferral. */
struct tally_words {
	int64_t time_s;
	enum class class_id;
	uint16_t len;
	char bytes[TALLY_SAID_MAX];
};

/* Small: each delivery looks for one of some thousands. */
struct tally_domain {
	uint64_t hash;
	struct span name;       /* owned, lower case */
	struct report_counts counts;
	struct tally_words *words; /* owned; NULL: none was deferred */
	uint64_t relay_hash;    /* of the host that answered last */
	uint32_t relay;         /* its number, plus 1 */
	uint16_t relay_provider, provider;
};

struct tally_relay {
	uint64_t hash;
	struct span host;       /* owned */
	uint16_t provider;
	bool is_plain;          /* a name that is nothing but a host's */
};

struct tally_provider {
	const char *name;       /* the rule set's */
	struct report_counts counts;
	uint64_t accepted;      /* hash of the one whose mail it took, where it took any */
	bool has_accepted, has_accepted_others;
};

/* A final failure of one recipient. */
struct tally_word {
	uint64_t hash;          /* of the recipient, ASCII case folded */
	int64_t time_s;
	enum effect effect;
	enum class class_id;
	const char *provider;   /* the rule set's name: numbers are a tally's own, and threads have one each */
	bool is_weak;           /* its basis is a reply code or a word */
	struct span recipient;  /* borrowed for the call */
};

/* Who is told of each recipient, in the order of the log (suspects.h): that his mail was taken, or that it failed for good. */
struct tally_listener {
	void (*take_success)(void *data, uint64_t hash);
	void (*take_failure)(void *data, const struct tally_word *word);
	void *data;
};

struct verdicts;

struct tally {
	const struct ruleset *ruleset;
	struct verdicts *verdicts; /* shared with others; NULL: the tally is alone */
	struct scratch *scratch;
	struct arena *arena;    /* of one delivery */
	struct siphash_key key;
	struct zone zone;
	struct tally_listener listener;
	int64_t since_s;        /* earlier ones do not count */
	int64_t part;           /* of the log, that is read now: the caller's */
	int64_t first_s, last_s;
	struct report_counts counts;
	uint64_t expired;
	struct report_class classes[CLASS_COUNT];
	struct tally_provider providers[TALLY_PROVIDERS_MAX];
	size_t provider_count;
	struct report_day *days;
	size_t day_count, last_day;
	int64_t day_from_s, day_to_s; /* of the last one, UTC */
	struct tally_response *responses;
	struct tally_table response_table;
	struct tally_domain *domains;
	struct tally_table domain_table;
	struct tally_relay *relays;
	struct tally_table relay_table;
	uint64_t unkept_responses; /* entries that gave way */
	bool has_no_memory;
	char *masked;           /* working memory */
};

/* NULL when out of memory. */
struct tally *tally_new(const struct ruleset *ruleset, const struct siphash_key *key, int64_t since_s, struct tally_listener listener);
void tally_free(struct tally *tally);

/* A delivery; probes are passed over.  The hash of its recipient, as in struct tally_word. */
uint64_t tally_add(struct tally *tally, const struct log_delivery *delivery);

/* By the rule set's name of it; NULL: nothing was counted for it. */
const struct tally_provider *tally_find_counted(const struct tally *tally, const char *name);

/* All that `from` has counted; both of the same rule set and key. */
void tally_merge(struct tally *tally, const struct tally *from);

#endif
