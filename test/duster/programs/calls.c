/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls, inlined ones among them, with variables in registers, on the stack and gone; a trap. */
#include <stdlib.h>
#include <string.h>

struct point {
	int x, y;
};
struct large {
	long values[20];
};

static volatile int sink;
int global = 7;

static inline __attribute__((always_inline)) int square(int number)
{
	int result = number * number;

	sink = result;
	if (result == 49)
		__builtin_trap();
	return result;
}

static inline __attribute__((always_inline)) int twice(int count, const char *label)
{
	int before = count + 1;

	sink = label[0];
	return square(before - 1) + before;
}

static __attribute__((noinline)) int leaf(struct point point, struct large large, int count)
{
	int local = point.x + count;
	struct point moved = {point.x + 1, point.y + 1};

	sink = moved.x + (int)large.values[3];
	return twice(count, "label") + local + moved.y;
}

static __attribute__((noinline)) int variable_length(int count)
{
	char text[count + 3];
	int numbers[count];
	int total = 0;

	memset(text, 'v', sizeof(text));
	for (int i = 0; i < count; i++) {
		int scaled = i * 10;

		numbers[i] = scaled;
		total += numbers[i];
	}
	sink = text[1] + numbers[count - 1];
	{
		struct large large = {{1, 2, 3, total}};
		struct point point = {count, -count};

		total += leaf(point, large, count);
	}
	return total + text[0] + numbers[0];
}

static __attribute__((noinline)) int recurse(int depth, double scale)
{
	static int entries;
	int here = depth * 3;

	entries++;
	if (depth == 0)
		return variable_length(global) + here;
	return recurse(depth - 1, scale / 2) + here + (int)scale;
}

int main(int argc, char **argv)
{
	int result = recurse(argc + 1, 8.0);

	sink = result + (argv != NULL);
	return result;
}
