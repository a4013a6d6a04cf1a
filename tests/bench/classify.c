/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast texts find their rule, beside what else could do it: PCRE2 with JIT one pattern after the other, and
 * Hyperscan (where libhs is there) whose findings PCRE2 settles.  All sides answer the same question about the same
 * folded texts, in one interleaved run; a different winner on any side ends the run.
 * usage: classify [--etc DIR] [--texts FILE] [--rounds N] [--contest no]
 * FILE: one response a line; default: the rules' own samples.  Without the contest: the whole path alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_HS
#include <hs.h>
#endif

#include "base/utf8.h"
#include "classify/fold.h"
#include "classify/judge.h"

enum { TEXTS_MAX = 20000, ROUNDS_MAX = 101, SIDES = 3, WARM_UP = 20 /* rounds: a pattern gets its machine code when it has run a few times */ };

enum side { SIDE_OURS, SIDE_SEQUENTIAL, SIDE_HYPERSCAN };

static const char *const side_names[] = { "kodama", "sequential PCRE2-JIT", "hs_scan + PCRE2" };

struct text {
	struct span raw, folded;
};

/* One set of rules and what the sides need to run it. */
struct contest {
	struct ruleset *ruleset;
	struct scratch *scratch;
	struct pattern **patterns; /* per test, by PCRE2 even where we need none */
	struct arena *arena;
	double load_ms, hs_load_ms;
#ifdef HAVE_HS
	hs_database_t *database;
	hs_scratch_t *hs_scratch;
	uint32_t *found;
	size_t found_count;
#endif
};

static struct text texts[TEXTS_MAX];
static size_t text_count, ascii_count; /* those of ASCII come first */
static size_t refused_count; /* patterns that libhs does not take: left out on all sides */

/* Of this process alone: what else runs on the machine waits outside. */
static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void *need(void *memory)
{
	if (!memory) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return memory;
}

static const char *to_text(struct arena *arena, struct span text)
{
	return need((void *)arena_copy(arena, text).ptr);
}

static struct ruleset *load(const char *etc)
{
	struct ruleset *ruleset;
	struct complaint complaint;

	if (ruleset_load(etc, &ruleset, &complaint) < 0) {
		fprintf(stderr, "%s:%u: %s\n", complaint.path, complaint.line, complaint.text);
		exit(1);
	}
	return ruleset;
}

static void add_text(struct span raw, struct arena *arena)
{
	struct reply reply;
	char folded[CLASSIFY_TEXT_MAX];
	bool is_cut;

	if (text_count == TEXTS_MAX || raw.len == 0 || reply_find(raw, arena, &reply) < 0)
		return;
	texts[text_count].raw = arena_copy(arena, raw);
	texts[text_count++].folded = arena_copy(arena, span_make(folded, fold_text(reply.text, folded, sizeof(folded), &is_cut)));
}

static void read_texts(const char *path, struct arena *arena)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	while (getline(&line, &size, file) >= 0)
		add_text(span_trim(span_of(line)), arena);
	free(line);
	fclose(file);
}

static void read_samples(const struct ruleset *ruleset, struct arena *arena)
{
	for (size_t i = 0; i < ruleset->rule_count; i++) {
		const struct rule *rule = &ruleset->rules[i];
		for (size_t j = 0; j < rule->matches.count; j++)
			add_text(span_of(rule->matches.items[j]), arena);
		for (size_t j = 0; j < rule->differs.count; j++)
			add_text(span_of(rule->differs.items[j]), arena);
	}
}

/* ---- the sides: each returns the winner's rule, or -1 ---- */

static struct facts facts_of(const struct contest *contest, struct span folded)
{
	return (struct facts){ .folded = folded, .matches = contest->scratch->matches, .provider_name = "" };
}

static int64_t get_winner(const struct contest *contest, const struct facts *facts)
{
	const struct match *best = match_find_best(contest->ruleset, facts);

	return best ? (int64_t)best->rule : -1;
}

static int64_t run_ours(struct contest *contest, struct span folded)
{
	struct facts facts = facts_of(contest, folded);

	match_scan(contest->ruleset, contest->scratch, &facts);
	match_texts(contest->ruleset, contest->scratch, &facts);
	return get_winner(contest, &facts);
}

/* What a side that knows only ids has to do for each. */
static void settle(struct contest *contest, struct facts *facts, uint32_t number)
{
	const struct test *test = &contest->ruleset->tests[number];
	const struct rule *rule = &contest->ruleset->rules[test->rule];
	size_t from, to;

	if (rule->provider != PROVIDER_NONE || conditions_get_count(&rule->conditions) > 0)
		return; /* nothing is known but the text */
	if (pattern_find(contest->patterns[number], contest->scratch->matcher, facts->folded, 0, &from, &to) != PATTERN_FOUND)
		return;
	facts->matches[facts->match_count++] = (struct match){ .rule = test->rule, .test = number, .from = (uint32_t)from,
							       .to = (uint32_t)to, .strength = STRENGTH_PHRASE };
}

static int64_t run_sequential(struct contest *contest, struct span folded)
{
	struct facts facts = facts_of(contest, folded);

	for (size_t i = 0; i < contest->ruleset->test_count; i++) {
		if (contest->patterns[i])
			settle(contest, &facts, (uint32_t)i);
	}
	return get_winner(contest, &facts);
}

#ifdef HAVE_HS
static int take_id(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *data)
{
	struct contest *contest = data;

	(void)from;
	(void)to;
	(void)flags;
	contest->found[contest->found_count++] = id;
	return 0;
}

static int64_t run_hyperscan(struct contest *contest, struct span folded)
{
	struct facts facts = facts_of(contest, folded);

	if (!contest->database)
		return run_ours(contest, folded);
	contest->found_count = 0;
	if (hs_scan(contest->database, folded.ptr, (unsigned)folded.len, 0, contest->hs_scratch, take_id, contest) != HS_SUCCESS)
		exit(1);
	for (size_t i = 0; i < contest->found_count; i++)
		settle(contest, &facts, contest->found[i]);
	return get_winner(contest, &facts);
}

/* The contest's texts are ASCII, so that bytes are characters: in UTF-8 mode counted repeats take libhs minutes to compile. */
enum { HS_FLAGS = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH };

static bool has_hyperscan(const struct contest *contest)
{
	return contest->database;
}

static bool is_taken_by_hyperscan(const char *pattern)
{
	hs_database_t *database;
	hs_compile_error_t *error;

	if (hs_compile(pattern, HS_FLAGS, HS_MODE_BLOCK, NULL, &database, &error) != HS_SUCCESS) {
		hs_free_compile_error(error);
		return false;
	}
	hs_free_database(database);
	return true;
}

static void prepare_hyperscan(struct contest *contest)
{
	size_t count = 0, all = contest->ruleset->test_count;
	const char **patterns = need(calloc(all, sizeof(*patterns)));
	unsigned *flags = need(calloc(all, sizeof(*flags))), *ids = need(calloc(all, sizeof(*ids)));
	hs_compile_error_t *error;

	contest->found = need(calloc(all, sizeof(*contest->found)));
	for (size_t i = 0; i < all; i++) {
		if (!contest->patterns[i])
			continue;
		patterns[count] = to_text(contest->arena, contest->ruleset->tests[i].text);
		flags[count] = HS_FLAGS;
		ids[count++] = (unsigned)i;
	}
	if (hs_compile_multi(patterns, flags, ids, (unsigned)count, HS_MODE_BLOCK, NULL, &contest->database, &error) != HS_SUCCESS) {
		printf("libhs does not take so many of them: %s\n", error->message);
		hs_free_compile_error(error);
	} else if (hs_alloc_scratch(contest->database, &contest->hs_scratch) != HS_SUCCESS) {
		exit(1);
	}
	free(patterns);
	free(flags);
	free(ids);
}
#else
static int64_t run_hyperscan(struct contest *contest, struct span folded)
{
	return run_ours(contest, folded);
}

static bool has_hyperscan(const struct contest *contest)
{
	(void)contest;
	return false;
}

static bool is_taken_by_hyperscan(const char *pattern)
{
	(void)pattern;
	return true;
}

static void prepare_hyperscan(struct contest *contest)
{
	(void)contest;
}
#endif

/* ---- sets of rules ---- */

static void write_quoted(FILE *file, const char *before, const char *text, const char *after)
{
	fprintf(file, "'%s", before);
	for (const char *c = text; *c; c++) {
		if (*c == '\'' || *c == '\\')
			putc('\\', file);
		putc(*c, file);
	}
	fprintf(file, "%s'", after);
}

/* The patterns of the shipped rules that every side can run. */
static size_t list_patterns(const struct ruleset *ruleset, struct arena *arena, const char **patterns)
{
	size_t count = 0;

	for (size_t i = 0; i < ruleset->test_count; i++) {
		const struct test *test = &ruleset->tests[i];
		if (test->kind != TEST_TEXT && test->kind != TEST_WORD)
			continue;
		patterns[count] = to_text(arena, test->text);
		if (is_taken_by_hyperscan(patterns[count]))
			count++;
		else
			refused_count++;
	}
	return count;
}

/* `count` rules of one pattern each: the shipped ones, a sample of them, or variants of them to fill up. */
static void write_rules(const char *etc, const char **patterns, size_t pattern_count, size_t count)
{
	static const char *const words[] = { "account", "server", "policy", "sender", "message", "network", "domain", "content" };
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/rules.d", etc);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/rules.d/bench.rules", etc);
	file = need(fopen(path, "we"));
	for (size_t i = 0; i < count; i++) {
		size_t at = count < pattern_count ? i * pattern_count / count : i % pattern_count;
		char more[64] = "";
		if (i >= pattern_count)
			snprintf(more, sizeof(more), ") %s %s %zu", words[i % 8], words[i / 8 % 8], 100 + i);
		fprintf(file, "rule bench.%06zu { class = user-unknown text = {", i);
		write_quoted(file, *more ? "(?:" : "", patterns[at], more);
		fprintf(file, "} }\n");
	}
	fclose(file);
}

static void prepare(struct contest *contest, const char *etc)
{
	double start = now_ns();
	struct text *first = &texts[0];
	struct query query = { .text = first->raw };
	struct facts facts;
	char reason[PATTERN_REASON_SIZE];
	struct literals literals;

	*contest = (struct contest){ .ruleset = load(etc) };
	contest->load_ms = (now_ns() - start) / 1e6;
	contest->scratch = need(scratch_new());
	contest->arena = need(arena_new(0));
	if (facts_read(contest->ruleset, contest->scratch, &query, &facts) < 0) /* sizes the scratch */
		exit(1);
	contest->patterns = need(calloc(contest->ruleset->test_count, sizeof(*contest->patterns)));
	for (size_t i = 0; i < contest->ruleset->test_count; i++) {
		const struct test *test = &contest->ruleset->tests[i];
		if (test->kind == TEST_TEXT &&
		    pattern_new(test->text, true, contest->arena, &literals, &contest->patterns[i], reason) < 0)
			exit(1);
	}
	start = now_ns();
	prepare_hyperscan(contest);
	contest->hs_load_ms = (now_ns() - start) / 1e6;
}

static void finish(struct contest *contest)
{
	for (size_t i = 0; i < contest->ruleset->test_count; i++)
		pattern_free(contest->patterns[i]);
	free(contest->patterns);
#ifdef HAVE_HS
	hs_free_scratch(contest->hs_scratch);
	hs_free_database(contest->database);
	free(contest->found);
#endif
	scratch_free(contest->scratch);
	ruleset_free(contest->ruleset);
	arena_free(contest->arena);
}

/* ---- the run ---- */

static void put_ascii_first(void)
{
	for (size_t i = 0; i < text_count; i++) {
		struct text text = texts[i];
		if (!text_is_ascii(text.folded))
			continue;
		texts[i] = texts[ascii_count];
		texts[ascii_count++] = text;
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

static void require_same_winners(struct contest *contest)
{
	for (size_t i = 0; i < ascii_count; i++) {
		int64_t ours = run_ours(contest, texts[i].folded), sequential = run_sequential(contest, texts[i].folded);
		int64_t hyperscan = run_hyperscan(contest, texts[i].folded);
		if (ours != sequential || ours != hyperscan) {
			fprintf(stderr, "different winners (%lld, %lld, %lld): %.*s\n", (long long)ours, (long long)sequential,
				(long long)hyperscan, SPAN_ARG(texts[i].folded));
			exit(1);
		}
	}
}

static void compete(const char *name, const char *etc, size_t rounds)
{
	static int64_t (*const sides[])(struct contest *, struct span) = { run_ours, run_sequential, run_hyperscan };
	double times[SIDES][ROUNDS_MAX], ns[SIDES];
	struct contest contest;

	prepare(&contest, etc);
	require_same_winners(&contest);
	for (size_t i = 0; i < WARM_UP * ascii_count; i++)
		(void)run_ours(&contest, texts[i % ascii_count].folded);
	for (size_t round = 0; round < rounds; round++) {
		for (unsigned side = 0; side < SIDES; side++) {
			double start = now_ns();
			for (size_t i = 0; i < ascii_count; i++)
				(void)sides[side](&contest, texts[i].folded);
			times[side][round] = (now_ns() - start) / (double)ascii_count;
		}
	}
	printf("%s: %zu rules, %zu patterns, loaded in %.1f ms (libhs %.0f ms), prefilter %zu KiB\n", name, contest.ruleset->rule_count,
	       contest.ruleset->test_count, contest.load_ms, contest.hs_load_ms, prefilter_get_size(contest.ruleset->prefilter) / 1024);
	for (unsigned side = 0; side < SIDES; side++) {
		ns[side] = median(times[side], rounds);
		if (side == SIDE_HYPERSCAN && !has_hyperscan(&contest))
			continue;
		printf("  %-22s %10.0f ns a text, %6.2f times kodama\n", side_names[side], ns[side], ns[side] / ns[SIDE_OURS]);
	}
	finish(&contest);
}

/* The whole path, as the daemon runs it: find the reply, fold, match, weigh. */
static void run_whole_path(const char *etc, size_t rounds)
{
	struct ruleset *ruleset;
	struct scratch *scratch = need(scratch_new());
	double times[ROUNDS_MAX], start = now_ns(), ns;
	struct verdict verdict;
	double load_ms;

	ruleset = load(etc);
	load_ms = (now_ns() - start) / 1e6;
	for (size_t round = 0; round < WARM_UP + rounds; round++) {
		start = now_ns();
		for (size_t i = 0; i < text_count; i++) {
			struct query query = { .text = texts[i].raw };
			classify(ruleset, scratch, &query, &verdict);
		}
		if (round >= WARM_UP)
			times[round - WARM_UP] = (now_ns() - start) / (double)text_count;
	}
	ns = median(times, rounds);
	printf("whole path on the shipped rules: %zu rules, %zu tests, loaded in %.1f ms, prefilter %zu KiB\n"
	       "  %-22s %10.0f ns a text, %.0f texts a second\n",
	       ruleset->rule_count, ruleset->test_count, load_ms, prefilter_get_size(ruleset->prefilter) / 1024, "kodama", ns, 1e9 / ns);
	scratch_free(scratch);
	ruleset_free(ruleset);
}

static void run_generated(const struct ruleset *shipped, struct arena *arena, size_t rounds)
{
	static const size_t sizes[] = { 0, 300, 1000, 3000 };
	const char **patterns = need(calloc(shipped->test_count + 1, sizeof(*patterns)));
	size_t count = list_patterns(shipped, arena, patterns);
	char etc[] = "/tmp/kodama-bench-XXXXXX", command[128], name[64];

	if (!mkdtemp(etc))
		exit(1);
	printf("%zu patterns, %zu left out on all sides since libhs refuses them\n", count, refused_count);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(name, sizeof(name), "%s", sizes[i] ? "generated" : "the shipped patterns");
		write_rules(etc, patterns, count, sizes[i] ? sizes[i] : count);
		compete(name, etc, rounds);
	}
	snprintf(command, sizeof(command), "%s/rules.d/bench.rules", etc);
	unlink(command);
	snprintf(command, sizeof(command), "%s/rules.d", etc);
	rmdir(command);
	rmdir(etc);
	free(patterns);
}

int main(int argc, char **argv)
{
	const char *etc = SYSCONFDIR "/kodama", *path = NULL;
	size_t rounds = 11;
	bool has_contest = true;
	struct arena *arena = need(arena_new(0));
	struct ruleset *shipped;
	double bytes = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--etc") == 0)
			etc = argv[i + 1];
		else if (strcmp(argv[i], "--texts") == 0)
			path = argv[i + 1];
		else if (strcmp(argv[i], "--rounds") == 0)
			rounds = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--contest") == 0)
			has_contest = strcmp(argv[i + 1], "no") != 0;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX)
		rounds = ROUNDS_MAX;
	shipped = load(etc);
	if (path)
		read_texts(path, arena);
	else
		read_samples(shipped, arena);
	if (text_count == 0) {
		fprintf(stderr, "no texts\n");
		return 1;
	}
	put_ascii_first();
	for (size_t i = 0; i < text_count; i++)
		bytes += (double)texts[i].folded.len;
	printf("%zu texts (%zu of them ASCII, for the contest) of %.0f bytes in the mean, %zu rounds, medians\n", text_count, ascii_count,
	       bytes / (double)text_count, rounds);
	run_whole_path(etc, rounds);
	if (has_contest)
		run_generated(shipped, arena, rounds);
	ruleset_free(shipped);
	arena_free(arena);
	return 0;
}
