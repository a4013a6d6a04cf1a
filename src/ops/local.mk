# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libops.a
libops_a_SOURCES = src/ops/admin.h src/ops/admin.c src/ops/control.h src/ops/control.c src/ops/stats.h src/ops/stats.c
