/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a feedback report, its machine-readable part, and an automatic reply's header. */
#include <stdint.h>

#include "outcomes_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_mail("From: fbl@example.net\nContent-Type: multipart/report; boundary=b\n\n", data, size);
	check_mail("From: fbl@example.net\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n", data, size);
	check_mail("Return-Path: <>\nIn-Reply-To: <1@example.jp>\nSubject: ", data, size);
	return 0;
}
