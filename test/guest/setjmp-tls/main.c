/* SPDX-License-Identifier: BSD-2-Clause */
/* setjmp keeps registers and stack; thread-local variables are initialised, aligned and separate
 * from others. */
#include <setjmp.h>
#include <stdint.h>

#include "test/guest/check.h"

static __thread int initialised = 42;
static __thread char zeroed[5000];
static __thread long aligned __attribute__((aligned(256))) = 7;
static __thread char last = 'x';
static __thread char page __attribute__((aligned(4096))) = 33;

static jmp_buf buffer;
/* A pointer, because both compilers see that deep() never returns through longjmp. */
static void (*volatile leave)(jmp_buf, int) = longjmp;

__attribute__((noinline)) static void deep(int depth, int value)
{
	volatile char room[100];

	room[0] = (char)depth;
	if (depth == 0)
		leave(buffer, value);
	else
		deep(depth - 1, value);
	room[1] = room[0];
}

int main(void)
{
	volatile int rounds = 0;
	double kept = 1.5;
	int good = 1;

	CHECK(initialised == 42 && aligned == 7 && last == 'x' && page == 33);
	CHECK((uintptr_t)&aligned % 256 == 0 && (uintptr_t)&page % 4096 == 0);
	for (unsigned int i = 0; i < sizeof(zeroed); i++)
		good &= zeroed[i] == 0;
	CHECK(good);
	zeroed[4999] = 1;
	initialised++;
	CHECK(initialised == 43 && aligned == 7 && last == 'x' && page == 33);

	switch (setjmp(buffer)) {
	case 0:
		deep(50, 3);
		break;
	case 3:
		CHECK(rounds == 0 && kept == 1.5);
		rounds++;
		deep(10, 0);
		break;
	case 1:
		/* 0 given to longjmp arrives as 1. */
		CHECK(rounds == 1 && kept == 1.5);
		rounds++;
		break;
	}
	CHECK(rounds == 2);
	return check_done();
}
