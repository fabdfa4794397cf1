/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unnamed semaphores. Value and number of waiters are one word of 64 bits, so that posting learns
 * whether somebody waits with the same exchange: afterwards the semaphore may be gone. Waiters
 * sleep on the half that is the value.
 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/posix/cancel.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/sync.h"

#define SEM_MAGIC  0x73656d61UL
#define ONE_WAITER (1UL << 32)

static uint64_t state_of(const sem_t *sem)
{
	return __atomic_load_n(&sem->__state, __ATOMIC_ACQUIRE);
}

/* False: *state is what it really was. */
static bool change(sem_t *sem, uint64_t *state, uint64_t new)
{
	return __atomic_compare_exchange_n(&sem->__state, state, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

int sem_init(sem_t *sem, int shared, unsigned int value)
{
	(void)shared;
	if (value > SEM_VALUE_MAX)
		return (int)posix_result(-EINVAL);
	sem->__state = value;
	sem->__magic = SEM_MAGIC;
	return 0;
}

int sem_destroy(sem_t *sem)
{
	if (sem->__magic != SEM_MAGIC)
		return (int)posix_result(-EINVAL);
	if (state_of(sem) >> 32)
		return (int)posix_result(-EBUSY);
	sem->__magic = 0;
	return 0;
}

int sem_getvalue(sem_t *restrict sem, int *restrict value_out)
{
	*value_out = (int)(uint32_t)state_of(sem);
	return 0;
}

/* It was the greatest value already. */
static __attribute__((noinline)) int take_back(sem_t *sem)
{
	__atomic_fetch_sub(&sem->__state, 1, __ATOMIC_ACQ_REL);
	return (int)posix_result(-EOVERFLOW);
}

int sem_post(sem_t *sem)
{
	uint64_t state = __atomic_fetch_add(&sem->__state, 1, __ATOMIC_ACQ_REL);

	if (__builtin_expect((uint32_t)state >= SEM_VALUE_MAX, 0))
		return take_back(sem);
	if (state >> 32)
		sync_wake(&sem->__value, 1);
	return 0;
}

/* Takes one if there is one, and waiter (0 or ONE_WAITER) out of the waiters as well. */
static bool take(sem_t *sem, uint64_t waiter)
{
	uint64_t state = state_of(sem);

	while ((uint32_t)state)
		if (change(sem, &state, state - 1 - waiter))
			return true;
	return false;
}

/* One of the waiters, after a sleep ended with result. 0, -ETIMEDOUT, -EINTR: handlers that do not
 * restart ran, or the thread is to be cancelled. */
static int sleep_on(sem_t *sem, struct sync_limit limit, int result)
{
	for (;;) {
		bool taken = take(sem, ONE_WAITER);

		/* Handlers run in any case. */
		if (result == -EINTR && sig_release() != SIG_EINTR && !cancel_due())
			result = 0;
		if (taken)
			return 0;
		if (result == -ETIMEDOUT || result == -EINTR)
			break;
		result = sync_wait(&sem->__value, 0, limit, "semaphore");
	}
	__atomic_fetch_sub(&sem->__state, ONE_WAITER, __ATOMIC_ACQ_REL);
	return result;
}

static int sleep_for(sem_t *sem, struct sync_limit limit)
{
	uint64_t state = state_of(sem);

	while (!change(sem, &state, (uint32_t)state ? state - 1 : state + ONE_WAITER))
		;
	if ((uint32_t)state)
		return 0;
	return sleep_on(sem, limit, sync_wait(&sem->__value, 0, limit, "semaphore"));
}

/* The time is looked at only when it matters (POSIX.1-2017 sem_timedwait). */
static int wait_until_time(sem_t *sem, clockid_t clock, const struct timespec *time)
{
	struct sync_limit limit = SYNC_NEVER;
	int result = 0;

	if (__builtin_expect(cancel_due(), 0))
		cancel_test();
	if (take(sem, 0))
		return 0;
	if (time)
		result = sync_limit_from(&limit, clock, time);
	if (result == 0)
		result = sleep_for(sem, limit);
	if (__builtin_expect(result == 0, 1))
		return 0;
	if (result == -EINTR)
		cancel_test();
	return (int)posix_result(result);
}

/* The rest of sem_wait(), for a waiter whose sleep ended with result. */
static __attribute__((noinline)) int sleep_again(sem_t *sem, int result)
{
	result = sleep_on(sem, SYNC_NEVER, result);
	if (result == -EINTR)
		cancel_test();
	return (int)posix_result(result);
}

/* As wait_until_time() without a time, and short. */
int sem_wait(sem_t *sem)
{
	uint64_t state;
	int result;

	if (cancel_due())
		cancel_test();
	state = state_of(sem);
	if ((uint32_t)state && change(sem, &state, state - 1))
		return 0;
	if (!futex_sleep || (uint32_t)state || !change(sem, &state, state + ONE_WAITER))
		return wait_until_time(sem, CLOCK_REALTIME, NULL);
	sync_begin();
	result = futex_sleep(&sem->__value, 0, "semaphore");
	if (__builtin_expect(result, 0))
		return sleep_again(sem, sync_end(true, result));
	events_restore(true);
	state = state_of(sem);
	if ((uint32_t)state && change(sem, &state, state - 1 - ONE_WAITER))
		return 0;
	return sleep_again(sem, 0);
}

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict time)
{
	return wait_until_time(sem, CLOCK_REALTIME, time);
}

int sem_clockwait(sem_t *restrict sem, clockid_t clock, const struct timespec *restrict time)
{
	return wait_until_time(sem, clock, time);
}

int sem_trywait(sem_t *sem)
{
	return take(sem, 0) ? 0 : (int)posix_result(-EAGAIN);
}
