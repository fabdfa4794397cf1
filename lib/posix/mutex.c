/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutexes of all kinds: types, inheritance, robustness, ceilings. */
#include <errno.h>
#include <limits.h>

#include "core/thread.h"
#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

#pragma weak futex_lock_pi
#pragma weak futex_unlock_pi

/* These have more to do when taken and released. */
#define LISTED (MUTEX_ROBUST | MUTEX_PROTECT)
#pragma weak mutex_taken
#pragma weak mutex_releasing
#pragma weak mutex_released

static uint32_t owner_of(const pthread_mutex_t *mutex)
{
	return mutex_load(&mutex->__word) &
	       (mutex->__kind & MUTEX_INHERIT ? FUTEX_OWNER_MASK : MUTEX_OWNER);
}

/* What is locked for good, by its owner itself or by one that is gone. */
static int wait_for_nothing(clockid_t clock, const struct timespec *time)
{
	static const uint32_t never;
	struct sync_limit limit;
	int result = sync_limit_from(&limit, clock, time);

	while (result != -ETIMEDOUT && result != -EINVAL) {
		result = sync_wait(&never, 0, limit, "mutex");
		if (result == -EINTR && sync_release())
			sync_cancel_look();
	}
	return result;
}

static int lock_inheriting(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
			   bool asleep)
{
	struct sync_limit limit;
	int result = -EINTR;

	if (mutex_change(&mutex->__word, 0, mutex_self()))
		return 0;
	if (!futex_lock_pi)
		return wait_for_nothing(clock, time);
	if (sync_limit_from(&limit, clock, time))
		return -EINVAL;
	while (result == -EINTR) {
		bool enabled = events_disable();

		result = sync_end(enabled,
				  futex_lock_pi(&mutex->__word, limit.deadline_ns,
						limit.flags | FUTEX_INTERRUPTIBLE, "mutex"));
		if (result == -EINTR && sync_release() && !asleep)
			limit = SYNC_PAST;
	}
	return result == -ESRCH ? wait_for_nothing(clock, time) : result;
}

static void unlock_inheriting(pthread_mutex_t *mutex)
{
	if (!mutex_change(&mutex->__word, mutex_self(), 0))
		futex_unlock_pi(&mutex->__word);
}

/* asleep: it slept already, for a condition, and is not cancelled before it has the mutex. */
static int lock_word(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		     bool asleep)
{
	int result;

	if (mutex->__kind & MUTEX_INHERIT)
		result = lock_inheriting(mutex, clock, time, asleep);
	else
		result = mutex_word_lock(mutex, clock, time, asleep);
	if (result == -ETIMEDOUT && !asleep)
		sync_cancel_look();
	if (result || !(mutex->__kind & LISTED))
		return -result;
	return mutex_taken(mutex);
}

/* Its own owner locks it again: whether that is all, and the error. */
static bool lock_again(pthread_mutex_t *mutex, int *error_out)
{
	switch (mutex->__kind & MUTEX_TYPE) {
	case PTHREAD_MUTEX_RECURSIVE:
		*error_out = mutex->__depth == UINT_MAX ? EAGAIN : 0;
		if (*error_out == 0)
			mutex->__depth++;
		return true;
	case PTHREAD_MUTEX_ERRORCHECK:
		*error_out = EDEADLK;
		return true;
	default:
		return false;
	}
}

static bool above_ceiling(const pthread_mutex_t *mutex)
{
	return (mutex->__kind & MUTEX_PROTECT) && thread_self()->base_priority > mutex->__ceiling;
}

int mutex_lock_slow(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time)
{
	int error;

	if (mutex->__kind) {
		if (mutex->__kind & MUTEX_DESTROYED)
			return EINVAL;
		if (owner_of(mutex) == mutex_self()) {
			if (lock_again(mutex, &error))
				return error;
			if (mutex->__kind & MUTEX_INHERIT)
				return -wait_for_nothing(clock, time);
		}
		if (above_ceiling(mutex))
			return EINVAL;
	}
	return lock_word(mutex, clock, time, false);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	int error;

	if (mutex->__kind) {
		if (mutex->__kind & MUTEX_DESTROYED)
			return EINVAL;
		if (owner_of(mutex) == mutex_self() &&
		    (mutex->__kind & MUTEX_TYPE) == PTHREAD_MUTEX_RECURSIVE) {
			lock_again(mutex, &error);
			return error;
		}
		if (above_ceiling(mutex))
			return EINVAL;
	}
	if (mutex->__kind & MUTEX_INHERIT)
		error = mutex_change(&mutex->__word, 0, mutex_self()) ? 0 : EBUSY;
	else
		error = -mutex_word_try(mutex);
	if (error || !(mutex->__kind & LISTED))
		return error;
	return mutex_taken(mutex);
}

/* What mutex_taken() and a dying thread do as well. */
void mutex_let_go(pthread_mutex_t *mutex)
{
	if (mutex->__kind & MUTEX_INHERIT)
		unlock_inheriting(mutex);
	else if (!mutex_change(&mutex->__word, mutex_self(), 0))
		mutex_word_unlock(mutex);
}

int mutex_unlock_slow(pthread_mutex_t *mutex)
{
	bool listed = mutex->__kind & LISTED;

	if (mutex->__kind & MUTEX_DESTROYED)
		return EINVAL;
	/* Which thread unlocks a normal one programs do not always mind. */
	if (owner_of(mutex) != mutex_self() && (mutex->__kind || !owner_of(mutex)))
		return EPERM;
	if (mutex->__depth) {
		mutex->__depth--;
		return 0;
	}
	if (listed)
		mutex_releasing(mutex);
	mutex_let_go(mutex);
	if (listed)
		mutex_released();
	return 0;
}

int mutex_relock(pthread_mutex_t *mutex)
{
	return lock_word(mutex, CLOCK_REALTIME, NULL, true);
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	if (mutex->__kind & MUTEX_DESTROYED)
		return EINVAL;
	if (owner_of(mutex) || mutex->__waiters)
		return EBUSY;
	mutex->__kind = MUTEX_DESTROYED;
	return 0;
}
