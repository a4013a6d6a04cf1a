# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libintake.a
libintake_a_SOURCES = src/intake/intake.h src/intake/intake.c src/intake/policy.h src/intake/policy.c src/intake/session.h src/intake/session.c \
	src/intake/milter.h src/intake/milter.c
