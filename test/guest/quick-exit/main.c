/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>

static void not_called(void)
{
	puts("FAIL: quick_exit runs no atexit functions");
}

static void called(void)
{
	puts("at quick exit");
	fflush(stdout);
}

int main(void)
{
	atexit(not_called);
	at_quick_exit(called);
	quick_exit(77);
}
