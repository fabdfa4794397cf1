/* SPDX-License-Identifier: BSD-2-Clause */
/* Ctrl-C ends a program that computes and never reads. */
#include <stdio.h>

int main(void)
{
	puts("computing");
	for (volatile long i = 0;; i++)
		;
}
