# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libops.a
libops_a_SOURCES = \
	src/ops/admin.h src/ops/admin.c src/ops/admin_call.h src/ops/admin_call.c src/ops/admin_change.c src/ops/admin_import.c src/ops/admin_match.h src/ops/admin_match.c src/ops/admin_report.c \
	src/ops/admin_show.c src/ops/attention.h src/ops/attention.c src/ops/control.h src/ops/control.c src/ops/doctor.h src/ops/doctor.c src/ops/keyadmin.h src/ops/keyadmin.c \
	src/ops/stats.h src/ops/stats.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_admin
tests_unit_test_admin_SOURCES = tests/unit/test_admin.c tests/unit/store_help.h
tests_unit_test_admin_LDADD = libops.a $(STORE_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_attention
tests_unit_test_attention_SOURCES = tests/unit/test_attention.c
tests_unit_test_attention_LDADD = libops.a $(JANSSON_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_control
tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c $(FUZZ_MAIN)
tests_fuzz_fuzz_control_LDADD = libops.a libloop.a $(FLOW_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS)
tests_fuzz_fuzz_control_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/control
