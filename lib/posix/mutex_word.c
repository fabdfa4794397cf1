/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for a mutex's word, and letting it go. mutex.h says what the bits mean. */
#include <errno.h>

#include "arch/x86_64/cpu.h"
#include "core/sched.h"
#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

#pragma weak sched_slice_ticks

/* So many turns of threads that want the same mutex make a slice. */
#define TURNS_OF_SLICE 128

/* One who waits for a mutex. */
struct waiter {
	pthread_mutex_t *mutex;
	struct sync_limit limit;
	bool counted; /* in the mutex's waiters */
	bool woken;
	bool relocks; /* after a condition */
};

static void was_interrupted(struct waiter *waiter)
{
	if (sync_release() && !waiter->relocks)
		waiter->limit = SYNC_PAST;
}

/* woken: for one that slept already. */
static bool word_free(uint32_t word, bool woken)
{
	return !(word & (MUTEX_OWNER | MUTEX_HANDOFF)) && (woken || !(word & MUTEX_RESERVED));
}

int mutex_word_try(pthread_mutex_t *mutex)
{
	uint32_t word = mutex_load(&mutex->__word);

	while (word_free(word, false)) {
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
			was_interrupted(waiter);
	}
	mutex->__turn = 0;
	for (;;) {
		uint32_t word = mutex_load(&mutex->__word);
		uint32_t ours =
			(word & ~(MUTEX_HANDOFF | MUTEX_RESERVED)) | MUTEX_WAITERS | mutex_self();

		if (mutex_change(&mutex->__word, word, ours))
			return 0;
	}
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
	/* Woken in vain once is enough: the next time it is handed over. */
	if (waiter->woken && !(word & MUTEX_HANDOFF)) {
		if (!mutex_change(&mutex->__word, word, sleeping | MUTEX_HANDOFF))
			return 0;
		result = wait_for_turn(waiter);
		return result ? result : 1;
	}
	if (sleeping != word && !mutex_change(&mutex->__word, word, sleeping))
		return 0;
	result = sync_wait(&mutex->__word, sleeping, waiter->limit, "mutex");
	/* Also when it was just let go: whoever tried to sleep may take what is reserved. */
	if (result == 0 || result == -EAGAIN)
		waiter->woken = true;
	else if (result == -EINTR)
		was_interrupted(waiter);
	return result == -ETIMEDOUT ? result : 0;
}

int mutex_word_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		    bool asleep)
{
	struct waiter waiter = {
		.mutex = mutex, .limit = SYNC_NEVER, .woken = asleep, .relocks = asleep};
	int result = 0;

	while (result == 0) {
		uint32_t word = mutex_load(&mutex->__word), ours = word | mutex_self();

		/* Its owner is about to let it go for us, and cannot lose its processor to us. */
		if (waiter.woken && (word & MUTEX_RESERVED) && (word & MUTEX_OWNER)) {
			cpu_relax();
			continue;
		}
		if (!word_free(word, waiter.woken)) {
			/* The time is looked at only now: it does not matter before. */
			if (!waiter.counted && time)
				result = sync_limit_from(&waiter.limit, clock, time);
			if (result == 0)
				result = wait_once(&waiter, word);
			continue;
		}
		if (waiter.counted || waiter.woken)
			ours = (ours | MUTEX_WAITERS) & ~(MUTEX_WOKEN | MUTEX_RESERVED);
		if (mutex_change(&mutex->__word, word, ours))
			result = 1;
	}
	if (waiter.counted) {
		__atomic_fetch_sub(&mutex->__waiters, 1, __ATOMIC_SEQ_CST);
		tcb_self()->turn_ticks = cpu_rdtsc();
	}
	return result > 0 ? 0 : result;
}

/* Somebody waits for what the running thread has. Whoever was woken may be ready behind it, or on a
 * vCPU without processor: after a while of being lucky it goes to the end of the queue. A
 * real-time thread gives way to its betters alone. */
static bool turn_over(void)
{
	struct tcb *self = tcb_self();
	uint64_t now = cpu_rdtsc();

	if (self->turn_ticks == 0)
		self->turn_ticks = now;
	return &sched_slice_ticks && self->thread->policy == THREAD_OTHER &&
	       now - self->turn_ticks >= sched_slice_ticks / TURNS_OF_SLICE;
}

/* Lets it go for one of the sleepers alone. False when none sleeps, or one waits for its turn: we
 * have it still. Whoever is woken finds it reserved, and waits until we have let it go. */
static bool let_go_reserved(pthread_mutex_t *mutex, uint32_t word)
{
	bool enabled = events_disable(), woken;

	if (!mutex_change(&mutex->__word, word, word | MUTEX_RESERVED)) {
		events_restore(enabled);
		return false;
	}
	woken = sync_wake(&mutex->__word, 1) > 0;
	if (woken)
		tcb_self()->turn_ticks = 0;
	/* The last thing done to it, when somebody was woken. */
	__atomic_fetch_and(&mutex->__word, woken ? ~MUTEX_OWNER : ~MUTEX_RESERVED,
			   __ATOMIC_ACQ_REL);
	events_restore(enabled);
	return woken;
}

/* Lets it go for the one that waits for its turn. */
static bool let_go_turn(pthread_mutex_t *mutex, uint32_t word)
{
	uint32_t *turn = &mutex->__turn;

	if (!mutex_change(&mutex->__word, word, word & ~MUTEX_OWNER))
		return false;
	/* It has to see this before it may use the mutex, or free it. */
	__atomic_store_n(turn, 1, __ATOMIC_RELEASE);
	sync_wake(turn, 1);
	return true;
}

void mutex_word_unlock(pthread_mutex_t *mutex)
{
	uint32_t *sleepers = &mutex->__word;
	bool may_reserve = true;

	for (;;) {
		uint32_t word = mutex_load(&mutex->__word), waiters;

		if (word & MUTEX_HANDOFF) {
			if (let_go_turn(mutex, word))
				return;
			continue;
		}
		waiters = __atomic_load_n(&mutex->__waiters, __ATOMIC_SEQ_CST);
		if (waiters && may_reserve && turn_over()) {
			if (let_go_reserved(mutex, word))
				return;
			may_reserve = false;
			continue;
		}
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
