/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks for the kernel's own short sections, made for vCPUs that may lose their processor any
 * time. Who finds a lock taken queues for it by ticket; the first of the queue gets it next, and
 * newcomers may take it before only while that one is not there to take it: it has just begun to
 * wait, or slept. So it is fair as far as vCPUs run, and nobody waits for one that does not but for
 * the holder. Who waited for a while sleeps in SCHEDOP_poll until it is kicked.
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
	uint8_t word;  /* SPIN_* */
	uint16_t next; /* the ticket to be drawn */
	/* The queue: the ticket of its first (upper half), and how many of the others sleep. */
	uint32_t first_sleepers;
};

_Static_assert(sizeof(struct spinlock) == 8, "lib/posix keeps one in a pthread_rwlock_t");

#define SPIN_LOCKED 0x1u
#define SPIN_WANTED 0x2u /* the first of the queue is there: newcomers queue */
#define SPIN_ASLEEP 0x4u /* it sleeps: who unlocks kicks it */

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0, 0, 0                                                                            \
	}

/* Out of line: most places lock seldom, and a call is small. Events disabled by the caller. */
void spin_lock(struct spinlock *lock);
bool spin_trylock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* The slow paths, of xen/spinlock_slow.c: found taken; left with more than SPIN_LOCKED set. */
void spin_lock_wait(struct spinlock *lock);
void spin_unlock_kick(struct spinlock *lock);

/* The same inline, for the scheduler's shortest paths. On the host they are the functions, which
 * tests replace. Acquire: what the last holder wrote is seen from here on. */
static inline bool spin_take(struct spinlock *lock)
{
	uint8_t word = 0;

	return __atomic_compare_exchange_n(&lock->word, &word, SPIN_LOCKED, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* Release: what we wrote is seen by the next holder. Once it is free the lock is not touched any
 * more: the next holder may do away with it. */
static inline bool spin_give(struct spinlock *lock)
{
	uint8_t word = SPIN_LOCKED;

	return __atomic_compare_exchange_n(&lock->word, &word, 0, false, __ATOMIC_RELEASE,
					   __ATOMIC_RELAXED);
}

#ifdef __stardust__
static inline void spin_lock_inline(struct spinlock *lock)
{
	if (__builtin_expect(!spin_take(lock), 0))
		spin_lock_wait(lock);
}

static inline void spin_unlock_inline(struct spinlock *lock)
{
	if (__builtin_expect(!spin_give(lock), 0))
		spin_unlock_kick(lock);
}
#else
#define spin_lock_inline   spin_lock
#define spin_unlock_inline spin_unlock
#endif

/* save = spin_lock_events(lock); … spin_unlock_events(lock, save); */
bool spin_lock_events(struct spinlock *lock);
void spin_unlock_events(struct spinlock *lock, bool enabled_before);

#ifdef __stardust__
static inline bool spin_lock_events_inline(struct spinlock *lock)
{
	bool enabled = events_disable();

	spin_lock_inline(lock);
	return enabled;
}

static inline void spin_unlock_events_inline(struct spinlock *lock, bool enabled_before)
{
	spin_unlock_inline(lock);
	events_restore(enabled_before);
}
#else
#define spin_lock_events_inline   spin_lock_events
#define spin_unlock_events_inline spin_unlock_events
#endif

/* A vCPU gets what the slow path needs, before it comes up. 0 or -errno. */
int spin_vcpu_prepare(struct vcpu *vcpu);

/* Provided by xen/evtchn.c: the port, which stays masked, is not pending any more. */
void spin_kick_clear(evtchn_port_t port);

/* True when some vCPU holds it: for assertions. */
static inline bool spin_locked(const struct spinlock *lock)
{
	return READ_ONCE(lock->word) & SPIN_LOCKED;
}

#endif
