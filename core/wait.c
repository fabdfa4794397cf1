/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/cpu.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/base/error.h"

bool waitq_sleeping;

void waitq_wake_all(struct waitq *queue)
{
	queue->wakes++;
}

/* There is one thread: it sleeps until any event came, and the caller looks at its condition. */
int waitq_sleep(struct waitq *queue, uint64_t deadline_ns, bool interruptible)
{
	if (interruptible && core_signal_pending())
		return -EINTR;
	if (deadline_ns != TIME_NEVER) {
		if (time_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		timer_wake_at(deadline_ns);
	}
	queue->waiters_count++;
	WRITE_ONCE(waitq_sleeping, true);
	events_block();
	WRITE_ONCE(waitq_sleeping, false);
	queue->waiters_count--;
	return 0;
}
