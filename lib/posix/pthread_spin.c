/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spin locks of programs. The owner may have lost its processor, to a thread of ours or to another
 * domain, so nobody spins for long: then it sleeps. The word is 0, or the owner's number with
 * SPIN_SLEEPERS when somebody may sleep.
 */
#include <errno.h>
#include <pthread.h>

#include "arch/x86_64/cpu.h"
#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

#define SPIN_SLEEPERS 0x80000000u
#define SPIN_ROUNDS   200

int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
	(void)shared;
	*lock = 0;
	return 0;
}

int pthread_spin_destroy(pthread_spinlock_t *lock)
{
	return mutex_load(lock) ? EBUSY : 0;
}

int pthread_spin_trylock(pthread_spinlock_t *lock)
{
	return mutex_change(lock, 0, mutex_self()) ? 0 : EBUSY;
}

static void sleep_for(pthread_spinlock_t *lock)
{
	for (;;) {
		uint32_t word = mutex_load(lock);

		if (word == 0) {
			if (mutex_change(lock, 0, mutex_self() | SPIN_SLEEPERS))
				return;
		} else if ((word & SPIN_SLEEPERS) ||
			   mutex_change(lock, word, word | SPIN_SLEEPERS)) {
			if (sync_wait(lock, word | SPIN_SLEEPERS, SYNC_NEVER, "spin lock") ==
				    -EINTR &&
			    sync_release())
				sync_cancel_look();
		}
	}
}

int pthread_spin_lock(pthread_spinlock_t *lock)
{
	if (mutex_change(lock, 0, mutex_self()))
		return 0;
	if ((mutex_load(lock) & ~SPIN_SLEEPERS) == mutex_self())
		return EDEADLK;
	for (int i = 0; i < SPIN_ROUNDS; i++) {
		if (mutex_load(lock) == 0 && mutex_change(lock, 0, mutex_self()))
			return 0;
		cpu_relax();
	}
	sleep_for(lock);
	return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *lock)
{
	if (mutex_load(lock) == 0)
		return EPERM;
	if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) & SPIN_SLEEPERS)
		sync_wake(lock, 1);
	return 0;
}
