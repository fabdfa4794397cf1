/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every unit test program shares: main() runs the suite, each test in a process of its own
 * (so statics start afresh), and closes with `N passed, N failed`.
 */
#ifndef TEST_HOST_CHECK_MAIN_H
#define TEST_HOST_CHECK_MAIN_H

#include <check.h>
#include <stdint.h>

/* Provided by the test. */
Suite *test_suite(void);

/* For loops of millions: ck_assert tells the parent process of each success. */
#define test_require(condition)                                                                    \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("%s", #condition);                                            \
	} while (0)

/* Random numbers of a test; the seed is printed and taken from TEST_SEED. */
extern uint64_t test_seed;
uint64_t test_random(void);

#endif
