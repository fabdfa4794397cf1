/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling of threads that are, by <pthread.h>. */
#include <errno.h>
#include <pthread.h>

#include "lib/posix/threads.h"

/* Accepted and told again: each thread has a place in the scheduler of its own anyway. */
static int concurrency;

int pthread_getschedparam(pthread_t handle, int *restrict policy_out,
			  struct sched_param *restrict param_out)
{
	bool enabled = threads_lock();
	const struct tcb *tcb = threads_find(handle);

	if (tcb) {
		*policy_out = tcb->thread->policy;
		param_out->sched_priority = tcb->thread->base_priority;
	}
	threads_unlock(enabled);
	return tcb ? 0 : ESRCH;
}

int pthread_setschedparam(pthread_t handle, int policy, const struct sched_param *param)
{
	bool enabled;
	const struct tcb *tcb;
	int error = ESRCH;

	if (policy != SCHED_OTHER && policy != SCHED_FIFO && policy != SCHED_RR)
		return EINVAL;
	if (param->sched_priority < 0)
		return EINVAL;
	enabled = threads_lock();
	tcb = threads_find(handle);
	if (tcb && tcb->phase == TCB_LIVE)
		error = -thread_set_policy(tcb->thread, (enum thread_policy)policy,
					   (unsigned int)param->sched_priority);
	threads_unlock(enabled);
	return error;
}

int pthread_setschedprio(pthread_t handle, int priority)
{
	bool enabled = threads_lock();
	const struct tcb *tcb = threads_find(handle);
	int error = ESRCH;

	if (tcb && tcb->phase == TCB_LIVE)
		error = priority < 0 ? EINVAL
				     : -thread_set_priority(tcb->thread, (unsigned int)priority);
	threads_unlock(enabled);
	return error;
}

int pthread_getconcurrency(void)
{
	return concurrency;
}

int pthread_setconcurrency(int level)
{
	if (level < 0)
		return EINVAL;
	concurrency = level;
	return 0;
}
