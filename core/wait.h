/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for something an event handler or another thread does. Whoever changes the condition does
 * so first and wakes the queue afterwards. A queue counts its wake-ups: whoever waits reads the
 * count, then looks at the condition, and sleeps only if the count is still the same.
 *
 * Waiters are woken in the order of their priority, then of their coming.
 *
 * Without the scheduler (a program that never creates a thread) waiting blocks the one vCPU until
 * an event came.
 */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"
#include "core/thread.h"

struct waitq {
	struct spinlock lock;
	uint32_t wakes;           /* how often it was woken; written under lock */
	struct list_node waiters; /* struct thread wait_node; zeros: empty */
};

#define WAITQ_INIT                                                                                 \
	{                                                                                          \
		SPINLOCK_INIT, 0,                                                                  \
		{                                                                                  \
			0, 0                                                                       \
		}                                                                                  \
	}

/* Woken whenever any queue is: for whoever waits for several things (poll). */
extern struct waitq waitq_any;

/* Any context. */
void waitq_wake_all(struct waitq *queue);
void waitq_wake_one(struct waitq *queue);

static inline uint32_t waitq_wakes(const struct waitq *queue)
{
	return READ_ONCE(queue->wakes);
}

/* Sleeps until the queue is woken once more than wakes says, deadline_ns (monotonic, TIME_NEVER for
 * none) passes or, when interruptible, the thread is interrupted. 0, -ETIMEDOUT, -EINTR; 0 may be
 * spurious. Thread context, events disabled before and after. */
int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible);

/* True when no other thread wants this vCPU now. Thread context. */
bool wait_is_alone(void);

/* Waits until condition is true; evaluates it with events disabled (and takes what locks it needs),
 * the deadline once. Yields 0, -ETIMEDOUT, -EINTR. Thread context. */
#define waitq_wait(queue, condition, deadline_ns, interruptible)                                   \
	({                                                                                         \
		struct waitq *wait_queue_ = (queue);                                               \
		uint64_t wait_deadline_ns_ = (deadline_ns);                                        \
		bool wait_enabled_ = events_disable();                                             \
		int wait_result_ = 0;                                                              \
		for (;;) {                                                                         \
			uint32_t wait_wakes_ = waitq_wakes(wait_queue_);                           \
			if (condition) {                                                           \
				wait_result_ = 0;                                                  \
				break;                                                             \
			}                                                                          \
			if (wait_result_)                                                          \
				break;                                                             \
			wait_result_ = waitq_sleep(wait_queue_, wait_wakes_, wait_deadline_ns_,    \
						   (interruptible));                               \
		}                                                                                  \
		events_restore(wait_enabled_);                                                     \
		wait_result_;                                                                      \
	})

/* Sleeps until deadline_ns. 0 when it passed, -EINTR when interruptible and interrupted. */
int wait_until(uint64_t deadline_ns, bool interruptible);

#endif
