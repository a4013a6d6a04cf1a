# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libloop.a
libloop_a_SOURCES = src/loop/loop.h src/loop/loop.c src/loop/server.h src/loop/server.c src/loop/socket.h src/loop/socket.c src/loop/notify.h src/loop/notify.c src/loop/account.h src/loop/account.c
