/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often the system had no memory for an arena or a buffer: those go on with what they have, so that whoever must lose nothing
 * asks here whether it happened meanwhile (to him or to another).  Not what meets a limit of its own.  Any thread.
 */
#ifndef KODAMA_BASE_SHORTAGE_H
#define KODAMA_BASE_SHORTAGE_H

#include <stdint.h>

void shortage_note(void);
uint64_t shortage_get_count(void);

#endif
