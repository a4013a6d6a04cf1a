# SPDX-License-Identifier: BSD-2-Clause
sbin_PROGRAMS += kodamad
kodamad_SOURCES = src/kodamad.c
kodamad_LDADD = $(ALL_LIBS)

bin_PROGRAMS += kodama
kodama_SOURCES = src/kodama.c
kodama_LDADD = libcli.a $(ALL_LIBS)
