/* SPDX-License-Identifier: BSD-2-Clause */
/* The fast path. With one vCPU no lock is ever found taken, so the slow one (spinlock_slow.c) is
 * linked with the other vCPUs. */
#include "xen/spinlock.h"

#pragma weak spin_lock_wait
#pragma weak spin_unlock_kick

void spin_lock(struct spinlock *lock)
{
	if (__builtin_expect(!spin_take(lock), 0))
		spin_lock_wait(lock);
}

bool spin_trylock(struct spinlock *lock)
{
	return spin_take(lock);
}

void spin_unlock(struct spinlock *lock)
{
	if (__builtin_expect(!spin_give(lock), 0))
		spin_unlock_kick(lock);
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
