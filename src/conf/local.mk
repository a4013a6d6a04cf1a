# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = src/conf/conf.h src/conf/conf.c src/conf/options.h src/conf/options.c src/conf/value.c src/conf/show.c \
	src/conf/snapshot.c

CONF_LIBS = libconf.a libloop.a $(FLOW_LIBS)

# what stands in etc/kodama.conf and in man/kodama.conf.5 comes from the table of options: make update-options
EXTRA_PROGRAMS += conf-write
CLEANFILES += conf-write
conf_write_SOURCES = src/conf/write.c
conf_write_LDADD = $(CONF_LIBS)

update-options: conf-write
	./conf-write sample >$(top_srcdir)/etc/kodama.conf
	./conf-write manual >man-options.tmp
	sed -i -e '/^\.\\" options: begin/,/^\.\\" options: end/{/^\.\\" options: /!d}' -e '/^\.\\" options: begin/r man-options.tmp' \
		$(top_srcdir)/man/kodama.conf.5
	rm -f man-options.tmp
.PHONY: update-options

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_conf
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c
tests_unit_test_conf_LDADD = $(CONF_LIBS) $(CMOCKA_LIBS)
endif
