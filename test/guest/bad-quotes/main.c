/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

int main(void)
{
	puts("main was reached");
	return 0;
}
