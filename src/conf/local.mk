# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = src/conf/conf.h src/conf/conf.c src/conf/options.h src/conf/options.c src/conf/value.c src/conf/show.c src/conf/snapshot.c
