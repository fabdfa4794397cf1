/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting in programs with threads: wait queues, the wall clock. core/wait.c names the queues'
 * functions weakly; what brings this file in is sched_block_wall(), which futexes need.
 */
#include "core/sched.h"
#include "lib/base/error.h"

/* ---- Waking ---- */

/* The waiter of the highest priority, the first of its equals. */
static struct thread *best_waiter(struct waitq *queue)
{
	struct thread *best = NULL;
	struct list_node *node;

	list_for_each (node, &queue->waiters) {
		struct thread *thread = container_of(node, struct thread, wait_node);

		if (!best || thread->priority > best->priority)
			best = thread;
	}
	return best;
}

static void wake_locked(struct thread *thread)
{
	list_remove(&thread->wait_node);
	sched_wake(thread);
	/* Last, for it may be waiting for our lock to see this, and then be gone. */
	WRITE_ONCE(thread->wait_queue, NULL);
}

static void wake_queue(struct waitq *queue, bool all)
{
	spin_lock(&queue->lock);
	WRITE_ONCE(queue->wakes, queue->wakes + 1);
	if (queue->waiters.next && !list_empty(&queue->waiters)) {
		if (!all)
			wake_locked(best_waiter(queue));
		while (all && !list_empty(&queue->waiters))
			wake_locked(container_of(queue->waiters.next, struct thread, wait_node));
	}
	spin_unlock(&queue->lock);
}

void sched_waitq_wake(struct waitq *queue, bool all)
{
	bool enabled = events_disable();

	wake_queue(queue, all);
	if (queue != &waitq_any)
		wake_queue(&waitq_any, true);
	sched_restore(enabled);
}

/* ---- Sleeping ---- */

/* False when there is no reason to sleep; *result_out then says why. */
static bool enter(struct waitq *queue, struct thread *self, uint32_t wakes, bool interruptible,
		  int *result_out)
{
	bool sleep = true;

	/* Before the lock, which is a full barrier: thread_interrupt() finds us waiting, or we find
	 * ourselves interrupted. */
	thread_wait_prepare();
	spin_lock(&queue->lock);
	*result_out = interruptible && thread_is_interrupted(self) ? -EINTR : 0;
	if (*result_out || queue->wakes != wakes) {
		thread_wait_cancel();
		sleep = false;
	} else {
		if (!queue->waiters.next)
			list_init(&queue->waiters);
		list_append(&queue->waiters, &self->wait_node);
		self->wait_queue = queue;
	}
	spin_unlock(&queue->lock);
	return sleep;
}

int sched_waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	struct thread *self = thread_self();
	int result;

	if (deadline_ns != TIME_NEVER && time_monotonic_ns() >= deadline_ns)
		return -ETIMEDOUT;
	if (!enter(queue, self, wakes, interruptible, &result))
		return result;
	self->wait.where = queue;
	WRITE_ONCE(self->wait.what, deadline_ns == TIME_NEVER ? "event" : "event or time");
	thread_block(deadline_ns);
	spin_lock(&queue->lock);
	if (self->wait_queue) {
		list_remove(&self->wait_node);
		self->wait_queue = NULL;
	}
	spin_unlock(&queue->lock);
	return 0;
}

/* The thread may be moved meanwhile: then it says what was. */
bool sched_is_alone(void)
{
	return !READ_ONCE(sched_runqs[VCPU(id)]->ready_bits);
}

/* ---- The wall clock ---- */

static void timeout(struct timer *timer)
{
	thread_wake(container_of(timer, struct thread, wait_timer));
}

uint64_t sched_block_wall(uint64_t wall_ns)
{
	struct thread *self = thread_self();

	self->wait_timer.fn = timeout;
	timer_arm_wall(&self->wait_timer, wall_ns);
	thread_block(TIME_NEVER);
	/* Once reached it is over, though somebody set the clock back since. */
	return timer_cancel(&self->wait_timer) ? wall_ns : 0;
}
