/* SPDX-License-Identifier: BSD-2-Clause */
/* What the heap must catch, one kind a boot: heap-faults KIND [BYTES]. Ends by itself only if it
 * did not. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char in_the_image[64];
/* The compiler knows what malloc and free are and must not see what is done to them. */
static void *(*volatile alloc)(size_t) = malloc;
static void (*volatile release)(void *) = free;

static void use_after_free(size_t bytes, size_t at)
{
	char *block = alloc(bytes);

	release(block);
	block[at] = 'x';
	/* The slot comes round again. */
	for (int i = 0; i < 1000; i++)
		release(alloc(bytes));
}

static void overflow(size_t bytes, size_t over)
{
	char *block = alloc(bytes);

	memset(block + bytes, 'A', over);
	release(block);
}

static void double_free(size_t bytes)
{
	char *block = alloc(bytes), *other = alloc(bytes);

	release(block);
	release(other);
	release(block);
}

static void invalid_free(const char *where)
{
	char on_stack[64], *block = alloc(64);

	if (!strcmp(where, "inside"))
		release(block + 16);
	else if (!strcmp(where, "odd"))
		release(block + 1);
	else
		release(!strcmp(where, "stack") ? on_stack : in_the_image);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	size_t more = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

	if (!strcmp(kind, "use-after-free"))
		use_after_free(bytes, more);
	else if (!strcmp(kind, "overflow"))
		overflow(bytes, more);
	else if (!strcmp(kind, "double-free"))
		double_free(bytes);
	else if (!strcmp(kind, "invalid-free"))
		invalid_free(argc > 2 ? argv[2] : "");
	printf("nothing was caught\n");
	return 1;
}
