/* SPDX-License-Identifier: BSD-2-Clause */
/* Data of every C type, then a trap: what a debugger can be asked about. */
#include <complex.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum colour { RED, GREEN = 5, BLUE };
enum flags { READ = 1, WRITE = 2, EXECUTE = 4 };
enum negative { MINUS = -3, PLUS = 3 };

typedef unsigned long word_t;
typedef struct pair {
	int first, second;
} pair_t;
typedef int (*compare_fn)(const void *, const void *);

struct tree {
	struct tree *left, *right;
	const char *key;
	pair_t pair;
	union {
		float real;
		unsigned char raw[4];
	};
	struct {
		short a;
		float real;
	} inner;
	compare_fn compare;
};

struct bits {
	unsigned int a : 3;
	int b : 5;
	unsigned long c : 40;
	_Bool d : 1;
	unsigned int : 4;
	signed char e;
};

struct flexible {
	int count;
	char data[];
};

struct everything {
	_Bool yes;
	char c;
	signed char sc;
	unsigned char uc;
	short s;
	unsigned short us;
	int i;
	unsigned int u;
	long l;
	unsigned long ul;
	long long ll;
	float f;
	double d;
	long double ld;
	double _Complex z;
	void *p;
	int array[5];
	int matrix[2][3];
	char text[16];
	enum colour colour;
	enum flags flags;
	enum negative negative;
	volatile const int cv;
	int *const cp;
	const char *const *strings;
	int (*row)[3];
	word_t word;
};

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static const char *const strings[] = {"one", "two\n", "th\"ree", NULL};
static int matrix[2][3] = {{1, 2, 3}, {4, 5, 6}};

struct everything all = {
	.yes = true,
	.c = 'x',
	.sc = -5,
	.uc = 200,
	.s = -300,
	.us = 60000,
	.i = -70000,
	.u = 4000000000u,
	.l = -5000000000l,
	.ul = 18000000000000000000ul,
	.ll = 77,
	.f = 1.5f,
	.d = -2.25e100,
	.ld = 3.125L,
	.z = 1.0 + 2.0 * I,
	.p = &all,
	.array = {1, 2, 3, 4, 5},
	.matrix = {{1, 2, 3}, {4, 5, 6}},
	.text = "hello",
	.colour = GREEN,
	.flags = READ | EXECUTE,
	.negative = MINUS,
	.cv = 9,
	.strings = strings,
	.row = matrix,
	.word = 12,
};

struct tree leaf = {
	.key = "leaf", .pair = {3, 4}, .raw = {1, 2, 3, 4}, .inner = {7, 2.5f}, .compare = compare};
struct tree root = {.left = &leaf, .key = "root", .pair = {1, 2}, .compare = compare};
struct bits bits = {.a = 5, .b = -7, .c = 0x123456789aUL, .d = 1, .e = -1};
struct flexible *flexible;
int zeros[64];
char long_text[300];
char mixed[40] = "ab\0\1\177\377cd";
static uint8_t bytes[] = {0, 1, 2, 253, 254, 255};
pair_t pairs[3] = {{1, 2}, {3, 4}, {5, 6}};
enum flags odd_flags = 8 | 1;
enum colour odd_colour = 77;
float floats[] = {0.1f, 1e30f, -0.0f, 1.0f / 3};
double infinite, not_a_number;
union {
	int i;
	float f;
} anonymous = {.f = 1.0f};
int (*functions[2])(const void *, const void *) = {compare, 0};
__int128 wide = (__int128)1 << 100;
_Thread_local int per_thread = 42;

int main(void)
{
	static int hidden = 99;

	flexible = malloc(sizeof(*flexible) + 4);
	flexible->count = 4;
	for (int i = 0; i < 4; i++)
		flexible->data[i] = (char)('a' + i);
	for (unsigned int i = 0; i < sizeof(long_text) - 1; i++)
		long_text[i] = (char)('a' + i % 26);
	infinite = 1 / (double)zeros[0];
	not_a_number = (double)zeros[0] / zeros[1];
	hidden += per_thread + bytes[0] + odd_flags + odd_colour + (int)floats[0] + pairs[0].first +
		  anonymous.i + bits.a + (int)wide + root.pair.first + mixed[0] +
		  (functions[0] != 0);
	__asm__ volatile("" : : "r"(&hidden) : "memory");
	__builtin_trap();
}
