/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions behind pthread_cleanup_push() and _pop(): a list on the thread's stack. */
#include <pthread.h>

#include "lib/posix/tcb.h"

void __pthread_cleanup_push(struct __pthread_cleanup *cleanup, void (*routine)(void *), void *arg)
{
	struct tcb *self = tcb_self();

	cleanup->__routine = routine;
	cleanup->__arg = arg;
	cleanup->__next = self->cleanup;
	/* A cancellation from here on finds it whole. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	self->cleanup = cleanup;
}

void __pthread_cleanup_pop(struct __pthread_cleanup *cleanup, int execute)
{
	tcb_self()->cleanup = cleanup->__next;
	if (execute)
		cleanup->__routine(cleanup->__arg);
}
