/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's side of `kodama doctor`, requests of the control socket:
 *   doctor-begin  recipient: watched for from now on        -> {"ok":true}
 *   doctor-look   -> {"row":"doctor","fronts":{"milter":true,...: is it on},"seen":{"milter":false,...},"last":{"milter":time,...}}
 *   doctor-end    -> {"ok":true}
 */
#ifndef KODAMA_OPS_DOCTOR_H
#define KODAMA_OPS_DOCTOR_H

#include <jansson.h>

#include "ops/stats.h"

bool doctor_knows(const char *name);

/* The row of an answer, or NULL for none; *ret_why is set when the request is refused. */
json_t *doctor_answer(const struct stats_sources *sources, const char *name, const json_t *request, const char **ret_why);

#endif
