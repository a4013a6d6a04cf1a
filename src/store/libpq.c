/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading libpq.  Any thread. */
#include "store/libpq.h"

#include <pthread.h>

struct libpq libpq;
static char why[256];
static bool is_loaded;

static void load(void)
{
#define LIBRARY_OBJECT libpq
	static const struct library_function functions[] = { LIBPQ_FUNCTIONS(LIBRARY_ROW) };

	is_loaded = library_load("libpq.so.5", functions, sizeof(functions) / sizeof(functions[0]), why, sizeof(why));
}

bool libpq_load(const char **ret_why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	*ret_why = why;
	return is_loaded;
}
