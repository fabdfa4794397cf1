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
/* Parts of a turn after which the heir believes that an owner who let the mutex go does not come
 * back, and that one who has it keeps it for long, or lost its processor. */
#define GONE_OF_TURN  64
#define STUCK_OF_TURN 8
/* And so many looks that all saw the same: each may miss what happens in between. */
#define SAME_LOOKS 16

/* So many turns the owner has at most until somebody it woke arrives on another vCPU. */
#define TURNS_TO_WAKE 4

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

static uint64_t turn_length(void)
{
	return sched_slice_ticks / TURNS_OF_SLICE;
}

/* What an heir that looks has come to. */
enum look { LOOK_TAKEN, LOOK_GIVEN, LOOK_UPCALL, LOOK_OVER };

/* We are the heir and look, until we have the mutex or it is not worth it any more. Events are
 * disabled, so that nobody takes our vCPU while all others rely on us. */
static enum look look(pthread_mutex_t *mutex)
{
	uint64_t begin = cpu_rdtsc(), now = begin, since = begin;
	uint32_t seen = mutex_load(&mutex->__word);
	unsigned int looks = 0;

	for (;; cpu_relax(), now = cpu_rdtsc()) {
		uint32_t word = mutex_load(&mutex->__word);
		bool is_free = !(word & MUTEX_OWNER), stuck;

		if (mutex_load(&mutex->__turn))
			return LOOK_GIVEN;
		/* Its owner is giving it to us, and cannot lose its processor to a thread. */
		if (!(word & MUTEX_LOOKING))
			continue;
		if (word != seen) {
			since = now;
			looks = 0;
		}
		seen = word;
		looks++;
		stuck = (now - since >= turn_length() / STUCK_OF_TURN && looks >= SAME_LOOKS) ||
			now - begin >= 2 * turn_length();
		if (is_free && now - since >= turn_length() / GONE_OF_TURN && looks >= SAME_LOOKS) {
			if (mutex_change(&mutex->__word, word,
					 (word & ~(MUTEX_HANDOFF | MUTEX_LOOKING)) | MUTEX_WAITERS |
						 mutex_self()))
				return LOOK_TAKEN;
		} else if (!is_free && (stuck || READ_ONCE(VCPU(info.evtchn_upcall_pending)))) {
			if (mutex_change(&mutex->__word, word, word & ~MUTEX_LOOKING))
				return stuck ? LOOK_OVER : LOOK_UPCALL;
		}
	}
}

/* From word, which somebody owns, we become the heir with these bits, and look if that is better
 * than sleeping. False: the word was another one. */
static bool become_heir(pthread_mutex_t *mutex, uint32_t word, uint32_t heir, enum look *look_out)
{
	bool enabled = events_disable(), looks, done;

	looks = sched_may_spin && sched_may_spin() && thread_self()->policy == THREAD_OTHER;
	done = mutex_change(&mutex->__word, word, looks ? heir | MUTEX_LOOKING : heir);
	*look_out = done && looks ? look(mutex) : LOOK_OVER;
	events_restore(enabled);
	return done;
}

/* The mutex is reserved for us as soon as its owner lets it go. */
static int wait_for_turn(struct waiter *waiter, enum look looked)
{
	pthread_mutex_t *mutex = waiter->mutex;
	int result = 0;

	while (looked == LOOK_UPCALL) {
		uint32_t word = mutex_load(&mutex->__word);

		looked = LOOK_OVER;
		if (word & MUTEX_OWNER)
			become_heir(mutex, word, word, &looked);
	}
	if (looked == LOOK_TAKEN)
		return 0;
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
	uint32_t sleeping = word | MUTEX_WAITERS;
	struct sync_limit limit;
	enum look looked;
	int result;

	if (!waiter->counted) {
		__atomic_fetch_add(&mutex->__waiters, 1, __ATOMIC_SEQ_CST);
		waiter->counted = true;
	}
	/* If it was for us, it is not any more. */
	if (waiter->woken)
		sleeping &= ~MUTEX_WOKEN;
	/* Woken in vain once is enough: the next time it is handed over. */
	if (waiter->woken && !(word & MUTEX_HANDOFF)) {
		if (!become_heir(mutex, word, sleeping | MUTEX_HANDOFF, &looked))
			return 0;
		result = wait_for_turn(waiter, looked);
		return result ? result : 1;
	}
	if (sleeping != word && !mutex_change(&mutex->__word, word, sleeping))
		return 0;
	limit = waiter->limit;
	/* Somebody else is the heir. */
	if (waiter->woken)
		limit.flags |= FUTEX_FIRST;
	result = sync_wait(&mutex->__word, sleeping, limit, "mutex");
	if (result == 0)
		waiter->woken = true;
	else if (result == -EINTR)
		was_interrupted(waiter);
	return result == -ETIMEDOUT ? result : 0;
}

static void begin_turn(const pthread_mutex_t *mutex)
{
	struct tcb *self = tcb_self();

	self->turn_of = mutex;
	self->turn_ticks = cpu_rdtsc();
}

int mutex_word_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		    bool asleep)
{
	struct waiter waiter = {
		.mutex = mutex, .limit = SYNC_NEVER, .woken = asleep, .relocks = asleep};
	int result = 0;

	while (result == 0) {
		uint32_t word = mutex_load(&mutex->__word), ours = word | mutex_self();

		/* We let it go a moment ago, and the heir leaves it to us until our turn ends. */
		if ((word & (MUTEX_LOOKING | MUTEX_OWNER)) == MUTEX_LOOKING &&
		    tcb_self()->turn_of == mutex) {
			if (mutex_change(&mutex->__word, word, ours))
				break;
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
		begin_turn(mutex);
	}
	return result > 0 ? 0 : result;
}

/* Somebody waits for what the running thread has, which had its turn: after a while of being lucky
 * it goes to the end of the queue. A real-time thread gives way to its betters alone. */
static bool turn_over(const pthread_mutex_t *mutex, unsigned int turns)
{
	struct tcb *self = tcb_self();

	if (self->turn_of != mutex)
		begin_turn(mutex);
	return &sched_slice_ticks && self->thread->policy == THREAD_OTHER &&
	       cpu_rdtsc() - self->turn_ticks >= turns * turn_length();
}

/* Lets it go for the heir. Events disabled: one that looks relies on us not to leave in between. */
static bool let_go_turn(pthread_mutex_t *mutex, uint32_t word)
{
	uint32_t *turn = &mutex->__turn;

	if (!mutex_change(&mutex->__word, word, word & ~(MUTEX_OWNER | MUTEX_LOOKING)))
		return false;
	/* It has to see this before it may use the mutex, or free it. */
	__atomic_store_n(turn, 1, __ATOMIC_RELEASE);
	if (!(word & MUTEX_LOOKING))
		sync_wake(turn, 1);
	tcb_self()->turn_of = NULL;
	return true;
}

/* Wakes one while the mutex is ours still, so that MUTEX_WOKEN says what is so. */
static void wake_owning(pthread_mutex_t *mutex, uint32_t word)
{
	if (mutex_change(&mutex->__word, word, word | MUTEX_WOKEN) &&
	    sync_wake(&mutex->__word, 1) == 0)
		__atomic_fetch_and(&mutex->__word, ~MUTEX_WOKEN, __ATOMIC_ACQ_REL);
}

enum let_go { LET_GO, LET_GO_AND_WAKE, LET_GO_NOT };

/* One step; LET_GO_NOT: once more. Events disabled. */
static enum let_go let_go(pthread_mutex_t *mutex, bool *tried)
{
	uint32_t word = mutex_load(&mutex->__word), next = word & ~MUTEX_OWNER;
	enum let_go result = LET_GO;

	if ((word & MUTEX_LOOKING) && tcb_self()->thread->policy == THREAD_OTHER &&
	    !turn_over(mutex, 1)) {
		/* Nobody sleeps that has to know, and it may be ours again. */
	} else if (word & MUTEX_HANDOFF) {
		return let_go_turn(mutex, word) ? LET_GO : LET_GO_NOT;
	} else if (!__atomic_load_n(&mutex->__waiters, __ATOMIC_SEQ_CST)) {
		/* Without known waiters only those may sleep here that came from a condition: one
		 * of them is woken, and takes over what is to know. */
		next = 0;
		result = LET_GO_AND_WAKE;
	} else if (word & MUTEX_WOKEN) {
		/* It is ready behind us, or still on its way to another processor. */
		if (turn_over(mutex, sched_may_spin && sched_may_spin() ? TURNS_TO_WAKE : 1))
			next |= MUTEX_RESERVED;
	} else if (!*tried) {
		*tried = true;
		wake_owning(mutex, word);
		return LET_GO_NOT;
	} else {
		/* Whoever is awake, or about to sleep, must not miss it. */
		result = LET_GO_AND_WAKE;
	}
	return mutex_change(&mutex->__word, word, next) ? result : LET_GO_NOT;
}

void mutex_word_unlock(pthread_mutex_t *mutex)
{
	uint32_t *sleepers = &mutex->__word;
	bool enabled = events_disable(), tried = false;
	enum let_go result;

	do
		result = let_go(mutex, &tried);
	while (result == LET_GO_NOT);
	events_restore(enabled);
	if (result == LET_GO_AND_WAKE)
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
