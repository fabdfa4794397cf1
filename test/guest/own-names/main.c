/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's names are no program's business: all of these may be used again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void panic(const char *text);
void *pool_alloc(size_t bytes);
int page_alloc(void);
int heap_alloc(int value);
int timer_arm(int value);
int tty_write(int value);
int log_write(int value);
int file_create(int value);

int boot_info = 1;

void panic(const char *text)
{
	printf("own panic: %s\n", text);
	exit(3);
}

void *pool_alloc(size_t bytes)
{
	return calloc(1, bytes);
}

int page_alloc(void)
{
	return boot_info;
}

int heap_alloc(int value)
{
	return value + page_alloc();
}

int timer_arm(int value)
{
	return heap_alloc(value) + 1;
}

int tty_write(int value)
{
	return timer_arm(value) + 1;
}

int log_write(int value)
{
	return tty_write(value) + 1;
}

int file_create(int value)
{
	return log_write(value) + 1;
}

int main(int argc, char **argv)
{
	char *text = pool_alloc(100);

	(void)argv;
	strcpy(text, "all names are free");
	if (file_create(argc) == argc + 5)
		panic(text);
	return 1;
}
