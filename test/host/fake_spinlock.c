/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xen/spinlock.h on the host: threads of the host stand for vCPUs. It also watches the rules:
 * events are disabled while a lock is held, nobody takes one twice, and two locks are always taken
 * in the same order. Its own bookkeeping is relaxed atomics, so that it orders nothing for
 * ThreadSanitizer.
 */
#include "test/host/fake_spinlock.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "xen/spinlock.h"

#define LOCKS_MAX 128
#define HELD_MAX  8

static const struct spinlock *known[LOCKS_MAX];
static bool taken_after[LOCKS_MAX][LOCKS_MAX]; /* [first][then] */

static __thread struct spinlock *held[HELD_MAX];
static __thread unsigned int held_count;

static _Noreturn void fail(const char *what, const struct spinlock *lock)
{
	fprintf(stderr, "spinlock %p: %s\n", (const void *)lock, what);
	abort();
}

static unsigned int number_of(const struct spinlock *lock)
{
	for (unsigned int i = 0; i < LOCKS_MAX; i++) {
		const struct spinlock *none = NULL;

		if (__atomic_load_n(&known[i], __ATOMIC_RELAXED) == lock)
			return i;
		if (__atomic_compare_exchange_n(&known[i], &none, lock, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED) ||
		    none == lock)
			return i;
	}
	fail("one too many", lock);
}

static void watch(struct spinlock *lock)
{
	unsigned int number = number_of(lock);

	if (events_enabled())
		fail("taken with events enabled", lock);
	for (unsigned int i = 0; i < held_count; i++) {
		unsigned int first = number_of(held[i]);

		if (held[i] == lock)
			fail("taken twice", lock);
		if (__atomic_load_n(&taken_after[number][first], __ATOMIC_RELAXED))
			fail("taken in the wrong order", lock);
		__atomic_store_n(&taken_after[first][number], true, __ATOMIC_RELAXED);
	}
	if (held_count == HELD_MAX)
		fail("too many held", lock);
}

void spin_lock(struct spinlock *lock)
{
	watch(lock);
	while (__atomic_exchange_n(&lock->word, SPIN_LOCKED, __ATOMIC_ACQUIRE))
		sched_yield();
	held[held_count++] = lock;
}

bool spin_trylock(struct spinlock *lock)
{
	watch(lock);
	if (__atomic_exchange_n(&lock->word, SPIN_LOCKED, __ATOMIC_ACQUIRE))
		return false;
	held[held_count++] = lock;
	return true;
}

void spin_unlock(struct spinlock *lock)
{
	unsigned int at = 0;

	if (events_enabled())
		fail("held with events enabled", lock);
	while (at < held_count && held[at] != lock)
		at++;
	if (at == held_count)
		fail("unlocked without being held", lock);
	held[at] = held[--held_count];
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
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

void fake_spinlocks_release(void)
{
	while (held_count)
		spin_unlock(held[held_count - 1]);
}
