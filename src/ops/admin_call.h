/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the admin requests share: a request under way, what it may hold, the rows of its answer. */
#ifndef KODAMA_OPS_ADMIN_CALL_H
#define KODAMA_OPS_ADMIN_CALL_H

#include "ops/admin.h"

enum { ADMIN_ERROR_SIZE = 512, ADMIN_STREAM_MAX = 255, ADMIN_NOTE_MAX = 1000 };

struct call {
	struct admin *admin;
	const json_t *request;
	struct span by;
	int64_t now_s;
	int (*emit)(void *data, json_t *row);
	void *data;
	int emit_result;
	struct address address;
	struct span stream, note;
	int64_t until_s;
	enum class class_id;
	struct suppression_filter filter;
	enum bulk bulk;
	bool is_dry_run;
	json_t *answer;         /* what is said beside "ok" */
	char error[ADMIN_ERROR_SIZE];
};

/* Keeps the reason: -EINVAL. */
int admin_refuse(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A row in the making: what is unknown is left out. */
json_t *row_new(const char *kind);
void row_put(json_t *row, const char *key, json_t *value);
void row_put_text(json_t *row, const char *key, struct span text);
void row_put_word(json_t *row, const char *key, struct span text); /* nor what is empty */
void row_put_time(json_t *row, const char *key, int64_t time_s);   /* TIME_FOREVER is "forever" */

/* False: whoever asked has gone. */
bool call_send(struct call *call, json_t *row);

/* Members of the request into the call; -EINVAL with the reason kept.  What is absent leaves its place as it is. */
int call_take_text(struct call *call, const char *key, size_t max, struct span *ret_text);
int call_take_address(struct call *call);
int call_take_stream(struct call *call);
int call_take_until(struct call *call);
int call_take_class(struct call *call);
int call_take_past(struct call *call, const char *key, int64_t *ret_time_s); /* a time, or a duration before now */

/* In the writer's thread and transaction where there is one, else here. */
int call_run_job(struct call *call, int (*job)(struct store *store, void *data));

bool call_send_suppression(void *data, const struct suppression *row);

/* The requests, by file. */
int admin_add(struct call *call);
int admin_remove(struct call *call);
int admin_release(struct call *call);
int admin_forget(struct call *call);
int admin_import(struct call *call);
int admin_list(struct call *call);
int admin_check(struct call *call);
int admin_why(struct call *call);
int admin_report(struct call *call);

#endif
