/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads of the store: they take no signal, and their conditions wait by the monotonic clock. */
#ifndef KODAMA_STORE_THREAD_H
#define KODAMA_STORE_THREAD_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* With every signal blocked from its first instruction on: signals are the main thread's.  -errno. */
int thread_start(pthread_t *ret_thread, void *(*run)(void *data), void *data) __attribute__((warn_unused_result));

int monotonic_cond_init(pthread_cond_t *cond);
int64_t monotonic_get_ms(void);
struct timespec monotonic_at(int64_t ms);

#endif
