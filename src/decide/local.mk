# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libdecide.a
libdecide_a_SOURCES = \
	src/decide/decision.h src/decide/decision.c src/decide/limits.h src/decide/limits.c \
	src/decide/ruling.h src/decide/ruling.c src/decide/history.h src/decide/history.c \
	src/decide/surge.h src/decide/surge.c
libdecide_a_SOURCES += src/decide/relay.h src/decide/relay.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_decide
tests_unit_test_decide_SOURCES = tests/unit/test_decide.c tests/unit/store_help.h
tests_unit_test_decide_LDADD = $(DECIDE_LIBS) $(CMOCKA_LIBS)
endif
