# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcli.a
libcli_a_SOURCES = \
	src/cli/annotate.h src/cli/annotate.c src/cli/ingest.c \
	src/cli/classifier.h src/cli/classifier.c src/cli/classify.c src/cli/command.h src/cli/command.c \
	src/cli/config.h src/cli/config.c src/cli/control.h src/cli/control.c src/cli/daemon.c \
	src/cli/doctor.c src/cli/direct.h src/cli/direct.c src/cli/explain.c src/cli/export.c src/cli/key.c \
	src/cli/import.h src/cli/import.c src/cli/import_csv.h src/cli/import_csv.c src/cli/import_form.h src/cli/import_form.c \
	src/cli/import_json.h src/cli/import_json.c src/cli/suppress_import.h src/cli/suppress_import.c \
	src/cli/json.h src/cli/json.c src/cli/json_line.h src/cli/json_line.c src/cli/options.h src/cli/options.c src/cli/outcome_json.h src/cli/outcome_json.c \
	src/cli/outcome_text.h src/cli/outcome_text.c src/cli/progress.h src/cli/progress.c src/cli/reader.h src/cli/reader.c \
	src/cli/maillog.h src/cli/maillog.c src/cli/mask.h src/cli/mask.c src/cli/tally_table.h src/cli/tally.h src/cli/tally_parts.h src/cli/tally.c src/cli/tally_hosts.c src/cli/tally_responses.c src/cli/verdicts.h src/cli/verdicts.c src/cli/suspects.h src/cli/suspects.c \
	src/cli/scan.h src/cli/scan.c src/cli/scan_part.h src/cli/scan_part.c src/cli/newlines.h src/cli/report.h src/cli/report.c src/cli/report_log.h src/cli/report_log.c src/cli/report_store.h src/cli/report_store.c \
	src/cli/report_text.c src/cli/report_json.c \
	src/cli/program.h src/cli/program.c src/cli/response.h src/cli/response.c src/cli/rows.h src/cli/rows.c src/cli/rules.c \
	src/cli/setup.h src/cli/setup.c src/cli/setup_domains.h src/cli/setup_domains.c src/cli/setup_list.h src/cli/setup_list.c \
	src/cli/smtp.h src/cli/smtp.c src/cli/setup_plan.h src/cli/setup_plan.c src/cli/setup_postfix.c src/cli/setup_sendmail.c src/cli/suppress.c \
	src/cli/terminal.h src/cli/terminal.c src/cli/help.h src/cli/help.c src/cli/verbs.h src/cli/verbs.c src/cli/walk.h src/cli/walk.c

check_PROGRAMS += tests/fuzz/fuzz_ingest
tests_fuzz_fuzz_ingest_SOURCES = tests/fuzz/fuzz_ingest.c $(FUZZ_MAIN)
tests_fuzz_fuzz_ingest_LDADD = libcli.a $(INTAKE_LIBS)
tests_fuzz_fuzz_ingest_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/ingest

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_annotate
tests_unit_test_annotate_SOURCES = tests/unit/test_annotate.c
tests_unit_test_annotate_LDADD = libcli.a $(REPLY_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_import tests/unit/test_reader tests/unit/test_command tests/unit/test_setup
check_PROGRAMS += tests/unit/test_tally tests/unit/test_newlines
tests_unit_test_newlines_SOURCES = tests/unit/test_newlines.c
tests_unit_test_newlines_LDADD = $(CMOCKA_LIBS)
tests_unit_test_tally_SOURCES = tests/unit/test_tally.c
tests_unit_test_tally_LDADD = libcli.a $(CLASSIFY_LIBS) $(CMOCKA_LIBS)
tests_unit_test_setup_SOURCES = tests/unit/test_setup.c
tests_unit_test_setup_LDADD = libcli.a $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_import_SOURCES = tests/unit/test_import.c
tests_unit_test_import_LDADD = libcli.a $(CLASSIFY_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_command_SOURCES = tests/unit/test_command.c
tests_unit_test_command_LDADD = libcli.a $(CLASSIFY_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_reader_SOURCES = tests/unit/test_reader.c
tests_unit_test_reader_LDADD = libcli.a $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_reader
tests_fuzz_fuzz_reader_SOURCES = tests/fuzz/fuzz_reader.c $(FUZZ_MAIN)
tests_fuzz_fuzz_reader_LDADD = libcli.a $(CLASSIFY_LIBS)
tests_fuzz_fuzz_reader_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/reader/mbox tests/fuzz/seeds/reader/responses tests/fuzz/seeds/reader/crlf tests/fuzz/seeds/reader/odd
check_PROGRAMS += tests/fuzz/fuzz_import
tests_fuzz_fuzz_import_SOURCES = tests/fuzz/fuzz_import.c $(FUZZ_MAIN)
tests_fuzz_fuzz_import_LDADD = libcli.a $(CLASSIFY_LIBS) $(JANSSON_LIBS)
tests_fuzz_fuzz_import_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/import/list tests/fuzz/seeds/import/csv tests/fuzz/seeds/import/ses tests/fuzz/seeds/import/sisimai \
	tests/fuzz/seeds/import/utf16 tests/fuzz/seeds/import/kodama


# tests/bench/maillog [KODAMA]
EXTRA_DIST += tests/bench/maillog
