/* SPDX-License-Identifier: BSD-2-Clause */
/* A small program that stops two calls deep, for test/duster/manners to ask about. */
#include <stdio.h>

struct node {
	struct node *next;
	const char *name;
	int number;
};

struct node second = {0, "second", 2}, first = {&second, "first", 1};
struct node ring = {&ring, "ring", 3};
struct node *nowhere = (struct node *)0x10;
int numbers[3] = {1, 2, 3}, total = 42;

__attribute__((noinline)) static int inner(const char *text)
{
	__builtin_trap();
	return text[0];
}

__attribute__((noinline)) static int outer(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	return inner(text) + 1;
}

int main(void)
{
	return outer(total) + first.number + ring.number + nowhere->number + numbers[0];
}
