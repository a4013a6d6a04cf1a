# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libloop.a
libloop_a_SOURCES =
