/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For guest tests: CHECK(condition) says where a condition did not hold; check_done() is main's
 * result, 0 when all held. The case expects the line `all N checks hold`. Any thread may check.
 */
#ifndef TEST_GUEST_CHECK_H
#define TEST_GUEST_CHECK_H

#include <stdio.h>

static int checks_done, checks_failed;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		__atomic_fetch_add(&checks_done, 1, __ATOMIC_RELAXED);                             \
		if (!(condition)) {                                                                \
			__atomic_fetch_add(&checks_failed, 1, __ATOMIC_RELAXED);                   \
			printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #condition);                \
		}                                                                                  \
	} while (0)

static inline int check_done(void)
{
	if (checks_failed)
		printf("%d of %d checks failed\n", checks_failed, checks_done);
	else
		printf("all %d checks hold\n", checks_done);
	return checks_failed != 0;
}

#endif
