# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libevidence.a
libevidence_a_SOURCES = src/evidence/evidence.h src/evidence/formats.h \
	src/evidence/mail.h src/evidence/mail.c src/evidence/mail_part.h src/evidence/mail_part.c src/evidence/mail_text.c \
	src/evidence/header.h src/evidence/header.c \
	src/evidence/charset.h src/evidence/charset.c src/evidence/transfer.h src/evidence/transfer.c \
	src/evidence/html.h src/evidence/html.c src/evidence/report.h src/evidence/report.c \
	src/evidence/transcript.h src/evidence/transcript.c src/evidence/evidence.c \
	src/evidence/value.h src/evidence/value.c src/evidence/arf.h src/evidence/arf.c \
	src/evidence/autoreply.h src/evidence/autoreply.c src/evidence/glance.h src/evidence/glance.c \
	src/evidence/outcome.h src/evidence/outcome.c src/evidence/reply.h src/evidence/reply.c \
	src/evidence/frame.h src/evidence/frame.c src/evidence/mailbox.h src/evidence/mailbox.c \
	src/evidence/template.h src/evidence/template.c src/evidence/notice.h src/evidence/notice.c \
	src/evidence/session.h src/evidence/session.c src/evidence/form.h src/evidence/form.c src/evidence/reading.h src/evidence/reading.c \
	src/evidence/disclaimer.h src/evidence/disclaimer.c src/evidence/guess.h src/evidence/guess.c src/evidence/formats.c \
	src/evidence/formats_load.c src/evidence/samples.c src/evidence/notification.h \
	src/evidence/notification.c src/evidence/status.h src/evidence/status.c \
	src/evidence/logclock.h src/evidence/logclock.c src/evidence/logline.h src/evidence/logline.c src/evidence/logline_postfix.c \
	src/evidence/logline_sendmail.c src/evidence/logfield.h src/evidence/logage.h src/evidence/logjoin.h src/evidence/logjoin.c \
	src/evidence/logdeferred.h src/evidence/logdeferred.c src/evidence/logmessage.h src/evidence/logmessage.c src/evidence/logqueue.h src/evidence/logqueue.c

libevidence_a_SOURCES += src/evidence/token.h src/evidence/token.c

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_token
tests_unit_test_token_SOURCES = tests/unit/test_token.c
tests_unit_test_token_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_glance
tests_unit_test_glance_SOURCES = tests/unit/test_glance.c
tests_unit_test_glance_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_reply
tests_unit_test_reply_SOURCES = tests/unit/test_reply.c
tests_unit_test_reply_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_logline tests/unit/test_logjoin tests/unit/test_logqueue
tests_unit_test_logline_SOURCES = tests/unit/test_logline.c
tests_unit_test_logline_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_logjoin_SOURCES = tests/unit/test_logjoin.c
tests_unit_test_logjoin_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_logqueue_SOURCES = tests/unit/test_logqueue.c
tests_unit_test_logqueue_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_session
tests_unit_test_session_SOURCES = tests/unit/test_session.c
tests_unit_test_session_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_notification
tests_unit_test_notification_SOURCES = tests/unit/test_notification.c
tests_unit_test_notification_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_formats
tests_unit_test_formats_SOURCES = tests/unit/test_formats.c
tests_unit_test_formats_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_mail
tests_unit_test_mail_SOURCES = tests/unit/test_mail.c
tests_unit_test_mail_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_header
tests_unit_test_header_SOURCES = tests/unit/test_header.c
tests_unit_test_header_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_evidence
tests_unit_test_evidence_SOURCES = tests/unit/test_evidence.c
tests_unit_test_evidence_LDADD = $(EVIDENCE_LIBS) $(CMOCKA_LIBS)
endif

check_PROGRAMS += tests/fuzz/fuzz_reply
tests_fuzz_fuzz_reply_SOURCES = tests/fuzz/fuzz_reply.c $(FUZZ_MAIN)
tests_fuzz_fuzz_reply_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_reply_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/reply

check_PROGRAMS += tests/fuzz/fuzz_formats
tests_fuzz_fuzz_formats_SOURCES = tests/fuzz/fuzz_formats.c $(FUZZ_MAIN)
tests_fuzz_fuzz_formats_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_formats_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/formats

check_PROGRAMS += tests/fuzz/fuzz_logline
tests_fuzz_fuzz_logline_SOURCES = tests/fuzz/fuzz_logline.c $(FUZZ_MAIN)
tests_fuzz_fuzz_logline_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_logline_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/logline

check_PROGRAMS += tests/fuzz/fuzz_mail tests/fuzz/fuzz_report tests/fuzz/fuzz_arf tests/fuzz/fuzz_fields
tests_fuzz_fuzz_mail_SOURCES = tests/fuzz/fuzz_mail.c $(FUZZ_MAIN)
tests_fuzz_fuzz_mail_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_mail_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_report_SOURCES = tests/fuzz/fuzz_report.c tests/fuzz/outcomes_check.h $(FUZZ_MAIN)
tests_fuzz_fuzz_report_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_report_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_arf_SOURCES = tests/fuzz/fuzz_arf.c tests/fuzz/outcomes_check.h $(FUZZ_MAIN)
tests_fuzz_fuzz_arf_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_arf_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_fields_SOURCES = tests/fuzz/fuzz_fields.c $(FUZZ_MAIN)
tests_fuzz_fuzz_fields_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_fields_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/mail tests/fuzz/seeds/report tests/fuzz/seeds/arf tests/fuzz/seeds/fields tests/fuzz/dict/mail.dict

# make tests/bench/evidence; with GMime it is the yardstick
EXTRA_PROGRAMS += tests/bench/evidence
tests_bench_evidence_SOURCES = tests/bench/evidence.c
tests_bench_evidence_LDADD = $(CLASSIFY_LIBS)
if HAVE_GMIME
tests_bench_evidence_CPPFLAGS = $(AM_CPPFLAGS) -DHAVE_GMIME=1 $(GMIME_CFLAGS)
tests_bench_evidence_LDADD += $(GMIME_LIBS)
endif

if HAVE_GMIME
check_PROGRAMS += tests/unit/oracle_gmime
tests_unit_oracle_gmime_SOURCES = tests/unit/oracle_gmime.c
tests_unit_oracle_gmime_CPPFLAGS = $(AM_CPPFLAGS) $(GMIME_CFLAGS)
tests_unit_oracle_gmime_LDADD = $(EVIDENCE_LIBS) $(GMIME_LIBS)
endif
EXTRA_DIST += tests/oracle

check_PROGRAMS += tests/fuzz/fuzz_token
tests_fuzz_fuzz_token_SOURCES = tests/fuzz/fuzz_token.c $(FUZZ_MAIN)
tests_fuzz_fuzz_token_LDADD = $(EVIDENCE_LIBS)
tests_fuzz_fuzz_token_LDFLAGS = $(FUZZ_LINK)
EXTRA_DIST += tests/fuzz/seeds/token
