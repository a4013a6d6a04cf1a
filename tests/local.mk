# SPDX-License-Identifier: BSD-2-Clause
# What is common to the tests; each layer's own tests stand in its folder's local.mk.
FUZZ_MAIN =
FUZZ_LINK = $(AM_LDFLAGS)
if ENABLE_FUZZ
FUZZ_LINK += -fsanitize=fuzzer
else
FUZZ_MAIN += tests/fuzz/replay.c
endif
EXTRA_DIST += tests/fuzz/replay.c

dist_check_SCRIPTS += tests/lint/lint tests/lint/selftest
EXTRA_DIST += tests/run tests/tsan.supp tests/conftest.py tests/cases tests/system tests/lint/layers.txt .ci/run

# folders are copied whole: what Python left in them does not belong there
dist-hook:
	find '$(distdir)' -name __pycache__ -prune -exec rm -rf {} +
