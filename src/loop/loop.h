/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of the main thread: signals, a wake-up from other threads, ticks, file descriptors.  The only file
 * that knows libevent is loop.c; everything else sees this.  All calls are the loop's thread's, but loop_wake.
 */
#ifndef KODAMA_LOOP_LOOP_H
#define KODAMA_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct watch;

struct loop *loop_new(void); /* NULL when it cannot be made */
void loop_free(struct loop *loop);

/* Returns after loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

typedef void loop_call(void *data);

/* Calls `call` in the loop when the signal comes.  Blocks nothing. */
int loop_add_signal(struct loop *loop, int signal_number, loop_call *call, void *data) __attribute__((warn_unused_result));

/* Calls `call` every `period_ms`. */
int loop_add_tick(struct loop *loop, unsigned period_ms, loop_call *call, void *data) __attribute__((warn_unused_result));

/* Makes loop_wake call `call` in the loop: any thread, any number of times, at least once after the last. */
int loop_add_wake(struct loop *loop, loop_call *call, void *data) __attribute__((warn_unused_result));
void loop_wake(struct loop *loop);

/* Watches a descriptor, which stays the caller's, for reading or for writing.  The watch may be freed in its own call. */
struct watch *loop_watch_read(struct loop *loop, int fd, loop_call *call, void *data);
struct watch *loop_watch_write(struct loop *loop, int fd, loop_call *call, void *data);
void watch_set(struct watch *watch, bool is_on); /* on at first for reading, off for writing */
void watch_free(struct watch *watch);

#endif
