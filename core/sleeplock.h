/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock for long sections of the kernel in thread context: who does not get it sleeps. Taking a
 * free one is one compare-and-exchange. It is nobody's in particular: any thread may unlock it, and
 * who has it and locks it again waits for ever, so a handler of the program must not run meanwhile
 * (lib/posix holds signals back).
 *
 * Waiting is core/futex.h's, linked only with programs that have threads: others never wait.
 */
#ifndef CORE_SLEEPLOCK_H
#define CORE_SLEEPLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/time.h"

/* Zeros: free. */
struct sleeplock {
	uint32_t word; /* 0: free, 1: held, 2: held and perhaps waited for */
};

static inline bool sleeplock_trylock(struct sleeplock *lock)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* 0, -ETIMEDOUT or, when interruptible, -EINTR. what: for reports of deadlocks. Thread context. */
int sleeplock_lock_until(struct sleeplock *lock, uint64_t deadline_ns, bool interruptible,
			 const char *what);
/* For as long as it takes. Thread context. */
void sleeplock_lock(struct sleeplock *lock);
/* Any context. */
void sleeplock_unlock(struct sleeplock *lock);

#endif
