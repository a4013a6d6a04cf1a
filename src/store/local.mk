# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	src/store/store.h src/store/store.c src/store/private.h src/store/state.c src/store/record.c src/store/past.h src/store/past.c src/store/manual.c src/store/entries.c src/store/change.c src/store/bulk.c \
	src/store/statements.h src/store/statements.c src/store/refold.h src/store/refold.c src/store/schema.h src/store/schema.c src/store/sql.h src/store/sqlite.c \
	src/store/keyfile.h src/store/keyfile.c src/store/keytable.h src/store/keytable.c src/store/keysource.h src/store/keysource.c \
	src/store/enforced.h src/store/enforced.c src/store/index.h src/store/index.c src/store/follow.c src/store/thread.h src/store/thread.c \
	src/store/wire.h src/store/wire.c src/store/queue.h src/store/queue.c src/store/unproved.h src/store/unproved.c src/store/writer.h src/store/writer.c \
	src/store/writer_private.h src/store/commit.c

libstore_a_SOURCES += src/store/reading.h src/store/reading.c

if HAVE_PQ
libstore_a_SOURCES += src/store/libpq.h src/store/libpq.c src/store/arrays.h src/store/arrays.c src/store/pgsql_private.h src/store/pgsql.c src/store/pgsql_copy.c
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_store tests/unit/test_index tests/unit/test_writer tests/unit/test_writer_kill tests/unit/test_queue tests/unit/test_schema
STORE_CONTRACT = tests/unit/store_contract.h tests/unit/store_contract.c tests/unit/test_store.c tests/unit/test_store_events.c tests/unit/test_store_manual.c tests/unit/store_help.h
tests_unit_test_store_SOURCES = $(STORE_CONTRACT)
tests_unit_test_store_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_index_SOURCES = tests/unit/test_index.c tests/unit/store_help.h
tests_unit_test_index_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_writer_SOURCES = tests/unit/test_writer.c tests/unit/writer_help.h tests/unit/store_help.h
tests_unit_test_writer_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_writer_kill_SOURCES = tests/unit/test_writer_kill.c tests/unit/writer_help.h tests/unit/store_help.h
tests_unit_test_writer_kill_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_queue_SOURCES = tests/unit/test_queue.c tests/unit/writer_help.h tests/unit/store_help.h
tests_unit_test_queue_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
if HAVE_POSTGRES
check_PROGRAMS += tests/unit/test_store_pgsql tests/unit/test_fleet
tests_unit_test_fleet_SOURCES = tests/unit/test_fleet.c tests/unit/store_help.h tests/unit/pgsql_help.h
tests_unit_test_fleet_CPPFLAGS = $(AM_CPPFLAGS) -DPOSTGRES_BIN='"$(POSTGRES_BIN)"'
tests_unit_test_fleet_LDADD = $(STORE_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_pgsql_SOURCES = $(STORE_CONTRACT) tests/unit/test_store_engine.c tests/unit/pgsql_help.h
tests_unit_test_store_pgsql_CPPFLAGS = $(AM_CPPFLAGS) -DPOSTGRES_BIN='"$(POSTGRES_BIN)"'
tests_unit_test_store_pgsql_LDADD = $(STORE_LIBS) $(PQ_LIBS) $(CMOCKA_LIBS)
endif
tests_unit_test_schema_SOURCES = tests/unit/test_schema.c tests/unit/store_help.h
tests_unit_test_schema_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
endif

# printed ratios, see its head: make tests/bench/store && tests/bench/store --entries=10000000
EXTRA_PROGRAMS += tests/bench/store
tests_bench_store_SOURCES = tests/bench/store.c
tests_bench_store_LDADD = $(STORE_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_reading
tests_unit_test_reading_SOURCES = tests/unit/test_reading.c tests/unit/store_help.h
tests_unit_test_reading_LDADD = $(STORE_LIBS) $(CMOCKA_LIBS)
endif
EXTRA_DIST += tests/bench/import
