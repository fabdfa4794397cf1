/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting, for programs with threads and without. The scheduler is linked when a program creates
 * threads; what it provides is named weakly here.
 */
#include "core/wait.h"

#include "core/netdev.h"
#include "core/sched.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "xen/evtchn.h"

#pragma weak netdev_look

struct thread thread_first;
struct waitq waitq_any;

void waitq_wake_all(struct waitq *queue)
{
	if (sched_waitq_wake)
		sched_waitq_wake(queue, true);
	else
		queue->wakes++;
}

void waitq_wake_one(struct waitq *queue)
{
	if (sched_waitq_wake)
		sched_waitq_wake(queue, false);
	else
		queue->wakes++;
}

int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	if (sched_waitq_sleep)
		return sched_waitq_sleep(queue, wakes, deadline_ns, interruptible);
	/* There is one thread: it sleeps until any event came, and the caller looks again. */
	if (interruptible && thread_is_interrupted(&thread_first))
		return -EINTR;
	if (deadline_ns != TIME_NEVER) {
		if (time_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		timer_wake_at(deadline_ns);
	}
	if (!netdev_look || !netdev_look())
		sched_block_vcpu();
	return 0;
}

bool wait_is_alone(void)
{
	return !sched_is_alone || sched_is_alone();
}

int wait_until(uint64_t deadline_ns, bool interruptible)
{
	static struct waitq queue;
	int result = waitq_wait(&queue, false, deadline_ns, interruptible);

	return result == -ETIMEDOUT ? 0 : result;
}
