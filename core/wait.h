/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for something an event handler or another thread does. Whoever changes the condition does
 * so first and wakes the queue afterwards; whoever waits is in the queue before it looks.
 *
 * Waiters are woken in the order of their priority, then of their coming.
 */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/thread.h"

struct waitq {
	struct spinlock lock;
	struct list_node waiters; /* struct thread_wait node; a head of zeros is empty */
};

#define WAITQ_INIT                                                                                 \
	{                                                                                          \
		SPINLOCK_INIT, { 0, 0 }                                                            \
	}

/* One thread's waiting, on its stack. Also what a report of a deadlock prints. */
struct thread_wait {
	struct list_node node;
	struct thread *thread;
	const char *what;  /* "mutex", "condition", "sleep", "console"…; static storage */
	const void *where; /* the object waited for */
	const struct thread *owner; /* who holds it, when known */
	bool woken;
};

/* Any context. */
void waitq_wake_all(struct waitq *queue);
/* True when there was a waiter. */
bool waitq_wake_one(struct waitq *queue);

/* The steps of waitq_wait(), events disabled throughout. */
void waitq_enter(struct waitq *queue, struct thread_wait *wait, const char *what);
void waitq_leave(struct waitq *queue, struct thread_wait *wait);
/* Sleeps until the queue is woken, deadline_ns (monotonic, TIME_NEVER for none) passes or, when
 * interruptible, the thread is interrupted. 0, -ETIMEDOUT, -EINTR; 0 may be spurious; the wait is
 * in the queue again afterwards. */
int waitq_sleep(struct waitq *queue, struct thread_wait *wait, uint64_t deadline_ns,
		bool interruptible);

/* Waits until condition is true; evaluates it with events disabled and without the queue's lock,
 * the deadline once. Yields 0, -ETIMEDOUT, -EINTR. Thread context. */
#define waitq_wait(queue, condition, deadline_ns, interruptible)                                   \
	({                                                                                         \
		struct waitq *wait_queue_ = (queue);                                               \
		uint64_t wait_deadline_ns_ = (deadline_ns);                                        \
		bool wait_enabled_ = events_disable();                                             \
		struct thread_wait wait_;                                                          \
		int wait_result_ = 0;                                                              \
		waitq_enter(wait_queue_, &wait_, __func__);                                        \
		while (!(condition) && wait_result_ == 0)                                          \
			wait_result_ = waitq_sleep(wait_queue_, &wait_, wait_deadline_ns_,         \
						   (interruptible));                               \
		waitq_leave(wait_queue_, &wait_);                                                  \
		if (wait_result_ && (condition))                                                   \
			wait_result_ = 0;                                                          \
		events_restore(wait_enabled_);                                                     \
		wait_result_;                                                                      \
	})

/* Sleeps until deadline_ns. 0 when it passed, -EINTR when interruptible and interrupted. */
int wait_until(uint64_t deadline_ns, bool interruptible);

#endif
