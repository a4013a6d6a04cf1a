# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libintake.a
libintake_a_SOURCES =
