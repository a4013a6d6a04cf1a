# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libreply.a
libreply_a_SOURCES = \
	src/reply/action.h src/reply/action.c src/reply/edits.h src/reply/edits.c src/reply/fold.h src/reply/fold.c \
	src/reply/header.h src/reply/header.c src/reply/xtext.h src/reply/xtext.c

