/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything threads can do, at random, by many threads at once. Each thing is done by a function
 * that checks what it did, and that comes to an end whatever the others do.
 */
#ifndef TEST_GUEST_TORTURE_TORTURE_H
#define TEST_GUEST_TORTURE_TORTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One worker's own numbers: the seed of the run, and who it is, make them. */
struct dice {
	uint64_t state;
};

/* Below limit. */
uint32_t dice_roll(struct dice *dice, uint32_t limit);

typedef void torture_fn(struct dice *dice);

struct torture {
	const char *name;
	torture_fn *fn;
	unsigned int weight; /* how often, compared with the others */
};

extern const struct torture torture_locks[], torture_lives[];
extern const unsigned int torture_locks_count, torture_lives_count;

void torture_locks_prepare(void);
void torture_lives_prepare(void);
/* When no worker runs any more: what they left must add up. */
void torture_locks_conclude(void);
void torture_lives_conclude(void);

int64_t torture_now_ns(void);
void torture_sleep_ns(int64_t ns);

/* Keeps the processor for rounds turns of a loop, at least one. */
static inline void torture_spin(unsigned long rounds)
{
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds)::"cc");
}

/* What must hold; else the guest ends with a report of where everybody is. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("torture: %s:%d: %s does not hold\n", __FILE__, __LINE__,           \
			       #condition);                                                        \
			fflush(stdout);                                                            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
