/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the store's contract share: a store of the backend that the program is made for, and what a test asks of it. */
#ifndef KODAMA_TESTS_STORE_CONTRACT_H
#define KODAMA_TESTS_STORE_CONTRACT_H

#include "store_help.h"

struct fixture {
	char folder[64];
	char uri[256];
	struct store_options options;
	struct store *store;
	struct limits limits;
};

extern struct fixture fixture;

struct seen_changes {
	unsigned count;
	uint64_t last_hash;
	int64_t last_until_s;
};

int open_fixture(void **state);
int close_fixture(void **state);
struct decision record(struct fixture *f, struct sample sample);
bool keep_row(void *data, const struct suppression *row); /* the numbers of the first one, into a struct suppression */
struct suppression find_in(struct fixture *f, const char *address, const char *stream);
struct suppression find(struct fixture *f, const char *address);
unsigned count_history(struct fixture *f, const char *address);
const char *last_message_id(struct fixture *f, const char *address);
int add(struct fixture *f, const char *address, int64_t until_s);
struct seen_changes list_changes(struct fixture *f, int64_t after);
void assert_change_is_of(struct fixture *f, const struct seen_changes *seen, const char *address);

#define CONTRACT(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

extern const struct CMUnitTest store_handle_tests[], store_event_tests[], store_manual_tests[];
extern const size_t store_handle_test_count, store_event_test_count, store_manual_test_count;

/* PostgreSQL's alone. */
extern const struct CMUnitTest store_engine_tests[];
extern const size_t store_engine_test_count;
void execute_on_server(const char *script);

#endif
