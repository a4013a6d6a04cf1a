/* SPDX-License-Identifier: BSD-2-Clause */
/* The service manager's notification protocol (sd_notify(3)), without its library.  Any thread. */
#ifndef KODAMA_LOOP_NOTIFY_H
#define KODAMA_LOOP_NOTIFY_H

/* "READY=1\nSTATUS=..." to $NOTIFY_SOCKET; nothing happens without one. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* RELOADING=1 with the time that the protocol wants. */
void notify_reloading(void);

#endif
