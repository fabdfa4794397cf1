/* SPDX-License-Identifier: BSD-2-Clause */
/* For guest tests: a time of a clock that is not far away. */
#ifndef TEST_GUEST_SOON_H
#define TEST_GUEST_SOON_H

#include <time.h>

static inline struct timespec soon(clockid_t clock, long milliseconds)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_nsec += milliseconds * 1000000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

#endif
