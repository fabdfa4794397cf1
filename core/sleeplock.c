/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/sleeplock.h"

#include "core/futex.h"
#include "lib/base/error.h"

#pragma weak futex_wait
#pragma weak futex_wake

/* After Drepper, "Futexes are tricky" (2011), mutex 2: a thread that has waited takes the lock as
 * one that others may wait for, since it cannot know. */
int sleeplock_lock_until(struct sleeplock *lock, uint64_t deadline_ns, bool interruptible,
			 const char *what)
{
	int result = 0;

	if (sleeplock_trylock(lock))
		return 0;
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
		if (result == -ETIMEDOUT || result == -EINTR)
			return result;
		result = futex_wait(&lock->word, 2, deadline_ns,
				    interruptible ? FUTEX_INTERRUPTIBLE : 0, what);
	}
	return 0;
}

void sleeplock_lock(struct sleeplock *lock)
{
	(void)sleeplock_lock_until(lock, TIME_NEVER, false, "kernel lock");
}

void sleeplock_unlock(struct sleeplock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2 && futex_wake)
		(void)futex_wake(&lock->word, 1);
}
