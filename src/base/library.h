/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A library that is loaded when it is first needed: those that bring a dozen others with them, and that most installations have
 * no use for.  Its functions stand in a struct of pointers, under their own names: libpq.PQexec(...).
 *
 *   #define FUNCTIONS(F) F(PQexec) F(PQclear)
 *   struct libpq { FUNCTIONS(LIBRARY_DECLARE) } libpq;
 *   static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) };     with LIBRARY_OBJECT as libpq
 */
#ifndef KODAMA_BASE_LIBRARY_H
#define KODAMA_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_function {
	const char *name;
	void *pointer; /* to the pointer to it, which is filled in */
};

#define LIBRARY_DECLARE(name) __typeof__(name) *name;
#define LIBRARY_ROW(name) { #name, &LIBRARY_OBJECT.name },

/* file: "libpq.so.5".  It is never unloaded.  false with `why`, cut to `size`: it is not there, or lacks a function. */
bool library_load(const char *file, const struct library_function *functions, size_t count, char *why, size_t size) __attribute__((warn_unused_result));

#endif
