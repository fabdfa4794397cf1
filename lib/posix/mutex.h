/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes inside: what the bits of a pthread_mutex_t mean, and the steps conditions share with
 * them.
 *
 * The word is 0 when nobody has the mutex, else the owner's number (struct tcb's id) and flags.
 * Lock and unlock without contention are one compare-and-exchange each.
 *  MUTEX_WAITERS: somebody may sleep on the word: unlocking looks closer
 *  MUTEX_WOKEN: somebody was woken and has not looked yet: unlocking wakes nobody else. Set by the
 *   owner when it surely woke one, cleared by whoever was woken
 *  MUTEX_HANDOFF: one waiter, the heir, was woken in vain; it waits for the turn, and the next
 *   unlock gives the mutex to it. Without owner the mutex is reserved for it
 *  MUTEX_LOOKING: the heir does not sleep but looks, on a vCPU of its own. Until its turn is over
 *   the owner may let the mutex go and take it again; when it does not come back, the heir takes it
 *  MUTEX_RESERVED: the owner had it for long, and let it go for the one that was woken: whoever
 *   comes freshly does not take it
 * A thread that takes the mutex after a sleep sets MUTEX_WAITERS, because it cannot know how many
 * sleep still. Whoever runs may take a free mutex at once (that is what makes
 * contention cheap), until one that was woken finds it taken, or its turn is over: that is fair.
 * With an heir that looks, turns have one length, nobody else comes in between, and nobody has to
 * be woken at their ends.
 *
 * Unlocking touches the memory for the last time when it changes the word: another thread may free
 * the mutex as soon as it got it (POSIX.1-2017 pthread_mutex_destroy). Wake-ups go by address.
 */
#ifndef LIB_POSIX_MUTEX_H
#define LIB_POSIX_MUTEX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/posix/sync.h"
#include "lib/posix/tcb.h"

/* duster knows them too (duster/engine/threads.c, view_locks.c). */
#define MUTEX_WAITERS  0x80000000u
#define MUTEX_RESERVED 0x40000000u
#define MUTEX_WOKEN    0x20000000u
#define MUTEX_HANDOFF  0x10000000u
#define MUTEX_LOOKING  0x08000000u
#define MUTEX_OWNER    0x07ffffffu

/* Of the kind. 0 is a mutex whose lock and unlock are the word and nothing else. */
#define MUTEX_TYPE      0x3u /* PTHREAD_MUTEX_NORMAL … */
#define MUTEX_ROBUST    0x4u
#define MUTEX_INHERIT   0x8u
#define MUTEX_PROTECT   0x10u
#define MUTEX_DESTROYED 0x80000000u

/* Members that only robust ones and ones with a ceiling use, for all others: how sure it is that
 * who has it comes back at once, and in how many rounds one had its turn. mutex_word.c. */
#define MUTEX_TIGHT  __state
#define MUTEX_ROUNDS __ceiling

/* Of the state of a robust one. */
enum { MUTEX_CONSISTENT, MUTEX_DIED, MUTEX_INCONSISTENT, MUTEX_LOST };

static inline uint32_t mutex_load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline bool mutex_change(uint32_t *word, uint32_t old, uint32_t new)
{
	return __atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static inline uint32_t mutex_self(void)
{
	return tcb_id();
}

/* The two ways that are quick while others wait, and one of them was woken and has not come yet: it
 * will not miss anything. */
static inline bool mutex_take_awaited(pthread_mutex_t *mutex)
{
	uint32_t word = mutex_load(&mutex->__word);

	return (word & ~MUTEX_WAITERS) == MUTEX_WOKEN &&
	       mutex_change(&mutex->__word, word, word | mutex_self());
}

/* Only while the turn is surely not over. The running thread is the owner. */
static inline bool mutex_release_awaited(pthread_mutex_t *mutex)
{
	uint32_t word = mutex_load(&mutex->__word);
	struct tcb *self = tcb_self();

	if ((word & ~MUTEX_WAITERS) != (MUTEX_WOKEN | mutex_self()) || self->turn_of != mutex ||
	    self->turn_rounds + 1 >= self->turn_look ||
	    !mutex_change(&mutex->__word, word, word & ~MUTEX_OWNER))
		return false;
	self->turn_rounds++;
	return true;
}

/* All but the quick way. time NULL: no limit. Positive errors, as the functions of <pthread.h>. */
int mutex_lock_slow(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time);
int mutex_unlock_slow(pthread_mutex_t *mutex);

/* The word alone, of any mutex without inheritance. asleep: the caller slept on the word already.
 * 0, -ETIMEDOUT, -EINVAL. mutex_word_try(): -EBUSY. */
int mutex_word_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		    bool asleep);
int mutex_word_try(pthread_mutex_t *mutex);
void mutex_word_unlock(pthread_mutex_t *mutex);

/* Takes it again after a wait for a condition. 0, EOWNERDEAD, ENOTRECOVERABLE, … */
int mutex_relock(pthread_mutex_t *mutex);
/* The running thread has it and may let others sleep on its word: sets MUTEX_WAITERS. */
bool mutex_expect_waiters(pthread_mutex_t *mutex);

/* Unlocks it, whatever it is; the running thread is the owner. */
void mutex_let_go(pthread_mutex_t *mutex);

/* Kinds that are in a list of what their owner holds (mutex_held.c): robust ones, ceilings. These
 * are referred to weakly: pthread_mutex_init() brings them along.
 * Sets the kind of a fresh one. */
void mutex_init_listed(pthread_mutex_t *mutex, unsigned int kind, int ceiling);
/* After taking one: 0, EOWNERDEAD, or ENOTRECOVERABLE (it is released again). */
int mutex_taken(pthread_mutex_t *mutex);
/* Before and after releasing one. */
void mutex_releasing(pthread_mutex_t *mutex);
void mutex_released(void);
/* At the end of the thread: what it still holds, others learn of. */
void mutex_abandon(void);
/* The ceiling of one that the running thread holds has changed. */
void mutex_ceiling_changed(void);

#endif
