/* SPDX-License-Identifier: BSD-2-Clause */
/* Crashes some calls deep, among data of many types, for duster to look at the core file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum colour { RED, GREEN = 5, BLUE };

struct point {
	int x, y;
};

struct node {
	struct node *next;
	const char *name;
	struct point at;
	enum colour colour;
	unsigned int low : 3, high : 5;
	union {
		double real;
		unsigned char raw[8];
	};
	int (*compare)(const void *, const void *);
};

struct node *list;
int numbers[5] = {1, 2, 3, 4, 5};
static const char greeting[] = "hello from the dead";

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(int));
}

static __attribute__((noinline)) void add(const char *name, int x)
{
	struct node *node = calloc(1, sizeof(*node));

	*node = (struct node){.next = list,
			      .name = name,
			      .at = {x, -x},
			      .colour = GREEN,
			      .low = 5,
			      .high = 17,
			      .real = 1.5,
			      .compare = compare};
	list = node;
}

static __attribute__((noinline)) int sum(const struct node *from, volatile int *wild)
{
	int total = 0;

	for (const struct node *node = from; node; node = node->next)
		total += node->at.x;
	*wild = total;
	return total + 1;
}

static __attribute__((noinline)) int descend(int depth, volatile int *wild)
{
	char mark[24];

	snprintf(mark, sizeof(mark), "depth %d", depth);
	if (depth == 0)
		return sum(list, wild);
	return descend(depth - 1, wild) + (int)strlen(mark);
}

int main(int argc, char **argv)
{
	volatile int *wild = (volatile int *)(0x1230L + argc - 1);

	add("first", 1);
	add("second", 2);
	add("third", 3);
	printf("%s: %s\n", argv[0], greeting);
	return descend(3, wild);
}
