/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of libconfuse syntax.  One thread at a time; the files are the operator's. */
#include "classify/optfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/plainfile.h"

/* libconfuse hands its error function nothing of ours, and a section's cfg does not know the file's name. */
static _Thread_local struct complaint *current;
static _Thread_local const char *current_path;

__attribute__((format(printf, 2, 0))) static void take_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[sizeof(current->text)];

	vsnprintf(text, sizeof(text), format, args);
	if (current && current->line == 0)
		complaint_set(current, current_path, cfg ? (unsigned)cfg->line : 0, "%s", text);
}

int optfile_read(const char *path, cfg_opt_t *options, cfg_t **ret_cfg, struct complaint *complaint)
{
	struct complaint scrap = { .line = 0 };
	FILE *file;
	int rc, error = plainfile_open(path, &file, complaint);
	cfg_t *cfg;

	if (error < 0)
		return error;
	cfg = cfg_init(options, CFGF_NONE);
	if (!cfg) {
		fclose(file);
		return -ENOMEM;
	}
	current = complaint ? complaint : &scrap;
	current_path = path;
	complaint_set(current, path, 0, "the file cannot be read");
	cfg_set_error_function(cfg, take_error);
	rc = cfg_parse_fp(cfg, file);
	fclose(file);
	current = NULL;
	if (rc == CFG_SUCCESS) {
		*ret_cfg = cfg;
		return 0;
	}
	cfg_free(cfg);
	return -EINVAL;
}

unsigned optfile_find_line(const char *path, unsigned line, const char *text)
{
	FILE *file = fopen(path, "re");
	char *row = NULL;
	size_t size = 0;
	unsigned number = 0, found = line;

	if (!file)
		return line;
	while (getline(&row, &size, file) >= 0) {
		if (++number >= line && strstr(row, text)) {
			found = number;
			break;
		}
	}
	free(row);
	fclose(file);
	return found;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The matching names of an open folder, sorted. */
static int list_names(DIR *dir, const char *suffix, char ***ret_names, size_t *ret_count)
{
	char **names = NULL;
	size_t count = 0;
	const struct dirent *entry;

	while ((entry = readdir(dir))) {
		char **grown, *name;
		if (entry->d_name[0] == '.' || !span_has_suffix_nocase(span_of(entry->d_name), span_of(suffix)))
			continue;
		grown = realloc(names, (count + 1) * sizeof(*names));
		if (grown)
			names = grown;
		name = grown ? strdup(entry->d_name) : NULL;
		if (!name) {
			while (count > 0)
				free(names[--count]);
			free(names);
			return -ENOMEM;
		}
		names[count++] = name;
	}
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_count = count;
	return 0;
}

int optfile_for_each(const char *dir_path, const char *suffix, int (*each)(void *data, const char *path), void *data,
		     struct complaint *complaint)
{
	DIR *dir = opendir(dir_path);
	char **names = NULL, *path;
	size_t count = 0;
	int rc;

	if (!dir) {
		rc = -errno;
		if (rc == -ENOENT)
			return 0;
		complaint_set(complaint, dir_path, 0, "%s", strerror(-rc));
		return rc;
	}
	rc = list_names(dir, suffix, &names, &count);
	closedir(dir);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 && asprintf(&path, "%s/%s", dir_path, names[i]) < 0)
			rc = -ENOMEM;
		else if (rc == 0) {
			rc = each(data, path);
			free(path);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}
