/* SPDX-License-Identifier: BSD-2-Clause */
/* Crashes at once; see check. */
int main(int argc, char **argv)
{
	(void)argv;
	*(volatile int *)(argc * 8UL) = 1;
	return 0;
}
