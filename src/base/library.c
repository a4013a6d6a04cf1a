/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading libraries at run time.  One thread at a time for one library. */
#include "base/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

bool library_load(const char *file, const struct library_function *functions, size_t count, char *why, size_t size)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		snprintf(why, size, "%s", dlerror());
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		void *function = dlsym(library, functions[i].name);
		if (!function) {
			snprintf(why, size, "%s has no %s", file, functions[i].name);
			return false;
		}
		/* a pointer to a function is none to an object, in C */
		memcpy(functions[i].pointer, &function, sizeof(function));
	}
	return true;
}
