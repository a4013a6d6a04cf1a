# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libclassify.a
libclassify_a_SOURCES = src/classify/check.h src/classify/classify.h src/classify/explain.h src/classify/ruleset.h src/classify/taxonomy.h src/classify/verdict.h 
