/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/spinlock.h"

#include "xen/hypercall.h"

/* Looks before a waiter gives its processor away. */
#define SPINS_MAX 1000u

/* Acquire: what the last holder wrote is seen from here on. */
static __attribute__((noinline)) void wait_for_turn(struct spinlock *lock, uint16_t ticket)
{
	unsigned int spins = 0;

	while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket) {
		cpu_relax();
		if (++spins % SPINS_MAX == 0)
			hypercall_sched_yield();
	}
}

void spin_lock(struct spinlock *lock)
{
	uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	if (__builtin_expect(__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket, 0))
		wait_for_turn(lock, ticket);
}

bool spin_trylock(struct spinlock *lock)
{
	uint16_t ticket = READ_ONCE(lock->owner);

	return __atomic_compare_exchange_n(&lock->next, &ticket, (uint16_t)(ticket + 1), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Only the holder writes owner. Release: what it wrote is seen by the next one. */
void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->owner, (uint16_t)(lock->owner + 1), __ATOMIC_RELEASE);
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
