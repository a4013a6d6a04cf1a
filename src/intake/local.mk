# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libintake.a
libintake_a_SOURCES = src/intake/intake.h src/intake/intake.c src/intake/workspace.h src/intake/workspace.c src/intake/policy.h src/intake/policy.c src/intake/netstring.h src/intake/netstring.c \
	src/intake/socketmap.h src/intake/socketmap.c src/intake/session.h src/intake/session_private.h src/intake/session.c src/intake/session_end.c \
	src/intake/milter.h src/intake/milter.c

# bounces handed over by a program
libintake_a_SOURCES += src/intake/ingest_frame.h src/intake/ingest_frame.c src/intake/ingest.h src/intake/ingest.c

# the log follower
libintake_a_SOURCES += src/intake/place.h src/intake/place.c src/intake/trust.h src/intake/trust.c src/intake/guard.h src/intake/guard.c src/intake/codec.h src/intake/codec.c src/intake/archive.h src/intake/archive.c src/intake/rotation.h src/intake/rotation.c src/intake/follow.h src/intake/follow.c
libintake_a_SOURCES += src/intake/journal.h src/intake/journal.c src/intake/maillog.h src/intake/maillog.c

libintake_a_SOURCES += src/intake/signing.h src/intake/signing.c

INTAKE_LIBS = libintake.a libloop.a $(FLOW_LIBS) $(MILTER_LIBS) $(EVENT_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_policy
tests_fuzz_fuzz_policy_SOURCES = tests/fuzz/fuzz_policy.c $(FUZZ_MAIN)
tests_fuzz_fuzz_policy_LDADD = $(INTAKE_LIBS)
tests_fuzz_fuzz_policy_LDFLAGS = $(FUZZ_LINK)

check_PROGRAMS += tests/fuzz/fuzz_netstring
tests_fuzz_fuzz_netstring_SOURCES = tests/fuzz/fuzz_netstring.c $(FUZZ_MAIN)
tests_fuzz_fuzz_netstring_LDADD = $(INTAKE_LIBS)
tests_fuzz_fuzz_netstring_LDFLAGS = $(FUZZ_LINK)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_milter_session tests/unit/test_server tests/unit/test_server_stream
tests_unit_test_milter_session_SOURCES = tests/unit/test_milter_session.c
tests_unit_test_milter_session_LDADD = $(INTAKE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_server_stream_SOURCES = tests/unit/test_server_stream.c
tests_unit_test_server_stream_LDADD = libloop.a $(BASE_LIBS) $(EVENT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_server_SOURCES = tests/unit/test_server.c
tests_unit_test_server_LDADD = libloop.a $(BASE_LIBS) $(EVENT_LIBS) $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_shortage
tests_unit_test_shortage_SOURCES = tests/unit/test_shortage.c
tests_unit_test_shortage_LDADD = $(INTAKE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_shortage_LDFLAGS = -Wl,--wrap=malloc -Wl,--wrap=realloc
check_PROGRAMS += tests/unit/test_follow tests/unit/test_rotation tests/unit/test_trust
tests_unit_test_follow_SOURCES = tests/unit/test_follow.c tests/unit/follow_help.h
tests_unit_test_follow_LDADD = $(INTAKE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_rotation_SOURCES = tests/unit/test_rotation.c tests/unit/follow_help.h
tests_unit_test_rotation_LDADD = $(INTAKE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_rotation_LDFLAGS = -Wl,--wrap=archive_get_size
tests_unit_test_trust_SOURCES = tests/unit/test_trust.c tests/unit/follow_help.h
tests_unit_test_trust_LDADD = $(INTAKE_LIBS) $(CMOCKA_LIBS)
endif
EXTRA_DIST += tests/fuzz/seeds/policy tests/fuzz/seeds/netstring

# printed ratios, see its head: make tests/bench/policy && tests/bench/policy
EXTRA_PROGRAMS += tests/bench/policy
tests_bench_policy_SOURCES = tests/bench/policy.c
tests_bench_policy_LDADD = $(INTAKE_LIBS)

# make tests/bench/milter_null tests/bench/milter_load; then tests/bench/milter compares
EXTRA_PROGRAMS += tests/bench/milter_null tests/bench/milter_load
tests_bench_milter_null_SOURCES = tests/bench/milter_null.c
tests_bench_milter_null_LDADD = $(MILTER_LIBS)
tests_bench_milter_load_SOURCES = tests/bench/milter_load.c
EXTRA_DIST += tests/bench/milter tests/bench/load tests/bench/load-sendmail
