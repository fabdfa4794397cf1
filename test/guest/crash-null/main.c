/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

struct thing {
	long other[2], value;
};

__attribute__((noinline)) static long third(volatile struct thing *thing)
{
	return thing->value;
}

__attribute__((noinline)) static long second(volatile struct thing *thing)
{
	return third(thing) + 1;
}

__attribute__((noinline)) static long first(volatile struct thing *thing)
{
	return second(thing) + 1;
}

int main(int argc, char **argv)
{
	puts("about to fall");
	return (int)first(argc > 100 ? (struct thing *)argv : NULL);
}
