# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = src/store/index.h src/store/store.h src/store/writer.h 
