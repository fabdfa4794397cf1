/* SPDX-License-Identifier: BSD-2-Clause */
/* Cancelling threads: the other side of lib/posix/cancel.h. */
#include <errno.h>
#include <pthread.h>

#include "lib/posix/cancel.h"
#include "lib/posix/threads.h"

#pragma weak cancel_streams_only
#pragma weak thread_interrupt

void cancel_act(void)
{
	/* In the middle of a list of the C library's is no place to end. */
	if (tcb_self()->holds && !(cancel_streams_only && cancel_streams_only()))
		return;
	pthread_exit(PTHREAD_CANCELED);
}

bool sig_cancel_due(void)
{
	return (tcb_self()->cancel & CANCEL_ASYNC) && cancel_due();
}

bool sig_cancel_now(void)
{
	return sig_cancel_due() && !tcb_self()->holds;
}

/* Where the thread was interrupted, its state saved: not to return is all. A call that waited and
 * was interrupted tests by itself. */
void sig_cancel_look(void)
{
	if (sig_cancel_now())
		cancel_act();
}

int pthread_cancel(pthread_t handle)
{
	bool enabled = threads_lock();
	struct tcb *tcb = threads_find(handle);

	if (tcb && tcb->phase == TCB_LIVE) {
		uint32_t old = __atomic_fetch_or(&tcb->cancel, CANCEL_PENDING, __ATOMIC_SEQ_CST);

		if (!(old & (CANCEL_DISABLED | CANCEL_EXITING)) && tcb != tcb_self() &&
		    thread_interrupt)
			thread_interrupt(tcb->thread);
	}
	threads_unlock(enabled);
	if (tcb == tcb_self() && sig_cancel_due())
		cancel_act();
	return tcb ? 0 : ESRCH;
}
