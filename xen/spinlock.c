/* SPDX-License-Identifier: BSD-2-Clause */
/* The fast path. With one vCPU no lock is ever found taken, so the slow one (spinlock_slow.c) is
 * linked with the other vCPUs. */
#include "xen/spinlock.h"

#pragma weak spin_lock_wait
#pragma weak spin_kick

/* Acquire: what the last holder wrote is seen from here on. */
void spin_lock(struct spinlock *lock)
{
	uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_ACQUIRE);

	if (__builtin_expect(spin_owner(lock) != ticket, 0))
		spin_lock_wait(lock, ticket);
}

bool spin_trylock(struct spinlock *lock)
{
	uint16_t ticket = spin_owner(lock);

	return __atomic_compare_exchange_n(&lock->next, &ticket, (uint16_t)(ticket + 1), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Release: what we wrote is seen by the next holder. */
void spin_unlock(struct spinlock *lock)
{
	uint32_t before =
		__atomic_fetch_add(&lock->owner_sleepers, SPIN_OWNER_ONE, __ATOMIC_SEQ_CST);

	if (__builtin_expect((uint16_t)before != 0, 0))
		spin_kick(lock, (uint16_t)(before / SPIN_OWNER_ONE + 1));
}

bool spin_lock_events(struct spinlock *lock)
{
	bool enabled = events_disable();

	spin_lock(lock);
	return enabled;
}

void spin_unlock_events(struct spinlock *lock, bool enabled_before)
{
	spin_unlock(lock);
	events_restore(enabled_before);
}
