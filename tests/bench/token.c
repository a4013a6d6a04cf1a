/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a token costs: signing a mail to one and to many recipients, reading and checking what comes back with it, and
 * refusing what is forged; microseconds of CPU each, the best of ten rounds, beside one HMAC by libcrypto's own.
 * Usage: token [COUNT].
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "flow/flow.h"

enum { ROUNDS = 10, ARENA_MAX = 1 << 20 };

struct bench {
	struct snapshot *snapshot;
	struct keyring *ring;
	struct arena *arena;
	struct recipients one, many;
	struct submission submission;
	char *header, *envelope_id, *header_of_many, *forged;
	unsigned good; /* so that nothing is left out */
};

static double get_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static const char *sign(struct bench *bench, const struct recipients *recipients, const char **ret_envelope_id)
{
	struct signature signature;

	arena_reset(bench->arena);
	if (flow_sign(bench->snapshot, &bench->submission, recipients, INT64_C(1795300000000000), bench->arena, &signature) < 0)
		abort();
	*ret_envelope_id = signature.envelope_id;
	return signature.header;
}

static void sign_one(struct bench *bench)
{
	const char *envelope_id;

	bench->good += sign(bench, &bench->one, &envelope_id)[0] == 'v';
}

static void sign_many(struct bench *bench)
{
	const char *envelope_id;

	bench->good += sign(bench, &bench->many, &envelope_id)[0] == 'v';
}

static void check(struct bench *bench, const char *text, const char *recipient)
{
	struct token token;

	if (token_read(span_of(text), &token) == TOKEN_VALID && token_check(&token, bench->ring, 1795300100) == TOKEN_VALID)
		bench->good += token_binds(&token, bench->ring, span_of(recipient), 1795300100);
}

static void check_header(struct bench *bench)
{
	check(bench, bench->header, "some.user0@example.com");
}

static void check_envelope_id(struct bench *bench)
{
	check(bench, bench->envelope_id, "some.user0@example.com");
}

static void check_many(struct bench *bench)
{
	check(bench, bench->header_of_many, "some.user63@example.com");
}

static void check_forged(struct bench *bench)
{
	check(bench, bench->forged, "some.user0@example.com");
}

static void hmac_alone(struct bench *bench)
{
	static const unsigned char key[32] = { 1 };
	unsigned char code[32];
	unsigned len;

	bench->good += HMAC(EVP_sha256(), key, sizeof(key), (const unsigned char *)bench->header, 80, code, &len) != NULL;
}

static void measure(struct bench *bench, const char *name, void (*run)(struct bench *bench), unsigned count)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = get_us();
		for (unsigned i = 0; i < count / ROUNDS; i++)
			run(bench);
		double each = (get_us() - start) / (count / ROUNDS);
		best = each < best ? each : best;
	}
	printf("%-44s %6.2f us\n", name, best);
}

static void set_up(struct bench *bench)
{
	static char names[TOKEN_HASHES_MAX][32];
	struct key_records records = { .count = 0 };
	const char *envelope_id;

	if (key_records_add(&records, KEY_STREAM, 1) < 0 || key_records_add(&records, NULL, 1) < 0)
		abort();
	bench->ring = keyring_new(&records, TOKEN_VALID_S);
	bench->snapshot = snapshot_new();
	bench->arena = arena_new(ARENA_MAX);
	if (!bench->ring || !bench->snapshot || !bench->arena)
		abort();
	bench->snapshot->keys = keys_new(keyring_ref(bench->ring));
	bench->snapshot->stream_kind = STREAM_LOGIN;
	bench->submission = (struct submission){ .sender = SPAN_LIT("sender@example.jp"), .login = SPAN_LIT("alice") };
	for (int i = 0; i < TOKEN_HASHES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "some.user%d@example.com", i);
		bench->many.items[bench->many.count++] = span_of(names[i]);
	}
	bench->many.total = bench->many.count;
	bench->one = (struct recipients){ .items = { bench->many.items[0] }, .count = 1, .total = 1 };
	bench->header_of_many = strdup(sign(bench, &bench->many, &envelope_id));
	bench->header = strdup(sign(bench, &bench->one, &envelope_id));
	bench->envelope_id = strdup(envelope_id);
	bench->forged = strdup(bench->header);
	bench->forged[strlen(bench->forged) - 1] ^= 1;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200000;
	struct bench bench = { .good = 0 };

	set_up(&bench);
	measure(&bench, "one HMAC-SHA256 of 80 bytes, libcrypto", hmac_alone, count);
	measure(&bench, "sign, one recipient, header and envelope id", sign_one, count);
	measure(&bench, "sign, 64 recipients", sign_many, count / 20);
	measure(&bench, "read and check the header", check_header, count);
	measure(&bench, "read and check the envelope id", check_envelope_id, count);
	measure(&bench, "read and check one of 64 recipients", check_many, count / 20);
	measure(&bench, "refuse a forged one", check_forged, count);
	return bench.good == 0;
}
