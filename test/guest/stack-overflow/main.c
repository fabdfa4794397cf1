/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends of the stack: `alloca BYTES`, or `recursion`. See check. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noinline)) static int deeper(int level)
{
	volatile char here[200];

	here[0] = (char)level;
	return level < 0 ? 0 : deeper(level + 1) + here[0];
}

__attribute__((noinline)) static void use_stack(size_t bytes)
{
	volatile char *block = alloca(bytes);

	block[0] = 1;
	printf("%zu bytes of stack are there\n", bytes + (size_t)block[0] - 1);
}

int main(int argc, char **argv)
{
	puts("begins");
	fflush(stdout);
	if (argc > 2 && strcmp(argv[1], "alloca") == 0)
		use_stack(strtoul(argv[2], NULL, 0));
	else
		deeper(0);
	return 0;
}
