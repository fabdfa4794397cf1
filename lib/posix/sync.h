/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for a word of memory, as all objects of <pthread.h> do: core/futex.h where there are
 * other threads. A program that creates none links no scheduler; then only a signal handler can
 * change the word, and the one thread waits for that. Thread context.
 */
#ifndef LIB_POSIX_SYNC_H
#define LIB_POSIX_SYNC_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "core/futex.h"
#include "core/time.h"
#include "lib/posix/sig.h"

#pragma weak futex_wait
#pragma weak futex_sleep
#pragma weak futex_wake
#pragma weak futex_wake_behind
#pragma weak futex_requeue

/* Until when somebody waits. */
struct sync_limit {
	uint64_t deadline_ns;
	unsigned int flags; /* FUTEX_WALL or 0 */
};

#define SYNC_NEVER ((struct sync_limit){TIME_NEVER, 0})
#define SYNC_PAST  ((struct sync_limit){0, 0})

/* From absolute time of a clock; time NULL: never. -EINVAL: another clock than CLOCK_REALTIME and
 * CLOCK_MONOTONIC, or nanoseconds out of range. */
int sync_limit_from(struct sync_limit *limit_out, clockid_t clock, const struct timespec *time);

/* Without other threads. Events disabled. */
int sync_wait_alone(const uint32_t *word, uint32_t expected, struct sync_limit limit);

/* What ends a wait that may have been interrupted: no handler runs between the two, so that the
 * caller learns from sig_release() which did. */
static inline int sync_end(bool enabled, int result)
{
	if (__builtin_expect(result == -EINTR, 0))
		sig_hold();
	events_restore(enabled);
	return result;
}

/* Waits while *word == expected. 0 (look again), -EAGAIN, -ETIMEDOUT, or -EINTR: then the caller
 * must call sig_release(). */
static inline int sync_wait(const uint32_t *word, uint32_t expected, struct sync_limit limit,
			    const char *what)
{
	bool enabled = events_disable();

	if (!futex_wait)
		return sync_end(enabled, sync_wait_alone(word, expected, limit));
	return sync_end(enabled, futex_wait(word, expected, limit.deadline_ns,
					    limit.flags | FUTEX_INTERRUPTIBLE, what));
}

/* After sync_wait() said -EINTR in what is no cancellation point. True: the thread ends even so,
 * for it asked for that (asynchronous cancellation): the caller undoes what it has begun, and calls
 * sync_cancel_look(). */
static inline bool sync_release(void)
{
	sig_release();
	return sig_cancel_now && sig_cancel_now();
}

static inline void sync_cancel_look(void)
{
	if (sig_cancel_look)
		sig_cancel_look();
}

/* Before futex_sleep(), after which sync_end(true, result) stands. Events are enabled. */
static inline void sync_begin(void)
{
	VCPU(info.evtchn_upcall_mask) = 1;
	barrier();
}

/* Wakes at most count; yields how many. The word's memory may be gone. Any context. */
static inline unsigned int sync_wake(const uint32_t *word, unsigned int count)
{
	return futex_wake ? futex_wake(word, count) : 0;
}

/* Makes at most count waiters of word wait for *to instead: how many, or -EAGAIN. */
static inline int sync_move(const uint32_t *word, uint32_t expected, const uint32_t *to,
			    unsigned int count)
{
	return futex_requeue ? futex_requeue(word, expected, 0, to, count) : 0;
}

#endif
