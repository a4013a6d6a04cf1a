# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libdecide.a
libdecide_a_SOURCES = src/decide/decision.h src/decide/limits.h 
