/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCRE2 under limits.  Of thousands of patterns few ever run, and machine code is dear to make: a pattern gets its own
 * when it has run a few times.  One thread makes it, those that come meanwhile run the interpreter.  Pure.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "classify/pattern.h"

#include <errno.h>
#include <pcre2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "classify/alternative.h"

enum { JIT_STACK_START = 32 * 1024, JIT_STACK_MAX = 512 * 1024, PROBE_SIZE = 2048, LEAD_MAX = 1000 };

/*
 * '^.{0,200}?' before a pattern makes its match begin where the text does, if it stands near enough: then `code` is
 * what stands behind, which is found far faster, and the match is made longer.
 */
struct pattern {
	_Atomic(pcre2_code *) code; /* NULL: not yet compiled, or broken */
	atomic_bool is_broken;
	atomic_int jit;   /* enum jit */
	uint32_t lead;    /* characters that may stand before it; 0: no such beginning */
	struct span text; /* behind the lead; borrowed, of one that is compiled late */
};

/*
 * JIT_WANTED and above: so many times it still runs without.  Who compiles late reads once, and is mostly through before
 * machine code has paid for itself.
 */
enum jit { JIT_NONE, JIT_BEGUN, JIT_READY, JIT_WANTED, JIT_FIRST = JIT_WANTED + 16, JIT_FIRST_LAZY = JIT_WANTED + 64 };

struct matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

/* What changes of a pattern once it is shared is atomic. */
static struct pattern *get_shared(const struct pattern *pattern)
{
	return (struct pattern *)(uintptr_t)pattern;
}

static atomic_int *get_jit(const struct pattern *pattern)
{
	return &get_shared(pattern)->jit;
}

static int refuse(char reason[static PATTERN_REASON_SIZE], const char *why)
{
	snprintf(reason, PATTERN_REASON_SIZE, "%s", why);
	return -EINVAL;
}

static int compile(struct span text, pcre2_code **ret_code, char reason[static PATTERN_REASON_SIZE])
{
	uint32_t options = PCRE2_CASELESS | PCRE2_UTF | PCRE2_NO_AUTO_CAPTURE | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
	int error;
	PCRE2_SIZE offset;
	char message[128];

	*ret_code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &error, &offset, NULL);
	if (*ret_code)
		return 0;
	pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
	snprintf(reason, PATTERN_REASON_SIZE, "%s, at byte %zu of the pattern", message, (size_t)offset);
	return -EINVAL;
}

/* Compiled here, if need be; of two threads that do so at once one does it in vain.  NULL: it is broken. */
static pcre2_code *get_code(const struct pattern *pattern)
{
	struct pattern *shared = get_shared(pattern);
	pcre2_code *code = atomic_load_explicit(&shared->code, memory_order_acquire), *other = NULL;
	char reason[PATTERN_REASON_SIZE];

	if (code || atomic_load_explicit(&shared->is_broken, memory_order_relaxed))
		return code;
	if (compile(pattern->text, &code, reason) < 0) {
		atomic_store_explicit(&shared->is_broken, true, memory_order_relaxed);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&shared->code, &other, code))
		return code;
	pcre2_code_free(code);
	return other;
}

static bool matches_empty(const pcre2_code *code)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	uint32_t least = 0;
	bool is_empty;

	if (!data)
		return false;
	pcre2_pattern_info(code, PCRE2_INFO_MINLENGTH, &least);
	is_empty = least == 0 || pcre2_match(code, (PCRE2_SPTR) "", 0, 0, 0, data, NULL) >= 0;
	pcre2_match_data_free(data);
	return is_empty;
}

/*
 * Does a text of so many bytes bring the pattern to its limit?  Behind them stands `tail`, out of reach: PCRE2 does not even
 * begin where a byte that it needs is missing.
 */
static bool stops(const struct pattern *pattern, struct matcher *matcher, struct buffer *text, size_t len, struct span tail)
{
	size_t from, to;

	text->len = len;
	buffer_add(text, tail);
	return pattern_find(pattern, matcher, buffer_get(text), 0, &from, &to) == PATTERN_STOPPED;
}

/* `prefix` and then nothing but `piece`; with all that the pattern wants at its end, and with its last byte alone. */
static bool runs_away(const struct pattern *pattern, struct matcher *matcher, struct span sample, struct span prefix, struct span piece)
{
	struct span last = span_skip(sample, sample.len > 0 ? sample.len - 1 : 0);
	struct buffer text;
	size_t len;
	bool is_stopped;

	buffer_init(&text, 2 * PROBE_SIZE);
	buffer_add(&text, prefix);
	while (piece.len > 0 && text.len + piece.len < PROBE_SIZE)
		buffer_add(&text, piece);
	buffer_add_char(&text, '~');
	len = text.len;
	is_stopped = stops(pattern, matcher, &text, len, sample) || stops(pattern, matcher, &text, len, last);
	buffer_done(&text);
	return is_stopped;
}

/* What runs away on a text that we can think of, an attacker finds too. */
static bool runs_away_on_any(const struct pattern *pattern, struct matcher *matcher, const struct literals *literals,
			     const struct examples *examples)
{
	static const char *const pieces[] = { "a", " ", "a ", "0", "x.y@", "ab, " };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		if (runs_away(pattern, matcher, examples->sample, SPAN_LIT(""), span_of(pieces[i])))
			return true;
	}
	for (size_t i = 0; i < literals->needs[0].count; i++) {
		if (runs_away(pattern, matcher, examples->sample, SPAN_LIT(""), literals->needs[0].items[i]))
			return true;
	}
	for (size_t i = 0; i < examples->suspect_count; i++) {
		const struct suspect *suspect = &examples->suspects[i];
		for (size_t j = 0; j < suspect->count; j++) {
			struct span piece = suspect->pieces[j];
			if (runs_away(pattern, matcher, examples->sample, suspect->prefix, piece) ||
			    runs_away(pattern, matcher, examples->sample, suspect->prefix, span_slice(piece, 0, 1)))
				return true;
		}
	}
	return false;
}

/* Two repeats without bound, or one around a group that varies: only these are worth trying. */
static bool is_suspect(struct span text, const struct literals *literals)
{
	unsigned repeats = 0;

	for (size_t i = 1; i < text.len; i++)
		repeats += (text.ptr[i] == '*' || text.ptr[i] == '+') && text.ptr[i - 1] != '\\';
	return repeats > 1 || literals->has_suspects;
}

/* Everything that can be wrong with a pattern that compiles. */
static int examine(const struct pattern *pattern, struct span text, struct arena *arena, const struct literals *literals,
		   char reason[static PATTERN_REASON_SIZE])
{
	struct examples examples;
	struct matcher *matcher;
	bool is_runaway;
	int rc;

	if (matches_empty(get_code(pattern)))
		return refuse(reason, "the pattern matches the empty text");
	if (!is_suspect(text, literals))
		return 0;
	rc = literals_find_examples(text, arena, &examples);
	if (rc < 0)
		return rc;
	matcher = matcher_new();
	if (!matcher)
		return -ENOMEM;
	if (atomic_load(&pattern->jit) == JIT_FIRST)
		atomic_store(get_jit(pattern), JIT_WANTED); /* it runs often now, and by what it will run later */
	is_runaway = runs_away_on_any(pattern, matcher, literals, &examples);
	matcher_free(matcher);
	return is_runaway ? refuse(reason, "the pattern backtracks without bound") : 0;
}

/* The length of '^.{0,200}?' at the start of a pattern, 0 if it begins otherwise. */
static size_t take_lead(struct span text, uint32_t *ret_lead)
{
	static const struct span opening = { "^.{0,", 5 }, closing = { "}?", 2 };
	size_t end = span_has_prefix(text, opening) ? span_find(text, closing, 0) : SIZE_MAX;
	uint64_t lead;

	if (end == SIZE_MAX || !alternative_is_single(text) ||
	    span_parse_unsigned(span_slice(text, opening.len, end), LEAD_MAX, &lead) < 0)
		return 0;
	*ret_lead = (uint32_t)lead;
	return lead > 0 ? end + closing.len : 0;
}

static struct pattern *make_pattern(struct span text, enum jit jit)
{
	struct pattern *pattern = calloc(1, sizeof(*pattern));

	if (!pattern)
		return NULL;
	atomic_init(&pattern->code, NULL);
	atomic_init(&pattern->is_broken, false);
	atomic_init(&pattern->jit, jit);
	pattern->text = span_skip(text, take_lead(text, &pattern->lead));
	return pattern;
}

/* What stands in front of the literals is part of the match. */
static int finish(struct pattern *pattern, int rc, struct literals *literals, struct pattern **ret_pattern)
{
	if (rc < 0) {
		pattern_free(pattern);
		return rc;
	}
	if (pattern->lead > 0) {
		literals->exact_count = 0;
		literals->longest = LITERAL_FAR;
	}
	*ret_pattern = pattern;
	return 0;
}

int pattern_new(struct span text, bool with_jit, struct arena *arena, struct literals *ret_literals, struct pattern **ret_pattern,
		char reason[static PATTERN_REASON_SIZE])
{
	struct pattern *pattern = make_pattern(text, with_jit ? JIT_FIRST : JIT_NONE);
	pcre2_code *code;
	int rc;

	if (!pattern)
		return -ENOMEM;
	rc = literals_find(pattern->text, arena, ret_literals);
	if (rc == 0 && !(ret_literals->is_plain && ret_literals->exact_count > 0)) {
		rc = compile(pattern->text, &code, reason);
		atomic_init(&pattern->code, rc == 0 ? code : NULL);
		if (rc == 0)
			rc = examine(pattern, pattern->text, arena, ret_literals, reason);
	}
	return finish(pattern, rc, ret_literals, ret_pattern);
}

int pattern_new_lazy(struct span text, bool with_jit, struct arena *arena, struct literals *ret_literals, struct pattern **ret_pattern)
{
	struct pattern *pattern = make_pattern(text, with_jit ? JIT_FIRST_LAZY : JIT_NONE);

	if (!pattern)
		return -ENOMEM;
	return finish(pattern, literals_find(pattern->text, arena, ret_literals), ret_literals, ret_pattern);
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_code_free(atomic_load(&pattern->code));
	free(pattern);
}

bool pattern_is_broken(const struct pattern *pattern, char reason[static PATTERN_REASON_SIZE])
{
	pcre2_code *code;

	if (!atomic_load(&get_shared(pattern)->is_broken) || compile(pattern->text, &code, reason) < 0)
		return atomic_load(&get_shared(pattern)->is_broken);
	pcre2_code_free(code); /* there was no memory */
	return refuse(reason, "out of memory") < 0;
}

bool pattern_is_anchored(const struct pattern *pattern)
{
	const pcre2_code *code = atomic_load(&get_shared(pattern)->code);
	uint32_t options = 0;

	if (!code) /* of these no more than what can be seen */
		return pattern->lead == 0 && span_has_prefix(pattern->text, SPAN_LIT("^")) && alternative_is_single(pattern->text);
	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	return options & PCRE2_ANCHORED;
}

bool pattern_may_jit(void)
{
	char reason[PATTERN_REASON_SIZE];
	pcre2_code *code;
	bool may;

	if (compile(SPAN_LIT("a"), &code, reason) < 0)
		return false;
	may = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
	pcre2_code_free(code);
	return may;
}

/* Is there machine code?  Made here, in time. */
static bool has_machine_code(const struct pattern *pattern, pcre2_code *code)
{
	atomic_int *jit = get_jit(pattern);
	int state = atomic_load_explicit(jit, memory_order_acquire);

	if (state > JIT_WANTED)
		(void)atomic_compare_exchange_weak_explicit(jit, &state, state - 1, memory_order_relaxed, memory_order_relaxed);
	else if (state == JIT_WANTED && atomic_compare_exchange_strong(jit, &state, JIT_BEGUN)) {
		state = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0 ? JIT_READY : JIT_NONE;
		atomic_store_explicit(jit, state, memory_order_release);
	}
	return state == JIT_READY;
}

struct matcher *matcher_new(void)
{
	struct matcher *matcher = calloc(1, sizeof(*matcher));

	if (!matcher)
		return NULL;
	matcher->data = pcre2_match_data_create(1, NULL);
	matcher->context = pcre2_match_context_create(NULL);
	if (!matcher->data || !matcher->context) {
		matcher_free(matcher);
		return NULL;
	}
	pcre2_set_match_limit(matcher->context, PATTERN_MATCH_LIMIT);
	pcre2_set_heap_limit(matcher->context, PATTERN_HEAP_LIMIT_KIB);
	matcher->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL); /* NULL where there is no JIT */
	if (matcher->stack)
		pcre2_jit_stack_assign(matcher->context, NULL, matcher->stack);
	return matcher;
}

void matcher_free(struct matcher *matcher)
{
	if (!matcher)
		return;
	pcre2_match_data_free(matcher->data);
	pcre2_match_context_free(matcher->context);
	pcre2_jit_stack_free(matcher->stack);
	free(matcher);
}

static enum pattern_found find(const struct pattern *pattern, struct matcher *matcher, struct span text, size_t start, size_t *ret_from,
			       size_t *ret_to)
{
	PCRE2_SPTR subject = (PCRE2_SPTR)text.ptr;
	pcre2_code *code = get_code(pattern);
	const PCRE2_SIZE *ends;
	int rc;

	if (!code)
		return PATTERN_ABSENT;
	if (has_machine_code(pattern, code))
		rc = pcre2_jit_match(code, subject, text.len, start, PCRE2_NOTEMPTY, matcher->data, matcher->context);
	else
		rc = pcre2_match(code, subject, text.len, start, PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
				 matcher->data, matcher->context);
	if (rc == PCRE2_ERROR_NOMATCH)
		return PATTERN_ABSENT;
	if (rc < 0)
		return PATTERN_STOPPED;
	ends = pcre2_get_ovector_pointer(matcher->data);
	*ret_from = ends[0];
	*ret_to = ends[1];
	return *ret_to > *ret_from ? PATTERN_FOUND : PATTERN_ABSENT;
}

static size_t count_characters(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += (text.ptr[i] & 0xC0) != 0x80;
	return count;
}

enum pattern_found pattern_find(const struct pattern *pattern, struct matcher *matcher, struct span text, size_t hint, size_t *ret_from,
				size_t *ret_to)
{
	size_t from, to;
	enum pattern_found found = find(pattern, matcher, text, hint, &from, &to);

	if (found != PATTERN_FOUND)
		return found;
	if (pattern->lead > 0 && from > pattern->lead && count_characters(span_slice(text, 0, from)) > pattern->lead)
		return PATTERN_ABSENT;
	*ret_from = pattern->lead > 0 ? 0 : from;
	*ret_to = to;
	return PATTERN_FOUND;
}

enum pattern_found pattern_find_next(const struct pattern *pattern, struct matcher *matcher, struct span text, size_t start,
				     size_t *ret_from, size_t *ret_to)
{
	if (pattern->lead > 0)
		return start == 0 ? pattern_find(pattern, matcher, text, 0, ret_from, ret_to) : PATTERN_ABSENT;
	return find(pattern, matcher, text, start, ret_from, ret_to);
}
