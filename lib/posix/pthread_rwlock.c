/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read-write locks. Free of waiters, each operation is one compare-and-exchange of the word. Who
 * has to wait stands in a list, best first: by priority; real-time writers before readers of the
 * same priority (POSIX.1-2017 pthread_rwlock_rdlock), all others as they came. The lock is handed
 * to the first in the list, and to the readers right behind a reader. A new reader waits behind a
 * writer that waits, so that writers do not starve, unless it holds a read lock already: then the
 * writer may be waiting for it.
 *
 * Lock: the list's spinlock, in the object. RW_WAITERS is set while the list is not empty, and
 * changed under that lock only.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "core/thread.h"
#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

#define RW_WRITER  0x80000000u
#define RW_WAITERS 0x40000000u
#define RW_READERS 0x3fffffffu /* how many */

/* Stands on the stack of the thread that waits. */
struct rw_waiter {
	struct rw_waiter *next;
	uint32_t granted; /* futex; the last thing that is written to it */
	uint8_t priority;
	bool writer, listed;
};

_Static_assert(sizeof(struct spinlock) <= sizeof(((pthread_rwlock_t *)0)->__lock), "room");

static bool lock_list(pthread_rwlock_t *lock)
{
	return spin_lock_events((struct spinlock *)lock->__lock);
}

static void unlock_list(pthread_rwlock_t *lock, bool enabled)
{
	spin_unlock_events((struct spinlock *)lock->__lock, enabled);
}

static bool try_write(pthread_rwlock_t *lock)
{
	uint32_t word = mutex_load(&lock->__word);

	/* Waiters are served first: they have it without a moment in between. */
	if (word != 0 || !mutex_change(&lock->__word, 0, RW_WRITER))
		return false;
	__atomic_store_n(&lock->__writer, mutex_self(), __ATOMIC_RELAXED);
	return true;
}

/* past_waiters: also when others wait. -EBUSY, -EAGAIN for too many readers. */
static int try_read(pthread_rwlock_t *lock, bool past_waiters)
{
	uint32_t word = mutex_load(&lock->__word);

	while (!(word & RW_WRITER) && (past_waiters || !(word & RW_WAITERS))) {
		if ((word & RW_READERS) == RW_READERS)
			return -EAGAIN;
		if (mutex_change(&lock->__word, word, word + 1)) {
			tcb_self()->reads++;
			return 0;
		}
		word = mutex_load(&lock->__word);
	}
	return -EBUSY;
}

/* Whether one goes before two, which came earlier. */
static bool before(const struct rw_waiter *one, const struct rw_waiter *two)
{
	if (one->priority != two->priority)
		return one->priority > two->priority;
	return one->priority > 0 && one->writer && !two->writer;
}

static void insert(pthread_rwlock_t *lock, struct rw_waiter *waiter)
{
	struct rw_waiter **link = (struct rw_waiter **)&lock->__first;

	while (*link && !before(waiter, *link))
		link = &(*link)->next;
	waiter->next = *link;
	*link = waiter;
	waiter->listed = true;
	__atomic_or_fetch(&lock->__word, RW_WAITERS, __ATOMIC_ACQ_REL);
}

/* Hands the lock to whom it is due, and yields them as a list. The list is locked. */
static struct rw_waiter *grant(pthread_rwlock_t *lock)
{
	struct rw_waiter *granted = NULL, **last = &granted, *first;

	while ((first = lock->__first) != NULL) {
		uint32_t word = mutex_load(&lock->__word);

		if ((word & RW_WRITER) || (first->writer && (word & RW_READERS)) ||
		    (word & RW_READERS) == RW_READERS)
			break;
		if (!mutex_change(&lock->__word, word, first->writer ? word | RW_WRITER : word + 1))
			continue;
		lock->__first = first->next;
		first->listed = false;
		first->next = NULL;
		*last = first;
		last = &first->next;
	}
	if (!lock->__first)
		__atomic_and_fetch(&lock->__word, ~RW_WAITERS, __ATOMIC_ACQ_REL);
	return granted;
}

static void wake_granted(struct rw_waiter *granted)
{
	while (granted) {
		struct rw_waiter *next = granted->next;

		__atomic_store_n(&granted->granted, 1, __ATOMIC_RELEASE);
		sync_wake(&granted->granted, 1);
		granted = next;
	}
}

/* The time is over: out of the list. False when it was granted meanwhile. */
static bool give_up(pthread_rwlock_t *lock, struct rw_waiter *waiter)
{
	struct rw_waiter **link = (struct rw_waiter **)&lock->__first, *granted;
	bool enabled = lock_list(lock), listed = waiter->listed;

	if (listed) {
		while (*link != waiter)
			link = &(*link)->next;
		*link = waiter->next;
	}
	/* Readers may have waited behind this writer. */
	granted = grant(lock);
	unlock_list(lock, enabled);
	wake_granted(granted);
	return listed;
}

/* 0, -ETIMEDOUT. */
static int sleep_for(pthread_rwlock_t *lock, struct rw_waiter *waiter, struct sync_limit limit)
{
	while (!mutex_load(&waiter->granted)) {
		int result = sync_wait(&waiter->granted, 0, limit, "rwlock");

		if (result == -EINTR && sync_release())
			limit = SYNC_PAST;
		if (result == -ETIMEDOUT) {
			if (give_up(lock, waiter))
				return result;
			limit = SYNC_NEVER;
		}
	}
	return 0;
}

static int lock_slow(pthread_rwlock_t *lock, bool writer, clockid_t clock,
		     const struct timespec *time)
{
	struct rw_waiter waiter = {.writer = writer, .priority = thread_self()->priority};
	struct sync_limit limit;
	struct rw_waiter *granted;
	bool enabled;
	int result;

	if (__atomic_load_n(&lock->__writer, __ATOMIC_RELAXED) == mutex_self())
		return EDEADLK;
	if (sync_limit_from(&limit, clock, time))
		return EINVAL;
	enabled = lock_list(lock);
	insert(lock, &waiter);
	/* It may have become free since the quick way failed. */
	granted = grant(lock);
	unlock_list(lock, enabled);
	wake_granted(granted);
	result = sleep_for(lock, &waiter, limit);
	if (result) {
		sync_cancel_look();
		return -result;
	}
	if (writer)
		__atomic_store_n(&lock->__writer, mutex_self(), __ATOMIC_RELAXED);
	else
		tcb_self()->reads++;
	return 0;
}

static int read_lock(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time)
{
	int result = try_read(lock, tcb_self()->reads > 0);

	return result == -EBUSY ? lock_slow(lock, false, clock, time) : -result;
}

static int write_lock(pthread_rwlock_t *lock, clockid_t clock, const struct timespec *time)
{
	return try_write(lock) ? 0 : lock_slow(lock, true, clock, time);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	return read_lock(lock, CLOCK_REALTIME, NULL);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	return write_lock(lock, CLOCK_REALTIME, NULL);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict lock,
			       const struct timespec *restrict time)
{
	return read_lock(lock, CLOCK_REALTIME, time);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict lock,
			       const struct timespec *restrict time)
{
	return write_lock(lock, CLOCK_REALTIME, time);
}

int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict lock, clockid_t clock,
			       const struct timespec *restrict time)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return read_lock(lock, clock, time);
}

int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict lock, clockid_t clock,
			       const struct timespec *restrict time)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return write_lock(lock, clock, time);
}

int pthread_rwlock_tryrdlock(pthread_rwlock_t *lock)
{
	return -try_read(lock, tcb_self()->reads > 0);
}

int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
	return try_write(lock) ? 0 : EBUSY;
}

/* Without waiters: one exchange, after which the lock may be gone. */
static bool try_unlock(pthread_rwlock_t *lock, bool writer)
{
	uint32_t word = mutex_load(&lock->__word);

	while (!(word & RW_WAITERS)) {
		if (mutex_change(&lock->__word, word, writer ? 0 : word - 1))
			return true;
		word = mutex_load(&lock->__word);
	}
	return false;
}

/* With them: they need the lock yet, so it lives. False when there is none any more. */
static bool unlock_for_waiters(pthread_rwlock_t *lock, bool writer)
{
	struct rw_waiter *granted;
	bool enabled = lock_list(lock);

	if (!lock->__first) {
		unlock_list(lock, enabled);
		return false;
	}
	__atomic_sub_fetch(&lock->__word, writer ? RW_WRITER : 1, __ATOMIC_ACQ_REL);
	granted = grant(lock);
	unlock_list(lock, enabled);
	wake_granted(granted);
	return true;
}

int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
	uint32_t word = mutex_load(&lock->__word);
	bool writer = word & RW_WRITER;

	if (writer) {
		if (__atomic_load_n(&lock->__writer, __ATOMIC_RELAXED) != mutex_self())
			return EPERM;
		__atomic_store_n(&lock->__writer, 0, __ATOMIC_RELAXED);
	} else {
		if (!(word & RW_READERS))
			return EINVAL;
		tcb_self()->reads--;
	}
	while (!try_unlock(lock, writer) && !unlock_for_waiters(lock, writer))
		;
	return 0;
}

int pthread_rwlock_init(pthread_rwlock_t *restrict lock, const pthread_rwlockattr_t *restrict attr)
{
	(void)attr;
	*lock = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
	return 0;
}

int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
	/* One that is merely locked goes with its memory. */
	return mutex_load(&lock->__word) & RW_WAITERS ? EBUSY : 0;
}
