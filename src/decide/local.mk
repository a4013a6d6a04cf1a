# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libdecide.a
libdecide_a_SOURCES = \
	src/decide/decision.h src/decide/decision.c src/decide/limits.h src/decide/limits.c \
	src/decide/ruling.h src/decide/ruling.c src/decide/history.h src/decide/history.c
