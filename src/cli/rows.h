/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of the control socket on standard output: functions for control_ask.  One thread; they hold remote text. */
#ifndef KODAMA_CLI_ROWS_H
#define KODAMA_CLI_ROWS_H

#include <jansson.h>

/* The object as it came, one a line. */
int rows_write_json(void *data, json_t *row);

/* For people: an entry of the list, the answer to a check, one step of an address's history, counters. */
int rows_print_suppression(void *data, json_t *row);
int rows_print_check(void *data, json_t *row);
int rows_print_history(void *data, json_t *row);
int rows_print_status(void *data, json_t *row);
/* The answer to a removal. */
void rows_print_removed(const char *address, const json_t *row);

/* Of an outcome: why it is proved or not, as a clause; "" when that is not known. */
const char *rows_explain_proof(const json_t *row);

#endif
