/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads the lines of a file that grows: through renaming, copying and truncating, deletion and recreation, before it
 * exists, and from where it was left.  What was renamed is read to its end before the new file is begun; after a
 * restart the rest is looked for among the files beside it, compressed or not.  Lines are hostile and bounded.  One thread at a time.
 */
#ifndef KODAMA_INTAKE_FOLLOW_H
#define KODAMA_INTAKE_FOLLOW_H

#include "intake/place.h"

enum { FOLLOW_LINE_MAX = 32 * 1024 };

struct follow;

struct follow_options {
	const char *path;       /* absolute; copied */
	bool is_from_beginning; /* where no place is remembered; else from the file's end, and from the begin of one that comes later */
	uint64_t replay_bytes;  /* with a place: so much before it is read once more (follow_is_replay), the file before it included */
};

/* place: where to go on (follow_get_place), SPAN_NONE: nothing is remembered.  The file need not exist.  -ENOMEM. */
int follow_open(const struct follow_options *options, struct span place, struct follow **ret_follow) __attribute__((warn_unused_result));
void follow_close(struct follow *follow);

/* Readable when something happened to the file, or to one beside it; -1 where the system cannot tell: then look every second. */
int follow_get_fd(const struct follow *follow);
/* Takes what made it readable. */
void follow_take_notices(struct follow *follow);

/*
 * Readable when others may have been let into the file that is read, or a folder above it, lines or none; -1 where the system cannot
 * tell.  Whoever leaves notices for a while, so that they become one, may do that only while it is guarded, and looks here meanwhile.
 */
int follow_get_guard_fd(const struct follow *follow);
bool follow_is_guarded(const struct follow *follow);
/* Takes what made it readable, and looks at the file. */
void follow_take_warnings(struct follow *follow);

/*
 * The next whole line without its end, borrowed until the next call: 1.  0: there is none for now.  Longer ones than
 * FOLLOW_LINE_MAX are passed over and counted.  Reads at most 64 KiB from the file at a time.
 */
int follow_read_line(struct follow *follow, struct span *ret_line) __attribute__((warn_unused_result));

/* Was the last line one from before the place? */
bool follow_is_replay(const struct follow *follow);

/* Behind the last line that was read; "" where there is a file that could not be looked into yet.  Returns the text. */
const char *follow_get_place(const struct follow *follow, char text[static PLACE_TEXT_SIZE]);

/*
 * Is the file that the last line came from one that only the log daemon can write, and has it been since it was seen first?  Looked
 * at anew with each read and each warning; what was seen goes on in the place.  Else why (borrowed) says why not.
 */
bool follow_is_trusted(const struct follow *follow, const char **ret_why);

struct follow_stats {
	uint64_t long_lines;  /* passed over */
	uint64_t files;       /* that were begun */
	uint64_t truncations;
	uint64_t gaps;        /* the rest of a file could not be found, or not be read: removed, damaged, compressed in a way that we do not know */
	uint64_t lag;         /* bytes of the file that are not read yet */
	bool is_gone;         /* nothing has its name now */
	int error;            /* why the file cannot be read now, an errno; 0: it can */
};
void follow_get_stats(const struct follow *follow, struct follow_stats *ret_stats);

#endif
