/* SPDX-License-Identifier: BSD-2-Clause */
/* kodama: to be written. */
int main(void)
{
	return 0;
}
