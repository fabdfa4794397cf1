/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for something an event handler does. Today one thread waits, tomorrow many: code
 * waits on a queue and is woken through it, so that the scheduler can take its place.
 */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/evtchn.h"

struct waitq {
	uint32_t waiters_count;
	uint32_t wakes; /* bumped by each wake */
};

#define WAITQ_INIT                                                                                 \
	{                                                                                          \
		0, 0                                                                               \
	}

/* Any context: makes every waiter re-evaluate its condition. */
void waitq_wake_all(struct waitq *queue);

/* One step of waiting, events disabled by the caller: sleeps until the queue is woken,
 * deadline_ns (monotonic, TIME_NEVER for none) passes or, when interruptible, a signal is
 * pending. 0, -ETIMEDOUT, -EINTR; 0 may be spurious. Thread context. */
int waitq_sleep(struct waitq *queue, uint64_t deadline_ns, bool interruptible);

/* True while the thread sleeps in waitq_sleep(): an upcall finds events enabled there, because Xen
 * enables them to wake us, but it must not take the thread elsewhere. Signals then end the wait. */
extern bool waitq_sleeping;

/* Waits until condition is true; evaluates it with events disabled, the deadline once. Yields 0,
 * -ETIMEDOUT, -EINTR. */
#define waitq_wait(queue, condition, deadline_ns, interruptible)                                   \
	({                                                                                         \
		uint64_t wait_deadline_ns_ = (deadline_ns);                                        \
		bool wait_enabled_ = events_disable();                                             \
		int wait_result_ = 0;                                                              \
		while (!(condition) && wait_result_ == 0)                                          \
			wait_result_ = waitq_sleep((queue), wait_deadline_ns_, (interruptible));   \
		if (wait_result_ && (condition))                                                   \
			wait_result_ = 0;                                                          \
		events_restore(wait_enabled_);                                                     \
		wait_result_;                                                                      \
	})

/* Provided by lib/posix: a signal that must interrupt a blocking call is pending. */
bool core_signal_pending(void);

#endif
