/* SPDX-License-Identifier: BSD-2-Clause */
/* Constructors before main; atexit functions backwards; destructors after them; stdio flushed. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor(101))) static void first(void)
{
	puts("first constructor");
}

__attribute__((constructor(102))) static void second(void)
{
	puts("second constructor");
}

__attribute__((destructor)) static void last(void)
{
	/* Without a newline: exit flushes, and the status line still begins a line of its own. */
	printf("destructor\nunfinished line");
}

static void registered_first(void)
{
	puts("at exit, registered first");
}

static void registered_last(void)
{
	puts("at exit, registered last");
}

int main(void)
{
	atexit(registered_first);
	atexit(registered_last);
	puts("main");
	exit(3);
}
