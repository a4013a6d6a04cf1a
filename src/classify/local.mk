# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libclassify.a
libclassify_a_SOURCES = \
	src/classify/alternative.h src/classify/alternative.c \
	src/classify/check.h src/classify/check.c src/classify/classify.h src/classify/classify.c \
	src/classify/compile.h src/classify/compile.c src/classify/condition.h src/classify/condition.c \
	src/classify/explain.h src/classify/explain.c src/classify/fold.h src/classify/fold.c src/classify/index.h src/classify/index.c src/classify/judge.h \
	src/classify/literal.h src/classify/literal.c src/classify/match.h src/classify/match.c \
	src/classify/optfile.h src/classify/optfile.c src/classify/pattern.h src/classify/pattern.c \
	src/classify/prefilter.h src/classify/prefilter.c src/classify/provider.h src/classify/provider.c \
	src/classify/rulefile.h src/classify/rulefile.c src/classify/rules.h src/classify/ruleset.h src/classify/ruleset.c \
	src/classify/safety.h src/classify/safety.c src/classify/set.h src/classify/set.c src/classify/taxonomy.h src/classify/taxonomy.c \
	src/classify/verdict.h src/classify/verdict.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_rules tests/unit/test_classify tests/unit/test_ruleset tests/unit/test_pattern
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c tests/unit/rules_fixture.h
tests_unit_test_rules_LDADD = $(CLASSIFY_LIBS) $(CMOCKA_LIBS)
tests_unit_test_classify_SOURCES = tests/unit/test_classify.c tests/unit/rules_fixture.h
tests_unit_test_classify_LDADD = $(CLASSIFY_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ruleset_SOURCES = tests/unit/test_ruleset.c tests/unit/rules_fixture.h
tests_unit_test_ruleset_LDADD = $(CLASSIFY_LIBS) $(CMOCKA_LIBS)
tests_unit_test_pattern_SOURCES = tests/unit/test_pattern.c tests/unit/rules_fixture.h
tests_unit_test_pattern_LDADD = $(CLASSIFY_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_classify tests/fuzz/fuzz_ruleset
tests_fuzz_fuzz_classify_SOURCES = tests/fuzz/fuzz_classify.c $(FUZZ_MAIN)
tests_fuzz_fuzz_classify_LDADD = $(CLASSIFY_LIBS)
tests_fuzz_fuzz_classify_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_ruleset_SOURCES = tests/fuzz/fuzz_ruleset.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ruleset_LDADD = $(CLASSIFY_LIBS)
tests_fuzz_fuzz_ruleset_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/classify tests/fuzz/seeds/ruleset

# on demand: make tests/bench/classify
EXTRA_PROGRAMS += tests/bench/classify
tests_bench_classify_SOURCES = tests/bench/classify.c
tests_bench_classify_LDADD = $(CLASSIFY_LIBS) $(HS_LIBS)
tests_bench_classify_CPPFLAGS = $(AM_CPPFLAGS)
if HAVE_HS
tests_bench_classify_CPPFLAGS += -DHAVE_HS $(HS_CFLAGS)
endif
