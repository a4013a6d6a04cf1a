/* SPDX-License-Identifier: BSD-2-Clause */
/* kodamad: to be written. */
int main(void)
{
	return 0;
}
