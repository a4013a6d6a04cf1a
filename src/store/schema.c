/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables and their migrations.  "@id", "@hash", "@key" and "@clustered" are the driver's words. */
#include "store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/address.h"
#include "base/buffer.h"
#include "store/enforced.h"
#include "store/refold.h"
#include "store/statements.h"

static const char first[] =
	"CREATE TABLE meta(name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)@clustered;"
	"INSERT INTO meta VALUES('change', 0);"
	/* origin: 0 evidence, 1 by hand, from 2 on evidence as it stood before a success (past.h) */
	"CREATE TABLE addresses(address @key NOT NULL, stream @key NOT NULL, origin BIGINT NOT NULL, kind TEXT NOT NULL,"
	" since_s BIGINT NOT NULL, until_s BIGINT NOT NULL, times BIGINT NOT NULL, section TEXT NOT NULL, class TEXT,"
	" rule TEXT, provider TEXT, note TEXT, last_failure_s BIGINT NOT NULL, last_success_s BIGINT NOT NULL,"
	" tallies TEXT NOT NULL, PRIMARY KEY(address, stream, origin))@clustered;"
	"CREATE TABLE outcomes(id @id, address @key NOT NULL, stream TEXT NOT NULL, time_s BIGINT NOT NULL,"
	" received_s BIGINT NOT NULL, sender TEXT, action TEXT, reply TEXT, status TEXT, text TEXT, command TEXT,"
	" remote_mta TEXT, reporting_mta TEXT, queue_id TEXT, envelope_id TEXT, message_id TEXT, source TEXT, kind TEXT,"
	" proof TEXT, class TEXT, scope TEXT, effect TEXT, basis TEXT, rule TEXT, provider TEXT, decision TEXT,"
	" count BIGINT, after BIGINT, until_s BIGINT, why TEXT);"
	"CREATE INDEX outcomes_address ON outcomes(address, id);"
	"CREATE INDEX outcomes_received ON outcomes(received_s);"
	"CREATE TABLE counts(provider @key NOT NULL, class @key NOT NULL, hour BIGINT NOT NULL, count BIGINT NOT NULL,"
	" PRIMARY KEY(provider, class, hour))@clustered;"
	"CREATE TABLE seen(key TEXT NOT NULL, recipient TEXT NOT NULL, time_s BIGINT NOT NULL, proof BIGINT NOT NULL,"
	" outcome BIGINT NOT NULL, PRIMARY KEY(key, recipient))@clustered;"
	"CREATE INDEX seen_time ON seen(time_s);"
	"CREATE TABLE changes(number BIGINT NOT NULL PRIMARY KEY, address TEXT NOT NULL, stream TEXT NOT NULL,"
	" time_s BIGINT NOT NULL)@clustered;"
	"CREATE TABLE audit(id @id, time_s BIGINT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, address @key NOT NULL,"
	" stream TEXT NOT NULL, note TEXT, until_s BIGINT);"
	"CREATE INDEX audit_address ON audit(address, id);"
	"CREATE TABLE positions(name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)@clustered;"
	"CREATE TABLE keys(name TEXT NOT NULL PRIMARY KEY, secret TEXT NOT NULL, created_s BIGINT NOT NULL,"
	" retired_s BIGINT)@clustered;";

/* why an outcome is proved, or not */
static const char proof_reasons[] = "ALTER TABLE outcomes ADD COLUMN proof_reason TEXT;";

/* What is in force as the index has it in memory (enforced.h): quick to read at the start. */
static const char enforced[] = "CREATE TABLE enforced(hash @hash, value BIGINT NOT NULL);";

/* What was seen is kept as a keyed hash, that names nobody: it may outlive an address that is forgotten. */
static const char seen_hashes[] =
	"DROP INDEX seen_time; ALTER TABLE seen RENAME TO seen_named;"
	"CREATE TABLE seen(hash @hash, time_s BIGINT NOT NULL, proof BIGINT NOT NULL, outcome BIGINT NOT NULL);"
	"CREATE INDEX seen_time ON seen(time_s);";

/* What changes is told in the index's own two numbers: quick to follow, and it names nobody. */
static const char changes_packed[] =
	"DROP TABLE changes; CREATE TABLE changes(number @hash, hash BIGINT NOT NULL, value BIGINT NOT NULL, time_s BIGINT NOT NULL);";

/* Whose successes are they?  Of one alone they are no proof that a provider takes other mail of ours. */
static const char counted_recipients[] = "ALTER TABLE counts ADD COLUMN who BIGINT;";

static int fill_enforced(const struct sql_driver *driver, struct sql *sql);
static int fill_seen(const struct sql_driver *driver, struct sql *sql);

/* Statements, and what SQL alone cannot do. */
static const struct {
	const char *script;
	int (*run)(const struct sql_driver *driver, struct sql *sql);
} migrations[] = {
	{ first, NULL }, { proof_reasons, NULL }, { enforced, fill_enforced }, { seen_hashes, fill_seen }, { changes_packed, NULL },
	{ counted_recipients, NULL },
};
const unsigned schema_version = sizeof(migrations) / sizeof(migrations[0]);

static void expand(struct buffer *script, const struct sql_driver *driver, struct span text)
{
	while (text.len) {
		size_t at = span_find_char(text, '@', 0);
		buffer_add(script, span_slice(text, 0, at));
		text = span_skip(text, at);
		if (span_has_prefix(text, SPAN_LIT("@id"))) {
			buffer_add(script, span_of(driver->id_type));
			text = span_skip(text, 3);
		} else if (span_has_prefix(text, SPAN_LIT("@hash"))) {
			buffer_add(script, span_of(driver->hash_type));
			text = span_skip(text, 5);
		} else if (span_has_prefix(text, SPAN_LIT("@key"))) {
			buffer_add(script, span_of(driver->key_type));
			text = span_skip(text, 4);
		} else if (span_has_prefix(text, SPAN_LIT("@clustered"))) {
			buffer_add(script, span_of(driver->clustered));
			text = span_skip(text, 10);
		}
	}
}

static bool take_number(void *data, const struct sql_value *columns, size_t count)
{
	if (count)
		*(int64_t *)data = columns[0].number;
	return false;
}

static int run(const struct sql_driver *driver, struct sql *sql, enum statement id, const struct sql_value *params, size_t count,
	       int64_t *ret_number)
{
	int result = driver->run(sql, id, statement_texts[id], params, count, take_number, ret_number);

	return result < 0 ? result : 0;
}

static const char *const key_names[] = { "index_key_0", "index_key_1" };

int schema_get_index_key(const struct sql_driver *driver, struct sql *sql, struct siphash_key *ret_key)
{
	struct siphash_key key;

	for (size_t i = 0; i < 2; i++) {
		struct sql_value name[] = { sql_text(span_of(key_names[i])) };
		int64_t word = 0;
		int result = driver->run(sql, STATEMENT_GET_META, statement_texts[STATEMENT_GET_META], name, 1, take_number, &word);
		if (result <= 0)
			return result < 0 ? result : -EIO;
		key.words[i] = (uint64_t)word;
	}
	*ret_key = key;
	return 0;
}

static int add_index_key(const struct sql_driver *driver, struct sql *sql)
{
	struct siphash_key key;
	int result = getrandom(&key, sizeof(key), 0) == (ssize_t)sizeof(key) ? 0 : -EIO;

	for (size_t i = 0; i < 2 && result == 0; i++) {
		struct sql_value row[] = { sql_text(span_of(key_names[i])), sql_number((int64_t)key.words[i]) };
		result = run(driver, sql, STATEMENT_SET_META, row, 2, NULL);
	}
	return result;
}

/* Rows are read into memory first: a connection runs one statement at a time. */
struct old_rows {
	struct siphash_key key;
	struct old_row { uint64_t hash; int64_t values[3]; } *items;
	size_t count, size;
	bool is_out_of_memory;
};

static bool keep_old_row(struct old_rows *old, struct old_row row)
{
	if (old->count == old->size) {
		size_t size = old->size ? old->size * 2 : 1024;
		void *items = reallocarray(old->items, size, sizeof(*old->items));
		old->is_out_of_memory = !items;
		if (!items)
			return false;
		old->items = items;
		old->size = size;
	}
	old->items[old->count++] = row;
	return true;
}

static int list_old_rows(const struct sql_driver *driver, struct sql *sql, enum statement id, sql_visit *visit, struct old_rows *old)
{
	int result = schema_get_index_key(driver, sql, &old->key);

	if (result == 0)
		result = driver->run(sql, id, statement_texts[id], NULL, 0, visit, old);
	return old->is_out_of_memory ? -ENOMEM : result < 0 ? result : 0;
}

static bool take_old_entry(void *data, const struct sql_value *columns, size_t count)
{
	struct old_rows *old = data;
	struct suppression row = { .address = columns[0].text, .stream = columns[1].text, .kind = DECISION_SUPPRESSED,
				   .origin = columns[2].number == ORIGIN_MANUAL ? ORIGIN_MANUAL : ORIGIN_EVIDENCE,
				   .since_s = columns[3].number, .until_s = columns[4].number };

	(void)count;
	class_find(columns[5].text, &row.class_id);
	return keep_old_row(old, (struct old_row){ enforced_hash(&old->key, row.address, row.stream), { (int64_t)enforced_pack(&row) } });
}

static int put_enforced(const struct sql_driver *driver, struct sql *sql)
{
	struct old_rows old = { .count = 0 };
	int result = list_old_rows(driver, sql, STATEMENT_LIST_SUPPRESSED, take_old_entry, &old);

	for (size_t i = 0; i < old.count && result == 0; i++) {
		struct sql_value row[] = { sql_number((int64_t)old.items[i].hash), sql_number(old.items[i].values[0]) };
		result = old.items[i].values[0] ? run(driver, sql, STATEMENT_PUT_ENFORCED, row, 2, NULL) : 0;
	}
	free(old.items);
	return result;
}

static int fill_enforced(const struct sql_driver *driver, struct sql *sql)
{
	int result = add_index_key(driver, sql);

	return result < 0 ? result : put_enforced(driver, sql);
}

static bool take_old_sighting(void *data, const struct sql_value *columns, size_t count)
{
	struct old_rows *old = data;

	(void)count;
	return keep_old_row(old, (struct old_row){ siphash_pair(&old->key, columns[0].text, columns[1].text),
						   { columns[2].number, columns[3].number, columns[4].number } });
}

static int fill_seen(const struct sql_driver *driver, struct sql *sql)
{
	struct old_rows old = { .count = 0 };
	int result = list_old_rows(driver, sql, STATEMENT_LIST_SEEN_NAMED, take_old_sighting, &old);

	for (size_t i = 0; i < old.count && result == 0; i++) {
		const struct old_row *item = &old.items[i];
		struct sql_value row[] = { sql_number((int64_t)item->hash), sql_number(item->values[0]), sql_number(item->values[1]),
					   sql_number(item->values[2]) };
		result = run(driver, sql, STATEMENT_PUT_SEEN, row, 4, NULL);
	}
	free(old.items);
	return result < 0 ? result : driver->execute(sql, "DROP TABLE seen_named");
}

static int migrate_to(const struct sql_driver *driver, struct sql *sql, unsigned version)
{
	struct buffer script;
	struct sql_value row[] = { sql_number(version), sql_number((int64_t)time(NULL)) };

	buffer_init(&script, 64 * 1024);
	expand(&script, driver, span_of(migrations[version - 1].script));
	int result = driver->execute(sql, buffer_get_text(&script));
	buffer_done(&script);
	if (result == 0 && migrations[version - 1].run)
		result = migrations[version - 1].run(driver, sql);
	return result < 0 ? result : run(driver, sql, STATEMENT_ADD_MIGRATION, row, 2, NULL);
}

/* Rows are folded by one rule; a later rule folds them again, an unknown one is refused. */
static int check_fold(const struct sql_driver *driver, struct sql *sql, bool is_new, int64_t *ret_version)
{
	struct sql_value row[] = { sql_text(SPAN_LIT("fold")), sql_number(ADDRESS_FOLD_VERSION) };

	*ret_version = ADDRESS_FOLD_VERSION;
	if (is_new)
		return run(driver, sql, STATEMENT_SET_META, row, 2, NULL);
	return run(driver, sql, STATEMENT_GET_META, row, 1, ret_version);
}

static int fold_anew(const struct sql_driver *driver, struct sql *sql)
{
	int64_t fold;
	int result = refold_addresses(driver, sql);

	if (result == 0)
		result = put_enforced(driver, sql);
	return result < 0 ? result : check_fold(driver, sql, true, &fold);
}

static int migrate_from(const struct sql_driver *driver, struct sql *sql, int64_t version, char *ret_error, size_t size)
{
	int64_t fold;
	int result = 0;

	if (version > schema_version) {
		snprintf(ret_error, size, "the database has schema version %lld, this program knows %u (a newer kodamad wrote it: install that, or put a backup back)", (long long)version,
			 schema_version);
		return -EINVAL;
	}
	for (unsigned next = (unsigned)version + 1; next <= schema_version && result == 0; next++)
		result = migrate_to(driver, sql, next);
	if (result == 0)
		result = check_fold(driver, sql, version == 0, &fold);
	if (result == 0 && fold < ADDRESS_FOLD_VERSION)
		return fold_anew(driver, sql);
	if (result == 0 && fold != ADDRESS_FOLD_VERSION) {
		snprintf(ret_error, size, "the database folds addresses by rule %lld, this program by %d", (long long)fold,
			 ADDRESS_FOLD_VERSION);
		return -EINVAL;
	}
	return result;
}

static int get_version(const struct sql_driver *driver, struct sql *sql, int64_t *ret_version)
{
	*ret_version = 0;
	return run(driver, sql, STATEMENT_GET_VERSION, NULL, 0, ret_version);
}

static int migrate(const struct sql_driver *driver, struct sql *sql, bool *ret_is_new, char *ret_error, size_t size)
{
	int64_t version = 0;
	int result = driver->begin(sql);

	if (result < 0)
		return result;
	result = driver->execute(sql, "CREATE TABLE IF NOT EXISTS migrations(version BIGINT NOT NULL PRIMARY KEY, "
				 "applied_s BIGINT NOT NULL)");
	if (result == 0)
		result = get_version(driver, sql, &version);
	if (result == 0)
		result = migrate_from(driver, sql, version, ret_error, size);
	if (result == 0) {
		*ret_is_new = version == 0;
		return driver->commit(sql);
	}
	driver->rollback(sql);
	return result;
}

int schema_migrate(const struct sql_driver *driver, struct sql *sql, bool is_read_only, bool *ret_is_new, char *ret_error, size_t size)
{
	int64_t version, fold;

	*ret_error = '\0';
	*ret_is_new = false;
	int result = get_version(driver, sql, &version);
	if (result < 0)
		version = 0;
	if (version == schema_version)
		result = check_fold(driver, sql, false, &fold);
	if (version == schema_version && result == 0 && fold == ADDRESS_FOLD_VERSION)
		return 0;
	if (!is_read_only)
		result = migrate(driver, sql, ret_is_new, ret_error, size);
	else if (result == 0)
		result = -EINVAL;
	if (result < 0 && !*ret_error)
		snprintf(ret_error, size, "%s", *driver->get_error(sql) ? driver->get_error(sql) : "it has another schema version");
	return result;
}
