/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one primitive under mutexes, conditions, semaphores, barriers, read-write locks: wait while a
 * word of memory has a value, wake who waits for the word. Waiters stand in a table hashed by the
 * word's address; the word's owner changes it atomically and calls here only when somebody waits.
 *
 * Waiters of one word are woken by priority, then in the order they came. Nothing is kept for a
 * word nobody waits for, and the memory may go when no thread waits.
 * After Linux's futex(2), within one address space.
 */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

#define FUTEX_INTERRUPTIBLE 0x1u /* -EINTR when the thread is interrupted */
#define FUTEX_WALL          0x2u /* deadline_ns is wall-clock time, and follows when that is set */
#define FUTEX_FIRST         0x4u /* woken before others of its priority: it waited already */

#define FUTEX_ALL UINT32_MAX

/* Waits while *word == expected. 0 when woken, -EAGAIN when the value was another one, -ETIMEDOUT,
 * -EINTR. deadline_ns: TIME_NEVER for none; one that has passed is -ETIMEDOUT at once, if the value
 * is as expected. A waiter that was moved to another word waits on without deadline and without
 * interruption until it is woken there. what: for reports, "mutex"…. Thread context. */
int futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, unsigned int flags,
	       const char *what);
/* The same without deadline and interruptible: the shortest way. Events disabled before and after.
 */
int futex_sleep(const uint32_t *word, uint32_t expected, const char *what);
/* Wakes at most count waiters; yields how many. Any context. */
unsigned int futex_wake(const uint32_t *word, unsigned int count);
/* Wakes one waiter, who is of no use until the running thread waits or lets something more go: it
 * stays behind it for a moment, if nobody else waits for this vCPU. Thread context. */
unsigned int futex_wake_behind(const uint32_t *word);
/* If *word == expected, wakes at most wake_count waiters of it and makes at most move_count others
 * wait for *to instead. -EAGAIN when the value was another one, else how many were woken or moved.
 */
int futex_requeue(const uint32_t *word, uint32_t expected, unsigned int wake_count,
		  const uint32_t *to, unsigned int move_count);

/* Locks with priority inheritance. The word is 0 when free, else the owner's thread id, with
 * FUTEX_WAITERS when somebody waits. The caller takes a free one by compare-and-exchange of its own
 * and comes here only when that failed; it releases it the same way unless FUTEX_WAITERS is set.
 * The bits of FUTEX_KEPT are the caller's, FUTEX_OWNER_DIED as well: they stay as they are. */
#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_KEPT       0x78000000u
#define FUTEX_OWNER_MASK 0x07ffffffu
/* While a thread waits, the owner runs with at least its priority, and so on along the chain.
 * 0: it is ours. -ETIMEDOUT, -EINTR (FUTEX_INTERRUPTIBLE), -EDEADLK (we own it, or a chain of
 * owners leads back to us), -ESRCH: the owner is gone and left it locked. Thread context. */
int futex_lock_pi(uint32_t *word, uint64_t deadline_ns, unsigned int flags, const char *what);
/* Hands the lock to the first waiter. -EPERM when the running thread does not own it. */
int futex_unlock_pi(uint32_t *word);

#endif
