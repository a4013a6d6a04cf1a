# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libflow.a
libflow_a_SOURCES = \
	src/flow/correct.h src/flow/correct.c \
	src/flow/counter.h src/flow/counter.c \
	src/flow/flow.h src/flow/flow.c \
	src/flow/proof.h src/flow/proof.c \
	src/flow/sign.c \
	src/flow/snapshot.c \
	src/flow/watch.h src/flow/watch.c
libflow_a_SOURCES += src/flow/mark.h src/flow/mark.c src/flow/log.h src/flow/log.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_relay
tests_unit_test_relay_SOURCES = tests/unit/test_relay.c
tests_unit_test_relay_LDADD = $(FLOW_LIBS) $(CMOCKA_LIBS)
endif

# make tests/bench/token
EXTRA_PROGRAMS += tests/bench/token
tests_bench_token_SOURCES = tests/bench/token.c
tests_bench_token_LDADD = $(FLOW_LIBS)
