# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libreply.a
libreply_a_SOURCES = src/reply/action.h src/reply/edits.h src/reply/header.h 
