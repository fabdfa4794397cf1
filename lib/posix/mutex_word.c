/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for a mutex's word, and letting it go. mutex.h says what the bits mean. */
#include <errno.h>
#include <limits.h>

#include "arch/x86_64/cpu.h"
#include "core/sched.h"
#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

#pragma weak sched_slice_ticks

/* So many turns of threads that want the same mutex make a slice. */
#define TURNS_OF_SLICE 67
/* So many it lasts at most for one that does less in the same time than others. */
#define TURNS_OF_SLOW 3
/* So many turns the owner has at most until somebody it woke comes, unless that one runs next. */
#define TURNS_TO_WAKE 8
/* And so many times may it be taken and let go in a slice at least that others wait for it best
 * where its owner runs: waking one on another processor, and having the memory there, costs more
 * than what can be done at the same time. */
#define ROUNDS_OF_SLICE 4096
/* So many looks at the clock have to say otherwise: the processor may have been away. */
#define TIGHT_LOOKS 3
#define ROUNDS_SURE 4  /* fewer say nothing about what comes */
#define ROUNDS_MAX  32 /* between two looks at the clock */
/* Parts of a turn after which the heir believes that an owner who let the mutex go does not come
 * back, and that one who has it keeps it for long, or lost its processor. */
#define GONE_OF_TURN  64
#define STUCK_OF_TURN 8
/* And so many looks that all saw the same: each may miss what happens in between. */
#define SAME_LOOKS 16

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

/* What is known of those who have it; robust ones and ones with a ceiling have no room for that.
 * Written by the owner. */
static bool is_known(const pthread_mutex_t *mutex)
{
	return !(mutex->__kind & (MUTEX_ROBUST | MUTEX_PROTECT));
}

/* Threads take it again and again without doing much else. */
static bool is_tight(const pthread_mutex_t *mutex)
{
	return is_known(mutex) && __atomic_load_n(&mutex->MUTEX_TIGHT, __ATOMIC_RELAXED) > 0;
}

/* The owner has seen that it is so, or is not. */
static void learn(pthread_mutex_t *mutex, bool tight)
{
	short known = mutex->MUTEX_TIGHT;

	if (!is_known(mutex))
		return;
	if (known != TIGHT_LOOKS && tight)
		__atomic_store_n(&mutex->MUTEX_TIGHT, TIGHT_LOOKS, __ATOMIC_RELAXED);
	else if (known > 0 && !tight)
		__atomic_store_n(&mutex->MUTEX_TIGHT, (short)(known - 1), __ATOMIC_RELAXED);
}

/* One who is woken for it is to run where we do. */
static bool waits_behind(pthread_mutex_t *mutex)
{
	return futex_wake_behind && is_tight(mutex) && thread_self()->policy == THREAD_OTHER;
}

static unsigned int wake_one(const uint32_t *word, bool behind)
{
	return behind ? futex_wake_behind(word) : sync_wake(word, 1);
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

	/* Where one waits behind the other the owner gives it at once. */
	looks = sched_may_spin && sched_may_spin() && thread_self()->policy == THREAD_OTHER &&
		!is_tight(mutex);
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
	self->turn_ticks = self->turn_look_ticks = cpu_rdtsc();
	self->turn_rounds = self->turn_looked = 0;
	self->turn_look = 1;
}

int mutex_word_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *time,
		    bool asleep)
{
	struct waiter waiter = {
		.mutex = mutex, .limit = SYNC_NEVER, .woken = asleep, .relocks = asleep};
	bool was_left = false;
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
		if (mutex_change(&mutex->__word, word, ours)) {
			was_left = waiter.woken && !(word & MUTEX_RESERVED);
			result = 1;
		}
	}
	if (waiter.counted) {
		__atomic_fetch_sub(&mutex->__waiters, 1, __ATOMIC_SEQ_CST);
		begin_turn(mutex);
		/* We were behind one who does something else for long. */
		if (was_left && is_tight(mutex) &&
		    cpu_rdtsc() - thread_self()->ready_ticks > 2 * turn_length())
			learn(mutex, false);
	}
	return result > 0 ? 0 : result;
}

/* Looks at the clock: how long the turn has lasted, and what the rounds since the last look say. */
static uint64_t look_at_clock(pthread_mutex_t *mutex)
{
	struct tcb *self = tcb_self();
	uint64_t now = cpu_rdtsc(), round_ticks = sched_slice_ticks / ROUNDS_OF_SLICE;
	unsigned int rounds = self->turn_rounds - self->turn_looked, next = self->turn_rounds;
	bool tight = now - self->turn_look_ticks <= rounds * round_ticks;

	if (!tight || rounds >= ROUNDS_SURE)
		learn(mutex, tight);
	self->turn_look_ticks = now;
	self->turn_looked = self->turn_rounds;
	self->turn_look = self->turn_rounds + (next < ROUNDS_MAX ? next : ROUNDS_MAX);
	return now - self->turn_ticks;
}

/* Somebody waits for what the running thread lets go. Yields for how long that had its turn: after
 * a while of being lucky it goes to the end of the queue. A real-time thread gives way to its
 * betters alone. 0: surely not long. */
static uint64_t turn_ticks(pthread_mutex_t *mutex)
{
	struct tcb *self = tcb_self();
	uint64_t ticks = 0;

	if (!&sched_slice_ticks)
		return 0;
	if (self->turn_of != mutex)
		begin_turn(mutex);
	if (++self->turn_rounds >= self->turn_look)
		ticks = look_at_clock(mutex);
	return self->thread->policy == THREAD_OTHER ? ticks : 0;
}

/* So many ticks are a turn: also to have done what the one before did. */
static bool is_turn(const pthread_mutex_t *mutex, uint64_t ticks)
{
	unsigned int rounds = tcb_self()->turn_rounds / ROUNDS_MAX;

	return ticks >= turn_length() &&
	       (!is_known(mutex) || rounds >= (unsigned int)mutex->MUTEX_ROUNDS ||
		ticks >= TURNS_OF_SLOW * turn_length());
}

/* Others have to do as much. */
static void end_turn(pthread_mutex_t *mutex)
{
	unsigned int rounds = tcb_self()->turn_rounds / ROUNDS_MAX;

	if (is_known(mutex))
		mutex->MUTEX_ROUNDS = (short)(rounds < SHRT_MAX ? rounds : SHRT_MAX);
}

/* One that was woken has not come yet, and is to find the mutex free when it does. */
static bool must_reserve(pthread_mutex_t *mutex)
{
	uint64_t ticks = turn_ticks(mutex);

	if (!is_turn(mutex, ticks) ||
	    (!sched_has_successor() && ticks < TURNS_TO_WAKE * turn_length()))
		return false;
	end_turn(mutex);
	return true;
}

/* Lets it go for the heir. Events disabled: one that looks relies on us not to leave in between. */
static bool let_go_turn(pthread_mutex_t *mutex, uint32_t word)
{
	uint32_t *turn = &mutex->__turn;
	bool behind = waits_behind(mutex);

	if (!mutex_change(&mutex->__word, word, word & ~(MUTEX_OWNER | MUTEX_LOOKING)))
		return false;
	/* It has to see this before it may use the mutex, or free it. */
	__atomic_store_n(turn, 1, __ATOMIC_RELEASE);
	if (!(word & MUTEX_LOOKING))
		wake_one(turn, behind);
	tcb_self()->turn_of = NULL;
	return true;
}

/* Wakes one while the mutex is ours still, so that MUTEX_WOKEN says what is so. */
static void wake_owning(pthread_mutex_t *mutex, uint32_t word)
{
	if (mutex_change(&mutex->__word, word, word | MUTEX_WOKEN) &&
	    wake_one(&mutex->__word, waits_behind(mutex)) == 0)
		__atomic_fetch_and(&mutex->__word, ~MUTEX_WOKEN, __ATOMIC_ACQ_REL);
}

enum let_go { LET_GO, LET_GO_AND_WAKE, LET_GO_NOT };

/* One step; LET_GO_NOT: once more. Events disabled. */
static enum let_go let_go(pthread_mutex_t *mutex, bool *tried)
{
	uint32_t word = mutex_load(&mutex->__word), next = word & ~MUTEX_OWNER;
	enum let_go result = LET_GO;

	if ((word & MUTEX_LOOKING) && tcb_self()->thread->policy == THREAD_OTHER &&
	    !is_turn(mutex, turn_ticks(mutex))) {
		/* Nobody sleeps that has to know, and it may be ours again. */
	} else if (word & MUTEX_HANDOFF) {
		(void)turn_ticks(mutex);
		return let_go_turn(mutex, word) ? LET_GO : LET_GO_NOT;
	} else if (!__atomic_load_n(&mutex->__waiters, __ATOMIC_SEQ_CST)) {
		/* Without known waiters only those may sleep here that came from a condition: one
		 * of them is woken, and takes over what is to know. */
		next = 0;
		result = LET_GO_AND_WAKE;
	} else if (word & MUTEX_WOKEN) {
		if (must_reserve(mutex))
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
