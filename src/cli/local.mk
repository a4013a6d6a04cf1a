# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libcli.a
libcli_a_SOURCES =
