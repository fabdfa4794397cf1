/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions. Each signal changes the sequence, and whoever waits sleeps on the sequence it read
 * before it let go of the mutex. Who is woken, or moved to the mutex's queue, was taken out of the
 * count of waiters by the one who did it, and does not look at the condition again: it may be gone.
 * Whoever comes back for another reason takes itself out; pthread_cond_destroy() waits for those.
 */
#include <errno.h>
#include <pthread.h>

#include "lib/posix/cancel.h"
#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

#define LEAVING 0x80000000u /* in the waiters: somebody waits for the last of them to be gone */

static uint32_t *waiters_of(pthread_cond_t *cond)
{
	return &cond->__waiters;
}

/* Takes count out of the waiters; the condition may be gone afterwards. */
static void forget(pthread_cond_t *cond, uint32_t count)
{
	uint32_t *waiters = waiters_of(cond);

	if (__atomic_sub_fetch(waiters, count, __ATOMIC_SEQ_CST) == LEAVING)
		sync_wake(waiters, FUTEX_ALL);
}

/* 0, -ETIMEDOUT, -EINTR. */
static int sleep_on(pthread_cond_t *cond, uint32_t sequence, struct sync_limit limit)
{
	int result = sync_wait(&cond->__sequence, sequence, limit, "condition");

	if (result == 0)
		return 0;
	/* A signal that came with the end of the time was for us, if it was for nobody else. */
	if (result == -EAGAIN ||
	    (result == -ETIMEDOUT && mutex_load(&cond->__sequence) != sequence))
		result = 0;
	forget(cond, 1);
	return result;
}

static int cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, struct sync_limit limit)
{
	uint32_t sequence, owner = mutex->__kind & MUTEX_INHERIT ? FUTEX_OWNER_MASK : MUTEX_OWNER;
	int result, error;

	if ((mutex_load(&mutex->__word) & owner) != mutex_self())
		return EPERM;
	cancel_test();
	/* Signals are sent without the mutex too. */
	__atomic_store_n(&cond->__mutex, mutex, __ATOMIC_RELAXED);
	sequence = mutex_load(&cond->__sequence);
	__atomic_store_n(&cond->__newest, sequence, __ATOMIC_RELAXED);
	__atomic_fetch_add(waiters_of(cond), 1, __ATOMIC_SEQ_CST);
	error = pthread_mutex_unlock(mutex);
	if (error) {
		forget(cond, 1);
		return error;
	}
	result = sleep_on(cond, sequence, limit);
	if (result == -EINTR)
		sig_release();
	error = mutex_relock(mutex);
	/* One that was signalled is not cancelled here: the signal would be lost for others. */
	if (result == -EINTR) {
		cancel_test();
		result = 0;
	}
	return error ? error : -result;
}

int pthread_cond_wait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex)
{
	return cond_wait(cond, mutex, SYNC_NEVER);
}

int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
			   clockid_t clock, const struct timespec *restrict time)
{
	struct sync_limit limit;

	if (!time || sync_limit_from(&limit, clock, time))
		return EINVAL;
	return cond_wait(cond, mutex, limit);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
			   const struct timespec *restrict time)
{
	/* A condition of zeros has the wall clock. */
	return pthread_cond_clockwait(
		cond, mutex, cond->__clock ? (clockid_t)cond->__clock : CLOCK_REALTIME, time);
}

static int wake(pthread_cond_t *cond, unsigned int count)
{
	uint32_t *sequence = &cond->__sequence;
	pthread_mutex_t *mutex;
	int gone = -EAGAIN;

	if (!(__atomic_load_n(waiters_of(cond), __ATOMIC_SEQ_CST) & ~LEAVING))
		return 0;
	__atomic_fetch_add(sequence, 1, __ATOMIC_SEQ_CST);
	mutex = __atomic_load_n(&cond->__mutex, __ATOMIC_RELAXED);
	/* Whoever has the mutex lets them wait for that: they could not run anyway. */
	if (!(mutex->__kind & MUTEX_INHERIT) &&
	    (mutex_load(&mutex->__word) & MUTEX_OWNER) == mutex_self() &&
	    mutex_expect_waiters(mutex))
		gone = sync_move(sequence, mutex_load(sequence), &mutex->__word, count);
	if (gone < 0)
		gone = (int)sync_wake(sequence, count);
	if (gone > 0)
		forget(cond, (uint32_t)gone);
	return 0;
}

int pthread_cond_signal(pthread_cond_t *cond)
{
	return wake(cond, 1);
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
	return wake(cond, FUTEX_ALL);
}

int pthread_cond_destroy(pthread_cond_t *cond)
{
	uint32_t *waiters = waiters_of(cond), left = mutex_load(waiters);

	if ((left & ~LEAVING) && mutex_load(&cond->__newest) == mutex_load(&cond->__sequence))
		return EBUSY;
	/* All were woken; some may still be on their way out. */
	left = __atomic_or_fetch(waiters, LEAVING, __ATOMIC_SEQ_CST);
	while (left != LEAVING) {
		if (sync_wait(waiters, left, SYNC_NEVER, "condition") == -EINTR)
			sig_release();
		left = mutex_load(waiters);
	}
	return 0;
}
