/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A milter that does nothing: what libmilter itself costs.  Every step, no header touched.
 * usage: milter_null SOCKET replies|silent      silent: no reply but the last, where the MTA offers that
 */
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	NO_REPLIES = SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_RCPT | SMFIP_NR_DATA | SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH |
		     SMFIP_NR_BODY
};

static bool is_silent;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3, unsigned long *ret_actions,
			     unsigned long *ret_steps, unsigned long *ret_f2, unsigned long *ret_f3)
{
	(void)ctx;
	(void)actions;
	(void)f2;
	(void)f3;
	*ret_actions = *ret_f2 = *ret_f3 = 0;
	*ret_steps = is_silent ? steps & NO_REPLIES : 0;
	/* an answer to a step that none was agreed for is logged, each time */
	if (is_silent && *ret_steps != NO_REPLIES)
		is_silent = false;
	return SMFIS_CONTINUE;
}

static sfsistat go_on(void)
{
	return is_silent ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *client)
{
	(void)ctx;
	(void)name;
	(void)client;
	return go_on();
}

static sfsistat on_text(SMFICTX *ctx, const char *text)
{
	(void)ctx;
	(void)text;
	return go_on();
}

static sfsistat on_helo(SMFICTX *ctx, char *name)
{
	return on_text(ctx, name);
}

static sfsistat on_words(SMFICTX *ctx, char **words)
{
	(void)ctx;
	(void)words;
	return go_on();
}

static sfsistat on_step(SMFICTX *ctx)
{
	(void)ctx;
	return go_on();
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return go_on();
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t size)
{
	(void)ctx;
	(void)bytes;
	(void)size;
	return go_on();
}

static sfsistat on_last(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	struct smfiDesc description = {
		.xxfi_name = "null",
		.xxfi_version = SMFI_VERSION,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_words,
		.xxfi_envrcpt = on_words,
		.xxfi_header = on_header,
		.xxfi_eoh = on_step,
		.xxfi_body = on_body,
		.xxfi_eom = on_last,
		.xxfi_abort = on_last,
		.xxfi_close = on_last,
		.xxfi_unknown = on_text,
		.xxfi_data = on_step,
		.xxfi_negotiate = on_negotiate,
	};

	if (argc != 3) {
		fprintf(stderr, "usage: %s SOCKET replies|silent\n", argv[0]);
		return 2;
	}
	is_silent = strcmp(argv[2], "silent") == 0;
	if (smfi_setconn(argv[1]) == MI_FAILURE || smfi_register(description) == MI_FAILURE || smfi_opensocket(true) == MI_FAILURE)
		return 1;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
