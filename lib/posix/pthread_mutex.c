/* SPDX-License-Identifier: BSD-2-Clause */
/* Locking and unlocking, the quick way; the rest is in mutex.c and mutex_word.c. */
#include <errno.h>

#include "lib/posix/mutex.h"

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (__builtin_expect(mutex->__kind == 0, 1) &&
	    (__builtin_expect(mutex_change(&mutex->__word, 0, mutex_self()), 1) ||
	     mutex_take_awaited(mutex)))
		return 0;
	return mutex_lock_slow(mutex, CLOCK_REALTIME, NULL);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (__builtin_expect(mutex->__kind == 0, 1) &&
	    (__builtin_expect(mutex_change(&mutex->__word, mutex_self(), 0), 1) ||
	     mutex_release_awaited(mutex)))
		return 0;
	return mutex_unlock_slow(mutex);
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict time)
{
	return mutex_lock_slow(mutex, CLOCK_REALTIME, time);
}

int pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t clock,
			    const struct timespec *restrict time)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return mutex_lock_slow(mutex, clock, time);
}
