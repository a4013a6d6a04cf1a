/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main of a fuzz target when it is built without libFuzzer: runs the target over its seeds,
 * tests/fuzz/seeds/NAME (NAME is the program's name without "fuzz_"), or over the files named as arguments.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t size = 0, room = 1 << 16, got;
	uint8_t *data = malloc(room);

	if (!file || !data) {
		perror(path);
		exit(1);
	}
	while ((got = fread(data + size, 1, room - size, file)) > 0) {
		size += got;
		if (size == room && !(data = realloc(data, room *= 2)))
			exit(1);
	}
	fclose(file);
	/* a block of the exact size, so that a read past its end is seen */
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		exit(1);
	memcpy(exact, data, size);
	free(data);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 1;
}

static int replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (!folder) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(folder))) {
		char file[4096 + 256 + 2];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		count += replay_file(file);
	}
	closedir(folder);
	return count;
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir");
	const char *name = strrchr(argv[0], '/');
	char path[4096];
	int count = 0;

	for (int i = 1; i < argc; i++)
		count += replay_file(argv[i]);
	if (argc == 1) {
		name = name ? name + 1 : argv[0];
		name = strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name;
		snprintf(path, sizeof(path), "%s/tests/fuzz/seeds/%s", top ? top : ".", name);
		count = replay_folder(path);
	}
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
