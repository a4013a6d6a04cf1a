/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a mail, and as the parts of a report: the outcomes keep their bounds. */
#include <stdint.h>

#include "outcomes_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_mail("", data, size);
	check_mail("From: MAILER-DAEMON\nContent-Type: multipart/report; boundary=b\n\n", data, size);
	check_mail("From: MAILER-DAEMON\nContent-Type: multipart/report; boundary=b\n\n--b\n\nTranscript of session follows\n"
		   "<<< 550-x\n<<< 550 y\n--b\nContent-Type: message/delivery-status\n\n",
		   data, size);
	return 0;
}
