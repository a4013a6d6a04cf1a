# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libreply.a
libreply_a_SOURCES = \
	src/reply/action.h src/reply/action.c src/reply/edits.h src/reply/edits.c src/reply/fold.h src/reply/fold.c \
	src/reply/header.h src/reply/header.c src/reply/xtext.h src/reply/xtext.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_bounce_header
tests_unit_test_bounce_header_SOURCES = tests/unit/test_bounce_header.c
tests_unit_test_bounce_header_LDADD = $(REPLY_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_header
tests_fuzz_fuzz_header_SOURCES = tests/fuzz/fuzz_header.c $(FUZZ_MAIN)
tests_fuzz_fuzz_header_LDADD = $(REPLY_LIBS)
tests_fuzz_fuzz_header_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/header/plain tests/fuzz/seeds/header/hostile tests/fuzz/seeds/header/long tests/fuzz/seeds/header/advice-too-long
