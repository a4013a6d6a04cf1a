# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/span.h src/base/span.c src/base/arena.h src/base/arena.c src/base/buffer.h src/base/buffer.c \
	src/base/complaint.h src/base/complaint.c src/base/timestamp.h src/base/timestamp.c \
	src/base/zone.h src/base/zone.c src/base/utf8.h src/base/utf8.c src/base/log.h src/base/log.c src/base/network.h src/base/network.c \
	src/base/address.h src/base/address.c src/base/siphash.h src/base/siphash.c src/base/quick.h src/base/quickmask.h src/base/plainfile.h src/base/plainfile.c \
	src/base/memory.h src/base/memory.c src/base/library.h src/base/library.c src/base/shortage.h src/base/shortage.c src/base/hmac.h src/base/hmac.c src/base/keyring.h src/base/keyring.c

# what every program below links, in the order of the layers from the top; lists of libraries and what they stand on
BASE_LIBS = libbase.a $(IDN2_LIBS) $(UNISTRING_LIBS) $(CRYPTO_LIBS)
EVIDENCE_LIBS = libevidence.a $(BASE_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS)
CLASSIFY_LIBS = libclassify.a libevidence.a $(BASE_LIBS) $(PCRE2_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS)
DECIDE_LIBS = libdecide.a $(CLASSIFY_LIBS)
REPLY_LIBS = libreply.a $(DECIDE_LIBS)
STORE_LIBS = libstore.a $(DECIDE_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS)
FLOW_LIBS = libflow.a libreply.a $(STORE_LIBS)
ALL_LIBS = libintake.a libops.a libconf.a libloop.a $(FLOW_LIBS) $(MILTER_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_span tests/unit/test_address tests/unit/test_quickmask
tests_unit_test_quickmask_SOURCES = tests/unit/test_quickmask.c
tests_unit_test_quickmask_LDADD = $(CMOCKA_LIBS)
tests_unit_test_span_SOURCES = tests/unit/test_span.c
tests_unit_test_span_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_log
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_keyring
tests_unit_test_keyring_SOURCES = tests/unit/test_keyring.c
tests_unit_test_keyring_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_timestamp
tests_unit_test_timestamp_SOURCES = tests/unit/test_timestamp.c
tests_unit_test_timestamp_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_utf8
tests_unit_test_utf8_SOURCES = tests/unit/test_utf8.c
tests_unit_test_utf8_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_address_SOURCES = tests/unit/test_address.c
tests_unit_test_address_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
endif
