/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for a mutex's word, and letting it go. mutex.h says what the bits mean. */
#include <errno.h>

#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

/* One who waits for a mutex. */
struct waiter {
	pthread_mutex_t *mutex;
	struct sync_limit limit;
	uint64_t since_ns;
	bool counted; /* in the mutex's waiters */
	bool woken;
};

static bool word_free(uint32_t word)
{
	return !(word & (MUTEX_OWNER | MUTEX_HANDOFF));
}

int mutex_word_try(pthread_mutex_t *mutex)
{
	uint32_t word = mutex_load(&mutex->__word);

	while (word_free(word)) {
		if (mutex_change(&mutex->__word, word, word | mutex_self()))
			return 0;
		word = mutex_load(&mutex->__word);
	}
	return -EBUSY;
}

/* The mutex is reserved for us as soon as its owner lets it go. */
static int wait_for_turn(struct waiter *waiter)
{
	pthread_mutex_t *mutex = waiter->mutex;
	int result = 0;

	while (!mutex_load(&mutex->__turn)) {
		uint32_t word = mutex_load(&mutex->__word);

		if (result == -ETIMEDOUT) {
			/* Without owner it is ours already, and the turn about to come. */
			if (!(word & MUTEX_OWNER))
				waiter->limit = SYNC_NEVER;
			else if (mutex_change(&mutex->__word, word, word & ~MUTEX_HANDOFF))
				return result;
			else
				continue;
		}
		result = sync_wait(&mutex->__turn, 0, waiter->limit, "mutex");
		if (result == -EINTR)
			sig_release();
	}
	mutex->__turn = 0;
	for (;;) {
		uint32_t word = mutex_load(&mutex->__word);
		uint32_t ours = (word & ~MUTEX_HANDOFF) | MUTEX_WAITERS | mutex_self();

		if (mutex_change(&mutex->__word, word, ours))
			return 0;
	}
}

static bool patience_over(struct waiter *waiter)
{
	uint64_t now = time_monotonic_ns();

	if (waiter->since_ns == 0)
		waiter->since_ns = now;
	return now - waiter->since_ns >= MUTEX_PATIENCE_NS;
}

/* Somebody has the mutex, with this word. 0: look again. 1: it is ours. */
static int wait_once(struct waiter *waiter, uint32_t word)
{
	pthread_mutex_t *mutex = waiter->mutex;
	uint32_t sleeping = (word | MUTEX_WAITERS) & ~MUTEX_WOKEN;
	int result;

	if (!waiter->counted) {
		__atomic_fetch_add(&mutex->__waiters, 1, __ATOMIC_SEQ_CST);
		waiter->counted = true;
	}
	if (patience_over(waiter) && waiter->woken && !(word & MUTEX_HANDOFF)) {
		if (!mutex_change(&mutex->__word, word, sleeping | MUTEX_HANDOFF))
			return 0;
		result = wait_for_turn(waiter);
		return result ? result : 1;
	}
	if (sleeping != word && !mutex_change(&mutex->__word, word, sleeping))
		return 0;
	result = sync_wait(&mutex->__word, sleeping, waiter->limit, "mutex");
	if (result == 0)
		waiter->woken = true;
	else if (result == -EINTR)
		sig_release();
	return result == -ETIMEDOUT ? result : 0;
}

int mutex_word_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		    bool asleep)
{
	struct waiter waiter = {.mutex = mutex, .limit = SYNC_NEVER, .woken = asleep};
	int result = 0;

	while (result == 0) {
		uint32_t word = mutex_load(&mutex->__word), ours = word | mutex_self();

		if (!word_free(word)) {
			/* The time is looked at only now: it does not matter before. */
			if (!waiter.counted && time)
				result = sync_limit_from(&waiter.limit, clock, time);
			if (result == 0)
				result = wait_once(&waiter, word);
			continue;
		}
		if (waiter.counted || waiter.woken)
			ours = (ours | MUTEX_WAITERS) & ~MUTEX_WOKEN;
		if (mutex_change(&mutex->__word, word, ours))
			result = 1;
	}
	if (waiter.counted)
		__atomic_fetch_sub(&mutex->__waiters, 1, __ATOMIC_SEQ_CST);
	return result > 0 ? 0 : result;
}

void mutex_word_unlock(pthread_mutex_t *mutex)
{
	uint32_t *sleepers = &mutex->__word;

	for (;;) {
		uint32_t word = mutex_load(&mutex->__word), waiters;

		if (word & MUTEX_HANDOFF) {
			if (!mutex_change(&mutex->__word, word, word & ~MUTEX_OWNER))
				continue;
			/* It has to see this before it may use the mutex, or free it. */
			sleepers = &mutex->__turn;
			__atomic_store_n(sleepers, 1, __ATOMIC_RELEASE);
			break;
		}
		waiters = __atomic_load_n(&mutex->__waiters, __ATOMIC_SEQ_CST);
		if (waiters && (word & MUTEX_WOKEN)) {
			if (mutex_change(&mutex->__word, word, word & ~MUTEX_OWNER))
				return;
			continue;
		}
		/* Without known waiters only those may sleep here that came from a condition: one
		 * of them is woken, and takes over what is to know. */
		if (mutex_change(&mutex->__word, word,
				 waiters ? (word & ~MUTEX_OWNER) | MUTEX_WOKEN : 0))
			break;
	}
	sync_wake(sleepers, 1);
}

bool mutex_expect_waiters(pthread_mutex_t *mutex)
{
	for (;;) {
		uint32_t word = mutex_load(&mutex->__word);

		if ((word & MUTEX_OWNER) != mutex_self())
			return false;
		if (mutex_change(&mutex->__word, word, (word | MUTEX_WAITERS) & ~MUTEX_WOKEN))
			return true;
	}
}
