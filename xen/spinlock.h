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

/* The slow paths: until it is this ticket's turn; wakes the vCPU that sleeps for it. */
void spin_lock_wait(struct spinlock *lock, uint16_t ticket);
void spin_kick(const void *lock, uint16_t ticket);

/* One more in owner_sleepers' upper half; what overflows falls off. */
#define SPIN_OWNER_ONE 0x10000u

/* The same inline, for the scheduler's shortest paths. On the host they are the functions, which
 * tests replace. */
#ifdef __stardust__
static inline void spin_lock_inline(struct spinlock *lock)
{
	uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_ACQUIRE);

	if (__builtin_expect(*((volatile uint16_t *)&lock->owner_sleepers + 1) != ticket, 0))
		spin_lock_wait(lock, ticket);
	barrier();
}

static inline void spin_unlock_inline(struct spinlock *lock)
{
	uint32_t before =
		__atomic_fetch_add(&lock->owner_sleepers, SPIN_OWNER_ONE, __ATOMIC_SEQ_CST);

	if (__builtin_expect((uint16_t)before != 0, 0))
		spin_kick(lock, (uint16_t)(before / SPIN_OWNER_ONE + 1));
}
#else
#define spin_lock_inline   spin_lock
#define spin_unlock_inline spin_unlock
#endif

/* save = spin_lock_events(lock); … spin_unlock_events(lock, save); */
bool spin_lock_events(struct spinlock *lock);
void spin_unlock_events(struct spinlock *lock, bool enabled_before);

/* A vCPU gets what the slow path needs, before it comes up. 0 or -errno. */
int spin_vcpu_prepare(struct vcpu *vcpu);

/* Provided by xen/evtchn.c: the port, which stays masked, is not pending any more. */
void spin_kick_clear(evtchn_port_t port);

static inline uint16_t spin_owner(const struct spinlock *lock)
{
	return (uint16_t)(__atomic_load_n(&lock->owner_sleepers, __ATOMIC_SEQ_CST) /
			  SPIN_OWNER_ONE);
}

/* True when some vCPU holds it: for assertions. */
static inline bool spin_locked(const struct spinlock *lock)
{
	return READ_ONCE(lock->owner_sleepers) >> 16 != READ_ONCE(lock->next);
}

#endif
