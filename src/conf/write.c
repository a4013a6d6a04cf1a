/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints what is made from the table of options: `conf-write sample`, `conf-write manual`.  Built for maintainers only. */
#include <stdio.h>
#include <string.h>

#include "conf/conf.h"

int main(int argc, char **argv)
{
	bool is_sample = argc == 2 && strcmp(argv[1], "sample") == 0;
	struct buffer out;

	if (!is_sample && (argc != 2 || strcmp(argv[1], "manual") != 0)) {
		fputs("usage: conf-write sample|manual\n", stderr);
		return 2;
	}
	buffer_init(&out, 1 << 20);
	if (is_sample)
		conf_write_sample(&out);
	else
		conf_write_manual(&out);
	fputs(buffer_get_text(&out), stdout);
	buffer_done(&out);
	return 0;
}
