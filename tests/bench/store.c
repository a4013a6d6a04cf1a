/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's speed, each figure beside its baseline in one interleaved run: looking into the index against a raw
 * open-addressing table of the same hashes; filling the index; one durable event at a time against a bare SQLite
 * transaction of the same rows.  --entries=10000000 is the size that the goals name; --only=fill, lookups or events runs that
 * part alone; --uri=postgresql://... measures the filling from a store that is there, and that alone.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#include "base/siphash.h"
#include "store/enforced.h"
#include "store/writer.h"

#define NOW INT64_C(1800000000)

static double get_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* What the machine did meanwhile for others is in the first, not in the second. */
static double get_cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "store: %s\n", what);
	exit(1);
}

static void name_address(char *text, size_t size, unsigned long i)
{
	snprintf(text, size, "some.user%08lu@example%lu.com", i, i % 977);
}

/* --- looking up */

struct raw {
	uint64_t hash, value;
};

static struct raw *raw;
static size_t raw_mask;
static const struct siphash_key raw_key = { { 1, 2 } };

static uint64_t raw_find(const struct address *address)
{
	uint64_t hash = siphash(&raw_key, address_get(address));

	for (size_t at = hash & raw_mask;; at = (at + 1) & raw_mask) {
		if (raw[at].hash == hash)
			return raw[at].value;
		if (!raw[at].hash)
			return 0;
	}
}

static void raw_put(struct span address, uint64_t value)
{
	uint64_t hash = siphash(&raw_key, address);
	size_t at = hash & raw_mask;

	while (raw[at].hash)
		at = (at + 1) & raw_mask;
	raw[at] = (struct raw){ hash, value };
}

enum { LOOKUPS = 200000 };

static double time_index(const struct index *index, const struct address *addresses, unsigned long *hits)
{
	double start = get_seconds();
	struct index_hit hit;

	for (size_t i = 0; i < LOOKUPS; i++)
		*hits += index_find(index, &addresses[i], SPAN_LIT(""), "+", NOW, &hit);
	return (get_seconds() - start) * 1e9 / LOOKUPS;
}

static double time_raw(const struct address *addresses, unsigned long *hits)
{
	double start = get_seconds();

	for (size_t i = 0; i < LOOKUPS; i++)
		*hits += raw_find(&addresses[i]) != 0;
	return (get_seconds() - start) * 1e9 / LOOKUPS;
}

static struct address *choose(unsigned long entries, unsigned long offset)
{
	struct address *addresses = calloc(LOOKUPS, sizeof(*addresses));
	unsigned long seed = 88172645463325252UL;
	char text[80];

	for (size_t i = 0; addresses && i < LOOKUPS; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		name_address(text, sizeof(text), seed % entries + offset);
		if (address_fold(span_of(text), &addresses[i], NULL) < 0)
			die("fold");
	}
	return addresses;
}

static void bench_lookups(const struct index *index, unsigned long entries)
{
	struct address *there = choose(entries, 0), *absent = choose(entries, entries);
	double best[4] = { 1e9, 1e9, 1e9, 1e9 };
	unsigned long hits = 0;

	if (!there || !absent)
		die("memory");
	for (int round = 0; round < 15; round++) {
		double times[4] = { time_index(index, there, &hits), time_raw(there, &hits),
				    time_index(index, absent, &hits), time_raw(absent, &hits) };
		for (int i = 0; i < 4; i++)
			best[i] = times[i] < best[i] ? times[i] : best[i];
	}
	if (hits != 2UL * 15 * LOOKUPS)
		die("the tables do not agree");
	printf("hit   index %6.1f ns  raw %6.1f ns  ratio %.2f (at most 2.00)\n", best[0], best[1], best[0] / best[1]);
	printf("miss  index %6.1f ns  raw %6.1f ns  ratio %.2f (at most 1.50)\n", best[2], best[3], best[2] / best[3]);
	free(there);
	free(absent);
}

static void fill_raw(unsigned long entries)
{
	size_t slots = 1024;
	char text[80];

	while (entries >= slots / 8 * 5)
		slots *= 2;
	raw = calloc(slots, sizeof(*raw));
	raw_mask = slots - 1;
	for (unsigned long i = 0; raw && i < entries; i++) {
		name_address(text, sizeof(text), i);
		raw_put(span_of(text), i + 1);
	}
}

static int compare_hashes(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int64_t *hash_entries(const struct siphash_key *key, unsigned long entries)
{
	int64_t *hashes = calloc(entries, sizeof(*hashes));
	char text[80];

	for (unsigned long i = 0; hashes && i < entries; i++) {
		name_address(text, sizeof(text), i);
		hashes[i] = (int64_t)enforced_hash(key, span_of(text), SPAN_LIT(""));
	}
	if (!hashes)
		die("memory");
	qsort(hashes, entries, sizeof(*hashes), compare_hashes);
	return hashes;
}

/* As the store lays them down, in bulk: what is measured is reading them. */
static void fill_database(const char *path, const struct siphash_key *key, unsigned long entries)
{
	const struct suppression row = { .address = SPAN_LIT("a@example.com"), .kind = DECISION_SUPPRESSED,
					 .class_id = CLASS_USER_UNKNOWN, .since_s = NOW, .until_s = TIME_FOREVER };
	int64_t *hashes = hash_entries(key, entries);
	sqlite3 *db;
	sqlite3_stmt *insert;

	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "INSERT INTO enforced VALUES(?, ?)", -1, &insert, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	for (unsigned long i = 0; i < entries; i++) {
		sqlite3_bind_int64(insert, 1, hashes[i]);
		sqlite3_bind_int64(insert, 2, (int64_t)enforced_pack(&row));
		if (sqlite3_step(insert) != SQLITE_DONE)
			die(sqlite3_errmsg(db));
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
	if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	sqlite3_close(db);
	free(hashes);
}

static void bench_index(const char *folder, unsigned long entries, bool with_lookups)
{
	struct index *index = index_new();
	struct store *store;
	char uri[256];

	snprintf(uri, sizeof(uri), "sqlite:%s/index.db", folder);
	const struct store_options options = { .uri = uri, .busy_ms = 1000 };
	if (store_open(&options, &store) < 0)
		die(store_get_error(NULL));
	struct siphash_key key = store_get_index_key(store);
	store_close(store);
	fill_database(uri + strlen("sqlite:"), &key, entries);
	if (store_open(&options, &store) < 0)
		die(store_get_error(NULL));
	double start = get_seconds(), cpu = get_cpu_seconds();
	if (index_fill(index, store, NOW) < 0)
		die("fill");
	double filled = get_seconds() - start, cpu_filled = get_cpu_seconds() - cpu;
	store_close(store);
	start = get_seconds();
	cpu = get_cpu_seconds();
	fill_raw(entries);
	double raw_filled = get_seconds() - start, cpu_raw = get_cpu_seconds() - cpu;
	printf("fill  %lu entries in %.2f s (CPU %.2f s)  raw table %.2f s (CPU %.2f s)  ratio %.2f (at most 2.00; 10000000 in 3 s)\n",
	       entries, filled, cpu_filled, raw_filled, cpu_raw, cpu_filled / cpu_raw);
	if (with_lookups)
		bench_lookups(index, entries);
	index_free(index);
	free(raw);
}

/* --- durable events */

static void make_event(unsigned long i, struct outcome *outcome, struct verdict *verdict, struct event *event, char *texts)
{
	snprintf(texts, 64, "u%lu@example%lu.com", i, i % 100000);
	snprintf(texts + 64, 64, "4Xyz%luZabc", i);
	*outcome = (struct outcome){ .recipient = span_of(texts), .action = ACTION_FAILED, .reply = 550, .status = { 5, 2, 2 },
				     .text = SPAN_LIT("mailbox full"), .queue_id = span_of(texts + 64), .source = SOURCE_LOG,
				     .kind = KIND_LOG, .proof = PROOF_LOG };
	*verdict = (struct verdict){ .class_id = CLASS_MAILBOX_FULL, .scope = SCOPE_RECIPIENT, .effect = EFFECT_COUNT,
				     .basis = BASIS_PHRASE, .rule = "bench.rule", .provider = "", .status_as = "" };
	*event = (struct event){ .outcome = outcome, .verdict = verdict, .host = SPAN_LIT("mx1"), .received_s = NOW,
				 .is_reported_by_us = true };
}

static double time_writer(struct writer *writer, const struct limits *limits, unsigned long from, unsigned long count)
{
	double start = get_seconds();

	for (unsigned long i = from; i < from + count; i++) {
		struct outcome outcome;
		struct verdict verdict;
		struct event event;
		struct decision decision;
		char texts[128];
		make_event(i, &outcome, &verdict, &event, texts);
		if (writer_record(writer, limits, &event, 1, &decision) != 0 || decision.kind != DECISION_COUNTED)
			die("record");
	}
	return (double)count / (get_seconds() - start);
}

/* The same rows by hand: state, outcome, key seen, count. */
static const char *const bare_rows[] = {
	"INSERT INTO addresses VALUES(?1, '', 0, 'none', 0, 0, 0, '', 'mailbox-full', 'bench.rule', NULL, NULL, 1800000000, 0, "
	"'1 1800000000 1800000000 soft')",
	"INSERT INTO outcomes(address, stream, time_s, received_s, action, reply, status, text, queue_id, source, kind, proof, class, "
	"scope, effect, basis, rule, decision, count, after, until_s, why) VALUES(?1, '', 1800000000, 1800000000, 'failed', '550', "
	"'5.2.2', 'mailbox full', ?2, 'log', 'log', 'log', 'mailbox-full', 'recipient', 'count', 'phrase', 'bench.rule', 'counted', "
	"1, 3, 0, 'it counts towards a suppression')",
	"INSERT INTO seen VALUES(random(), 1800000000, 3, 1)",
	"INSERT INTO counts(provider, class, hour, count) VALUES(?1, 'mailbox-full', 500000, 1)",
};

enum { BARE_ROWS = sizeof(bare_rows) / sizeof(bare_rows[0]) };

static double time_bare(sqlite3 *db, sqlite3_stmt **rows, unsigned long from, unsigned long count)
{
	double start = get_seconds();
	char texts[128];

	for (unsigned long i = from; i < from + count; i++) {
		snprintf(texts, 64, "u%lu@example%lu.com", i, i % 100000);
		snprintf(texts + 64, 64, "4Xyz%luZabc", i);
		sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		for (size_t row = 0; row < BARE_ROWS; row++) {
			sqlite3_bind_text(rows[row], 1, texts, -1, SQLITE_STATIC);
			sqlite3_bind_text(rows[row], 2, texts + 64, -1, SQLITE_STATIC);
			if (sqlite3_step(rows[row]) != SQLITE_DONE)
				die(sqlite3_errmsg(db));
			sqlite3_reset(rows[row]);
		}
		if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
			die(sqlite3_errmsg(db));
	}
	return (double)count / (get_seconds() - start);
}

static sqlite3 *open_bare(const char *path, sqlite3_stmt **rows)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
		die("bare database");
	for (size_t row = 0; row < BARE_ROWS; row++) {
		if (sqlite3_prepare_v2(db, bare_rows[row], -1, &rows[row], NULL) != SQLITE_OK)
			die(sqlite3_errmsg(db));
	}
	return db;
}

enum { ROUNDS = 101 };

static int compare_figures(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double find_median(double figures[static ROUNDS])
{
	qsort(figures, ROUNDS, sizeof(*figures), compare_figures);
	return figures[ROUNDS / 2];
}

static void bench_events(const char *folder, unsigned long events)
{
	struct limits limits = { .preset = PRESET_STRICT, .enforce = true, .is_proof_required = true };
	char uri[256], bare_uri[256], queue[256];
	struct store *store;
	struct writer *writer;
	sqlite3_stmt *rows[BARE_ROWS];
	double ours[ROUNDS], bare[ROUNDS], ratios[ROUNDS];

	limits.items = (struct limit *)limits_get_defaults(PRESET_STRICT, &limits.count);
	snprintf(uri, sizeof(uri), "sqlite:%s/events.db", folder);
	snprintf(bare_uri, sizeof(bare_uri), "sqlite:%s/bare.db", folder);
	snprintf(queue, sizeof(queue), "%s/queue", folder);
	const struct writer_options options = { .store = { .uri = uri, .busy_ms = 1000 }, .queue_dir = queue };
	if (store_open(&(struct store_options){ .uri = bare_uri, .busy_ms = 1000 }, &store) < 0)
		die(store_get_error(NULL));
	store_close(store);
	if (writer_start(&options, NULL, &writer) < 0)
		die(store_get_error(NULL));
	sqlite3 *db = open_bare(bare_uri + strlen("sqlite:"), rows);
	/* turn by turn in short turns: what else the machine does falls upon both */
	for (unsigned long round = 0; round < ROUNDS; round++) {
		ours[round] = time_writer(writer, &limits, round * events / ROUNDS, events / ROUNDS);
		bare[round] = time_bare(db, rows, round * events / ROUNDS, events / ROUNDS);
		ratios[round] = ours[round] / bare[round];
	}
	printf("event writer %.0f/s  bare transaction %.0f/s  median of %d ratios %.2f (at least 0.80)\n", find_median(ours), find_median(bare),
	       ROUNDS, find_median(ratios));
	for (size_t row = 0; row < BARE_ROWS; row++)
		sqlite3_finalize(rows[row]);
	sqlite3_close(db);
	writer_stop(writer);
}

static void remove_files(const char *folder)
{
	static const char *const names[] = { "index.db", "events.db", "bare.db" }, *const ends[] = { "", "-wal", "-shm" };
	char path[300];

	for (size_t i = 0; i < 9; i++) {
		snprintf(path, sizeof(path), "%s/%s%s", folder, names[i / 3], ends[i % 3]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/queue/outcomes.queue", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/queue", folder);
	rmdir(path);
	rmdir(folder);
}

/* From a store that is there and filled, a PostgreSQL as a rule. */
static void bench_fill(const char *uri)
{
	struct index *index = index_new();
	struct store *store;

	double start = get_seconds(), cpu = get_cpu_seconds();
	if (store_open(&(struct store_options){ .uri = uri, .busy_ms = 1000, .is_read_only = true }, &store) < 0)
		die(store_get_error(NULL));
	if (index_fill(index, store, NOW) < 0)
		die(store_get_error(store));
	printf("fill  %zu entries of that store in %.2f s (CPU %.2f s; 10000000 in 30 s)\n", index_get_count(index), get_seconds() - start,
	       get_cpu_seconds() - cpu);
	store_close(store);
	index_free(index);
}

struct choice {
	unsigned long entries, events;
	const char *uri, *only;
};

static struct choice read_options(int argc, char **argv)
{
	static const struct option options[] = { { "entries", required_argument, NULL, 'n' }, { "events", required_argument, NULL, 'e' },
						 { "uri", required_argument, NULL, 'u' }, { "only", required_argument, NULL, 'o' }, { 0 } };
	struct choice choice = { 1000000, 20000, NULL, "" };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			choice.entries = strtoul(optarg, NULL, 10);
		else if (option == 'e')
			choice.events = strtoul(optarg, NULL, 10);
		else if (option == 'u')
			choice.uri = optarg;
		else if (option == 'o')
			choice.only = optarg;
		else
			exit(2);
	}
	if (!choice.entries || choice.events < ROUNDS || optind < argc)
		die("usage: store [--entries=N] [--events=N] [--only=fill|lookups|events] [--uri=URI]");
	return choice;
}

int main(int argc, char **argv)
{
	struct choice choice = read_options(argc, argv);
	const char *base = getenv("TMPDIR");
	char folder[200];

	if (choice.uri) {
		bench_fill(choice.uri);
		return 0;
	}
	snprintf(folder, sizeof(folder), "%s/kodama-bench-XXXXXX", base ? base : "/var/tmp");
	if (!mkdtemp(folder))
		die("no folder to work in");
	if (strcmp(choice.only, "events") != 0)
		bench_index(folder, choice.entries, strcmp(choice.only, "fill") != 0);
	if (!*choice.only || strcmp(choice.only, "events") == 0)
		bench_events(folder, choice.events);
	remove_files(folder);
	return 0;
}
