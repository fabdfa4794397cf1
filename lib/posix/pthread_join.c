/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for the end of threads, or not caring about it. */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "lib/posix/cancel.h"
#include "lib/posix/sync.h"
#include "lib/posix/threads.h"

/* Makes us the one who joins it. 0, ESRCH, EINVAL, EDEADLK; EBUSY: only_gone, and it runs. */
static int claim(pthread_t handle, bool only_gone, struct tcb **tcb_out)
{
	bool enabled = threads_lock();
	struct tcb *tcb = threads_find(handle);
	int error = 0;

	if (!tcb)
		error = ESRCH;
	else if (tcb == tcb_self())
		error = EDEADLK;
	else if (tcb->claim != TCB_JOINABLE)
		error = EINVAL;
	else if (only_gone && tcb->phase == TCB_LIVE)
		error = EBUSY;
	else
		tcb->claim = TCB_CLAIMED;
	threads_unlock(enabled);
	*tcb_out = tcb;
	return error;
}

static void unclaim(struct tcb *tcb)
{
	bool enabled = threads_lock();

	tcb->claim = TCB_JOINABLE;
	threads_unlock(enabled);
}

/* It has ended: takes the result, and frees it. Locked; unlocks. */
static void finish(struct tcb *tcb, bool enabled)
{
	bool first = tcb->handle == THREADS_FIRST, free_now;

	threads_remove(tcb);
	tcb->phase = TCB_JOINED;
	free_now = !first && threads_record(tcb)->pins == 0;
	threads_unlock(enabled);
	if (free_now)
		threads_free(threads_record(tcb));
}

/* 0 or -ETIMEDOUT; does not return when the running thread is cancelled. */
static int wait_for_end(struct tcb *tcb, struct sync_limit limit)
{
	while (__atomic_load_n(&tcb->phase, __ATOMIC_ACQUIRE) == TCB_LIVE) {
		int result = sync_wait(&tcb->phase, TCB_LIVE, limit, "join");

		if (result == -EINTR)
			sig_release();
		if (result == -ETIMEDOUT || cancel_due()) {
			unclaim(tcb);
			cancel_test();
			return -ETIMEDOUT;
		}
	}
	return 0;
}

static int join(pthread_t handle, void **result_out, struct sync_limit limit, bool only_gone)
{
	struct tcb *tcb;
	int error;

	cancel_test();
	error = claim(handle, only_gone, &tcb);
	if (error == 0)
		error = -wait_for_end(tcb, limit);
	if (error)
		return error;
	if (result_out)
		*result_out = tcb->result;
	finish(tcb, threads_lock());
	return 0;
}

int pthread_join(pthread_t handle, void **result_out)
{
	return join(handle, result_out, SYNC_NEVER, false);
}

int pthread_tryjoin_np(pthread_t handle, void **result_out)
{
	return join(handle, result_out, SYNC_NEVER, true);
}

int pthread_clockjoin_np(pthread_t handle, void **result_out, clockid_t clock,
			 const struct timespec *time)
{
	struct sync_limit limit;

	if (sync_limit_from(&limit, clock, time))
		return EINVAL;
	return join(handle, result_out, limit, false);
}

int pthread_timedjoin_np(pthread_t handle, void **result_out, const struct timespec *time)
{
	return pthread_clockjoin_np(handle, result_out, CLOCK_REALTIME, time);
}

int pthread_detach(pthread_t handle)
{
	bool enabled = threads_lock();
	struct tcb *tcb = threads_find(handle);
	int error = !tcb ? ESRCH : tcb->claim != TCB_JOINABLE ? EINVAL : 0;

	if (error == 0)
		tcb->claim = TCB_DETACHED;
	if (error == 0 && tcb->phase == TCB_GONE)
		finish(tcb, enabled);
	else
		threads_unlock(enabled);
	return error;
}
