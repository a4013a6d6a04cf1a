# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libevidence.a
libevidence_a_SOURCES = src/evidence/evidence.h src/evidence/formats.h src/evidence/mail.h src/evidence/outcome.h src/evidence/reply.h src/evidence/status.h 
