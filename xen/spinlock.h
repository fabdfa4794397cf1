/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks for the kernel's own short sections: fair (tickets), and aware that the vCPU which
 * holds the lock, or whose turn it is, may have lost its processor: a waiter that spun for a while
 * sleeps in SCHEDOP_poll until the one before it kicks its event channel.
 *
 * Events are disabled while a spinlock is held, by the caller or by the _events variants; so a
 * thread that holds one is never preempted by ours, and a handler never finds it held by its own
 * vCPU. Nothing blocks while holding one. Any context. Programs never see these locks: theirs
 * sleep.
 */
#ifndef XEN_SPINLOCK_H
#define XEN_SPINLOCK_H

#include "xen/vcpu.h"

struct spinlock {
	/* The ticket being served (upper half), and how many vCPUs wait asleep. */
	uint32_t owner_sleepers;
	uint16_t next; /* the ticket to be drawn */
};

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0, 0                                                                               \
	}

/* Out of line: most places lock seldom, and a call is small. Events disabled by the caller. */
void spin_lock(struct spinlock *lock);
bool spin_trylock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* save = spin_lock_events(lock); … spin_unlock_events(lock, save); */
bool spin_lock_events(struct spinlock *lock);
void spin_unlock_events(struct spinlock *lock, bool enabled_before);

/* Provided by xen/evtchn.c: the port, which stays masked, is not pending any more. */
void spin_kick_clear(evtchn_port_t port);

/* True when some vCPU holds it: for assertions. */
static inline bool spin_locked(const struct spinlock *lock)
{
	return READ_ONCE(lock->owner_sleepers) >> 16 != READ_ONCE(lock->next);
}

#endif
