/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading libpq.  Any thread. */
#include "store/libpq.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LIBPQ_FILE "libpq.so.5"

struct libpq libpq;
static char why[256];

static void find(void *library, const char *name, void *ret_function)
{
	void *function = dlsym(library, name);

	if (!function)
		snprintf(why, sizeof(why), LIBPQ_FILE " has no %s", name);
	/* a pointer to a function is none to an object, in C */
	memcpy(ret_function, &function, sizeof(function));
}

static void load(void)
{
	void *library = dlopen(LIBPQ_FILE, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		snprintf(why, sizeof(why), "%s", dlerror());
		return;
	}
#define LIBPQ_FIND(name) find(library, #name, &libpq.name);
	LIBPQ_FUNCTIONS(LIBPQ_FIND)
}

bool libpq_load(const char **ret_why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	*ret_why = why;
	return why[0] == '\0';
}
