/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Netstrings, the frame of socketmap_table(5): a decimal length, ":", so many bytes, ",".
 * Pure; any thread; the input is hostile.
 */
#ifndef KODAMA_INTAKE_NETSTRING_H
#define KODAMA_INTAKE_NETSTRING_H

#include <sys/types.h>

#include "base/buffer.h"

/*
 * The netstring at the start of `input`: its whole length, with *ret_content borrowed from `input`; 0 when it is not whole
 * yet; -EINVAL when this is no netstring; -EMSGSIZE when it announces more than `max` bytes, which is known before they come.
 */
ssize_t netstring_take(struct span input, size_t max, struct span *ret_content) __attribute__((warn_unused_result));

void netstring_add(struct buffer *buffer, struct span content);

#endif
