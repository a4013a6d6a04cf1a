/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the C library's memory is kept: for a daemon that stands idle most of the time and has a burst of threads now and then.
 * Does nothing where the C library is not glibc.
 */
#ifndef KODAMA_BASE_MEMORY_H
#define KODAMA_BASE_MEMORY_H

/* Before the first thread: a few heaps for all threads, not one for each. */
void memory_be_frugal(void);

/* Gives back to the system what is free: after a start or a reload, and after a burst.  Any thread. */
void memory_trim(void);

#endif
