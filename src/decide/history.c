/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counting failures in a row, suppressing, forgiving.  Punishments only grow while they last: nothing here
 * makes `until` earlier but a success, however events are ordered.  Pure; any thread.
 */
#include "decide/history.h"

#include <stdio.h>

enum { DAY_S = 24 * 3600, YEAR_S = 365 * DAY_S };

static struct decision decide(enum decision_kind kind, enum reason reason)
{
	return (struct decision){ .kind = kind, .reason = reason, .why = reason_get_text(reason) };
}

static struct tally *find_tally(struct history *history, const char *section)
{
	for (size_t i = 0; i < history->tally_count; i++) {
		if (strcmp(history->tallies[i].section, section) == 0)
			return &history->tallies[i];
	}
	return NULL;
}

/* A new one takes the place of the stalest where there is no room: sections come and go with the configuration. */
static struct tally *add_tally(struct history *history, const char *section)
{
	struct tally *slot = &history->tallies[0];

	if (history->tally_count < HISTORY_TALLIES) {
		slot = &history->tallies[history->tally_count++];
	} else {
		for (size_t i = 1; i < HISTORY_TALLIES; i++) {
			if (history->tallies[i].last_s < slot->last_s)
				slot = &history->tallies[i];
		}
	}
	*slot = (struct tally){ .count = 0 };
	snprintf(slot->section, sizeof(slot->section), "%s", section);
	return slot;
}

static bool is_in_row(const struct tally *tally, int64_t time_s, int64_t within_s)
{
	int64_t first = tally->first_s < time_s ? tally->first_s : time_s;
	int64_t last = tally->last_s > time_s ? tally->last_s : time_s;

	return within_s == TIME_FOREVER || last - first <= within_s;
}

/* One more in the row, or the first of a new one; what is too old to be in the row with newer ones is let go. */
static unsigned count_failure(struct history *history, const struct ruling *ruling, int64_t time_s)
{
	struct tally *tally = find_tally(history, ruling->section);

	if (!tally)
		tally = add_tally(history, ruling->section);
	if (tally->count == 0 || (!is_in_row(tally, time_s, ruling->within_s) && time_s > tally->last_s)) {
		tally->count = 1;
		tally->first_s = tally->last_s = time_s;
	} else if (is_in_row(tally, time_s, ruling->within_s)) {
		tally->count++;
		tally->first_s = tally->first_s < time_s ? tally->first_s : time_s;
		tally->last_s = tally->last_s > time_s ? tally->last_s : time_s;
	}
	return tally->count;
}

static void keep_verdict(struct history *history, const struct verdict *verdict)
{
	history->class_id = verdict->class_id;
	snprintf(history->rule, sizeof(history->rule), "%s", verdict->rule ? verdict->rule : "");
	snprintf(history->provider, sizeof(history->provider), "%s", verdict->provider ? verdict->provider : "");
}

/* Twice as long each time, at most a year unless the section says more. */
static int64_t get_duration(const struct ruling *ruling, unsigned times)
{
	int64_t duration_s = ruling->for_s, most_s = ruling->for_s > YEAR_S ? ruling->for_s : YEAR_S;

	if (duration_s == TIME_FOREVER)
		return duration_s;
	for (unsigned i = 0; i < times && duration_s < most_s; i++)
		duration_s = duration_s > most_s / 2 ? most_s : duration_s * 2;
	return duration_s;
}

static struct decision report_suppression(const struct history *history, const struct ruling *ruling, enum reason reason)
{
	struct decision decision = decide(history->kind, reason);

	decision.until_s = history->until_s;
	if (decision.kind == DECISION_SUPPRESSED && ruling->is_dry_run)
		decision.kind = DECISION_DRY_RUN;
	return decision;
}

/* More of the same while it is suppressed: never shorter, and for the verdict that lasts longest. */
static struct decision prolong(struct history *history, const struct ruling *ruling, const struct verdict *verdict, int64_t time_s)
{
	int64_t until_s = time_add(time_s, get_duration(ruling, history->times ? history->times - 1 : 0));

	if (until_s > history->until_s) {
		history->until_s = until_s;
		snprintf(history->section, sizeof(history->section), "%s", ruling->section);
		keep_verdict(history, verdict);
	}
	if (time_s < history->since_s)
		history->since_s = time_s;
	return report_suppression(history, ruling, REASON_ALREADY);
}

static struct decision suppress(struct history *history, const struct ruling *ruling, const struct verdict *verdict,
				const struct facts *facts, enum reason reason)
{
	bool was_held_a_day = history->kind == DECISION_HELD && facts->time_s >= history->since_s + DAY_S;
	bool is_held = !was_held_a_day && (facts->is_surge || history->kind == DECISION_HELD);

	if (is_held && history->kind == DECISION_HELD)
		return report_suppression(history, ruling, REASON_SURGE);
	history->until_s = time_add(facts->time_s, get_duration(ruling, history->times));
	history->since_s = facts->time_s;
	history->kind = is_held ? DECISION_HELD : DECISION_SUPPRESSED;
	if (!is_held)
		history->times++;
	snprintf(history->section, sizeof(history->section), "%s", ruling->section);
	keep_verdict(history, verdict);
	return report_suppression(history, ruling, is_held ? REASON_SURGE : reason);
}

static void clear(struct history *history)
{
	int64_t last_failure_s = history->last_failure_s, last_success_s = history->last_success_s;

	*history = (struct history){ .last_failure_s = last_failure_s, .last_success_s = last_success_s };
}

/* A success wipes out what came before it, not a failure that is newer. */
static struct decision apply_success(struct history *history, const struct facts *facts)
{
	if (facts->time_s > history->last_success_s)
		history->last_success_s = facts->time_s;
	if (history_is_clean(history) || history->last_failure_s > facts->time_s)
		return decide(DECISION_NONE, REASON_SUCCESS_NOTHING);
	clear(history);
	return decide(DECISION_NONE, REASON_SUCCESS_RESET);
}

/* Its time is over.  The count stands one below the limit for a year: one more failure, and it is suppressed again. */
static bool was_suppressed(const struct history *history, int64_t time_s)
{
	return history->kind == DECISION_SUPPRESSED && time_s >= history->until_s && time_s - history->until_s <= YEAR_S;
}

static struct decision apply_failure(struct history *history, const struct ruling *ruling, const struct verdict *verdict,
				     const struct facts *facts)
{
	bool is_again = was_suppressed(history, facts->time_s);

	if (history->kind == DECISION_SUPPRESSED && !is_again && !history_is_suppressed(history, facts->time_s))
		clear(history);
	/* fully proved at last: as many voices as the section asks for, counted or not */
	unsigned count = facts->is_proof_raised ? 0 : count_failure(history, ruling, facts->time_s);
	if (history_is_suppressed(history, facts->time_s))
		return prolong(history, ruling, verdict, facts->time_s);
	if (ruling->after <= 1)
		return suppress(history, ruling, verdict, facts, is_again ? REASON_AGAIN : REASON_AT_ONCE);
	if (is_again && !facts->is_proof_raised && !facts->is_shared)
		return suppress(history, ruling, verdict, facts, REASON_AGAIN);
	if (count >= ruling->after)
		return suppress(history, ruling, verdict, facts, REASON_THRESHOLD);
	if (history->kind == DECISION_NONE)
		keep_verdict(history, verdict);
	struct decision decision = decide(facts->is_proof_raised ? DECISION_NONE : DECISION_COUNTED,
					  facts->is_proof_raised ? REASON_DUPLICATE : REASON_COUNTED);
	decision.count = count;
	decision.after = ruling->after;
	return decision;
}

struct decision history_apply(struct history *history, const struct ruling *ruling, const struct verdict *verdict,
			      const struct facts *facts)
{
	if (ruling->kind != DECISION_COUNTED)
		return decide(ruling->kind, ruling->reason);
	if (ruling->is_success)
		return apply_success(history, facts);
	if (ruling->needs_success && !facts->has_provider_success)
		return decide(DECISION_NONE, REASON_WEAK_BASIS);
	if (facts->time_s < history->last_success_s)
		return decide(DECISION_NONE, REASON_OLDER_THAN_SUCCESS);
	struct decision decision = apply_failure(history, ruling, verdict, facts);
	/* the log of that very delivery may be read only now, with nothing in it that names the mail as the bounce does */
	int64_t failed_s = facts->time_s + facts->is_returned;
	if (failed_s > history->last_failure_s)
		history->last_failure_s = failed_s;
	return decision;
}

bool history_is_suppressed(const struct history *history, int64_t now_s)
{
	return history->kind == DECISION_SUPPRESSED && now_s < history->until_s;
}

bool history_is_clean(const struct history *history)
{
	return history->kind == DECISION_NONE && history->tally_count == 0;
}

static void merge_tally(struct history *history, const struct tally *old)
{
	struct tally *tally = find_tally(history, old->section);

	if (!tally) {
		*add_tally(history, old->section) = *old;
		return;
	}
	tally->count += old->count;
	tally->first_s = old->first_s < tally->first_s ? old->first_s : tally->first_s;
	tally->last_s = old->last_s > tally->last_s ? old->last_s : tally->last_s;
}

void history_take_back(struct history *history, const struct history *before)
{
	struct history old = *history;

	history->last_success_s = before->last_success_s;
	for (size_t i = 0; i < before->tally_count; i++)
		merge_tally(history, &before->tallies[i]);
	if (before->last_failure_s > history->last_failure_s)
		history->last_failure_s = before->last_failure_s;
	if (before->kind == DECISION_NONE || (old.kind != DECISION_NONE && old.until_s >= before->until_s))
		return;
	history->kind = before->kind;
	history->since_s = before->since_s;
	history->until_s = before->until_s;
	history->times = before->times > old.times ? before->times : old.times;
	memcpy(history->section, before->section, sizeof(history->section));
	history->class_id = before->class_id;
	memcpy(history->rule, before->rule, sizeof(history->rule));
	memcpy(history->provider, before->provider, sizeof(history->provider));
}
