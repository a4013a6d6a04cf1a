/* SPDX-License-Identifier: BSD-2-Clause */
/* The statements, in the SQL that SQLite and PostgreSQL share. */
#include "store/statements.h"

#include <assert.h>

#include "store/sql.h"

#define STATE_COLUMNS \
	"address, stream, origin, kind, since_s, until_s, times, section, class, rule, provider, note, " \
	"last_failure_s, last_success_s, tallies"

const char *const statement_texts[] = {
	[STATEMENT_GET_VERSION] = "SELECT version FROM migrations ORDER BY version DESC LIMIT 1",
	[STATEMENT_ADD_MIGRATION] = "INSERT INTO migrations(version, applied_s) VALUES($1, $2)",
	[STATEMENT_GET_META] = "SELECT value FROM meta WHERE name = $1",
	[STATEMENT_SET_META] = "INSERT INTO meta(name, value) VALUES($1, $2) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
	[STATEMENT_NEXT_CHANGE] = "UPDATE meta SET value = value + 1 WHERE name = 'change' RETURNING value",
	[STATEMENT_ADD_CHANGE] = "INSERT INTO changes(number, hash, value, time_s) VALUES($1, $2, $3, $4)",
	/* a page: without the limit a planner that knows nothing of the table yet reads and sorts all of it */
	[STATEMENT_LIST_CHANGES] = "SELECT number, hash, value FROM changes WHERE number > $1 ORDER BY number LIMIT 5000",
	[STATEMENT_FIRST_CHANGE] = "SELECT number FROM changes ORDER BY number LIMIT 1",
	/* what stands by evidence, and what successes wiped out (past.h), oldest first */
	[STATEMENT_GET_STATE] = "SELECT " STATE_COLUMNS " FROM addresses WHERE address = $1 AND stream = $2 AND origin <> 1 ORDER BY origin",
	/* what a success could change: not what stands there by hand */
	[STATEMENT_HAS_STATE] = "SELECT 1 FROM addresses WHERE address = $1 AND origin <> 1 LIMIT 1",
	[STATEMENT_PUT_STATE] =
		"INSERT INTO addresses(" STATE_COLUMNS ") VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) "
		"ON CONFLICT(address, stream, origin) DO UPDATE SET kind = excluded.kind, since_s = excluded.since_s, "
		"until_s = excluded.until_s, times = excluded.times, section = excluded.section, class = excluded.class, "
		"rule = excluded.rule, provider = excluded.provider, note = excluded.note, "
		"last_failure_s = excluded.last_failure_s, last_success_s = excluded.last_success_s, tallies = excluded.tallies",
	[STATEMENT_DROP_STATE] = "DELETE FROM addresses WHERE address = $1 AND stream = $2 AND origin = $3",
	/* by hand: what stands against the address goes, counts and all, but what is of origin $3; a state that was only counting stays */
	[STATEMENT_DROP_SUPPRESSION] =
		"DELETE FROM addresses WHERE address = $1 AND stream = $2 AND origin <> $3 AND "
		"(kind <> 'none' OR origin > 1) RETURNING origin",
	[STATEMENT_FIND] = "SELECT " STATE_COLUMNS " FROM addresses WHERE address = $1 AND stream = $2 AND origin < 2 "
			   "ORDER BY origin DESC",
	/* is there an entry already? */
	[STATEMENT_GET_STANDING] = "SELECT origin, kind, until_s FROM addresses WHERE address = $1 AND stream = $2 AND origin < 2",
	[STATEMENT_LIST] = "SELECT " STATE_COLUMNS " FROM addresses WHERE kind <> 'none' AND origin < 2 AND until_s > $1 "
			   "ORDER BY address, stream, origin DESC",
	/* a page of what evidence brought, after an address; '' and 0 match all */
	[STATEMENT_LIST_SOME] =
		"SELECT " STATE_COLUMNS " FROM addresses WHERE origin = 0 AND kind <> 'none' AND until_s > $1 "
		"AND since_s >= $2 AND ($3 = 0 OR since_s < $3) AND ($4 = '' OR rule = $4) AND ($5 = '' OR class = $5) "
		"AND ($6 = '' OR provider = $6) AND ($7 = '' OR address LIKE $7 ESCAPE '!') AND ($8 = '' OR stream = $8) "
		"AND ($9 = 0 OR kind = 'held') AND ($12 = '' OR address = $12) AND (address > $10 OR (address = $10 AND stream > $11)) "
		"ORDER BY address, stream LIMIT 500",
	[STATEMENT_RELEASE] = "UPDATE addresses SET kind = 'suppressed', times = times + 1 WHERE address = $1 AND stream = $2 "
			      "AND origin = 0 AND kind = 'held'",
	/* by hand and by evidence as one; no row: nothing is in force */
	[STATEMENT_GET_ENFORCED] = "SELECT max(origin), min(since_s), max(until_s), max(class) FROM addresses WHERE address = $1 "
				   "AND stream = $2 AND origin < 2 AND kind = 'suppressed' HAVING count(*) > 0",
	[STATEMENT_COUNT_ENFORCED] = "SELECT count(*) FROM enforced",
	[STATEMENT_PUT_ENFORCED] = "INSERT INTO enforced(hash, value) VALUES($1, $2) ON CONFLICT(hash) DO UPDATE SET value = excluded.value",
	[STATEMENT_DROP_ENFORCED] = "DELETE FROM enforced WHERE hash = $1",
	/* for the migration that made the table */
	[STATEMENT_LIST_SUPPRESSED] = "SELECT address, stream, max(origin), min(since_s), max(until_s), max(class) FROM addresses "
				      "WHERE kind = 'suppressed' AND origin < 2 GROUP BY address, stream",
	[STATEMENT_ADD_OUTCOME] =
		"INSERT INTO outcomes(address, stream, time_s, received_s, sender, action, reply, status, text, command, "
		"remote_mta, reporting_mta, queue_id, envelope_id, message_id, source, kind, proof, class, scope, effect, "
		"basis, rule, provider, decision, count, after, until_s, why, proof_reason) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
		"$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30) RETURNING id",
	[STATEMENT_FILL_OUTCOME] =
		"UPDATE outcomes SET sender = COALESCE(sender, $2), reply = COALESCE(reply, $3), status = COALESCE(status, $4), "
		"text = COALESCE(text, $5), command = COALESCE(command, $6), remote_mta = COALESCE(remote_mta, $7), "
		"reporting_mta = COALESCE(reporting_mta, $8), queue_id = COALESCE(queue_id, $9), "
		"envelope_id = COALESCE(envelope_id, $10), message_id = COALESCE(message_id, $11), "
		/* the number may be another's by now, where the address was forgotten */
		"proof = COALESCE($12, proof), proof_reason = COALESCE($13, proof_reason) WHERE id = $1 AND address = $14",
	[STATEMENT_GET_SEEN] = "SELECT time_s, proof, outcome FROM seen WHERE hash = $1",
	[STATEMENT_PUT_SEEN] = "INSERT INTO seen(hash, time_s, proof, outcome) VALUES($1, $2, $3, $4) ON CONFLICT(hash) DO UPDATE SET "
			       "time_s = excluded.time_s, proof = excluded.proof, outcome = excluded.outcome",
	/* for the migration that made hashes of them */
	[STATEMENT_LIST_SEEN_NAMED] = "SELECT key, recipient, time_s, proof, outcome FROM seen_named",
	/* who: a hash of the one recipient whom they all are of, 0 of several */
	[STATEMENT_COUNT] = "INSERT INTO counts(provider, class, hour, count, who) VALUES($1, $2, $3, $4, $5) "
			    "ON CONFLICT(provider, class, hour) DO UPDATE SET count = counts.count + excluded.count, "
			    "who = CASE WHEN counts.who = excluded.who THEN counts.who ELSE 0 END",
	/* of another recipient than $5 */
	[STATEMENT_HAS_COUNT] = "SELECT 1 FROM counts WHERE provider = $1 AND class = $2 AND hour >= $3 AND hour <= $4 "
				"AND COALESCE(who, 0) <> $5 LIMIT 1",
	/* the classes that suppress at once, of the taxonomy */
	[STATEMENT_USUAL] = "SELECT CAST(COALESCE(sum(count), 0) AS BIGINT), min(hour) FROM counts WHERE provider = $1 AND hour >= $2 "
			    "AND hour < $3 AND class IN ('user-unknown', 'mailbox-disabled', 'moved', 'complaint', "
			    "'suppressed-upstream', 'not-accepting')",
	[STATEMENT_USUAL_DOMAINS] = "SELECT CAST(COALESCE(sum(count), 0) AS BIGINT), min(hour) FROM counts WHERE $1 = '' AND hour >= $2 "
				    "AND hour < $3 AND class = 'domain-unknown'",
	[STATEMENT_SUM_DAYS] = "SELECT '', class, hour / 24, CAST(sum(count) AS BIGINT) FROM counts WHERE hour >= $1 AND hour <= $2 "
			       "GROUP BY hour / 24, class ORDER BY 3, 2",
	[STATEMENT_SUM_PROVIDERS] = "SELECT provider, class, 0, CAST(sum(count) AS BIGINT) FROM counts WHERE hour >= $1 AND hour <= $2 "
				    "GROUP BY provider, class ORDER BY 4 DESC, 1, 2 LIMIT 20000",
	/* what evidence put on the list last */
	[STATEMENT_LIST_RECENT] = "SELECT " STATE_COLUMNS " FROM addresses WHERE origin = 0 AND kind <> 'none' AND since_s >= $1 "
				  "ORDER BY since_s DESC, address LIMIT $2",
	[STATEMENT_ADD_AUDIT] = "INSERT INTO audit(time_s, who, what, address, stream, note, until_s) VALUES($1, $2, $3, $4, $5, $6, $7)",
	[STATEMENT_HISTORY] =
		"SELECT received_s, id, time_s, stream, action, source, kind, proof, reply, status, text, remote_mta, queue_id, "
		"message_id, class, effect, basis, rule, provider, decision, why, until_s, NULL, NULL, NULL, proof_reason "
		"FROM outcomes WHERE address = $1 UNION ALL "
		"SELECT time_s, id, time_s, stream, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
		"NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, until_s, what, who, note, NULL "
		"FROM audit WHERE address = $1 ORDER BY 1, 2",
	[STATEMENT_GET_POSITION] = "SELECT value FROM positions WHERE name = $1",
	[STATEMENT_SET_POSITION] =
		"INSERT INTO positions(name, value) VALUES($1, $2) ON CONFLICT(name) DO UPDATE SET value = excluded.value",
	[STATEMENT_PRUNE_OUTCOMES] = "DELETE FROM outcomes WHERE id IN (SELECT id FROM outcomes WHERE received_s < $1 LIMIT 1000)",
	[STATEMENT_PRUNE_SEEN] = "DELETE FROM seen WHERE time_s < $1",
	[STATEMENT_PRUNE_CHANGES] = "DELETE FROM changes WHERE time_s < $1",
	[STATEMENT_PRUNE_COUNTS] = "DELETE FROM counts WHERE hour < $1",
	/* what successes wiped out is kept as long as the last of them may turn out to be void */
	[STATEMENT_PRUNE_BEFORE] = "DELETE FROM addresses WHERE (origin = 0 AND kind = 'none' AND tallies = '' AND last_failure_s < $1 "
				   "AND last_success_s < $1) OR (origin > 1 AND NOT EXISTS (SELECT 1 FROM addresses AS now "
				   "WHERE now.address = addresses.address AND now.stream = addresses.stream AND now.origin = 0 "
				   "AND now.last_success_s >= $1))",
	[STATEMENT_FORGET_ADDRESSES] = "DELETE FROM addresses WHERE address = $1 RETURNING stream",
	[STATEMENT_FORGET_OUTCOMES] = "DELETE FROM outcomes WHERE address = $1 RETURNING 1",
	[STATEMENT_FORGET_AUDIT] = "DELETE FROM audit WHERE address = $1 RETURNING 1",
	[STATEMENT_LIST_KEYS] = "SELECT name, secret, created_s, retired_s FROM keys ORDER BY created_s, name",
	[STATEMENT_PUT_KEY] = "INSERT INTO keys(name, secret, created_s, retired_s) VALUES($1, $2, $3, $4)",
	[STATEMENT_DROP_KEYS] = "DELETE FROM keys",
	[STATEMENT_REFOLD_LIST] = "SELECT address FROM addresses UNION SELECT address FROM outcomes UNION SELECT address FROM audit",
	/* of two that become one, what lasts longer stays */
	[STATEMENT_REFOLD_DROP_OLD] =
		"DELETE FROM addresses WHERE address = $1 AND EXISTS (SELECT 1 FROM addresses o WHERE o.address = $2 "
		"AND o.stream = addresses.stream AND o.origin = addresses.origin AND o.until_s >= addresses.until_s)",
	[STATEMENT_REFOLD_DROP_NEW] =
		"DELETE FROM addresses WHERE address = $2 AND EXISTS (SELECT 1 FROM addresses o WHERE o.address = $1 "
		"AND o.stream = addresses.stream AND o.origin = addresses.origin)",
	[STATEMENT_REFOLD_ADDRESSES] = "UPDATE addresses SET address = $2 WHERE address = $1",
	[STATEMENT_REFOLD_OUTCOMES] = "UPDATE outcomes SET address = $2 WHERE address = $1",
	[STATEMENT_REFOLD_AUDIT] = "UPDATE audit SET address = $2 WHERE address = $1",
};
static_assert(sizeof(statement_texts) / sizeof(statement_texts[0]) == STATEMENTS, "a text for each statement");
static_assert((int)STATEMENTS <= (int)SQL_SLOTS, "a slot for each statement");
