/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a thread, and of the program with the last one. */
#include <pthread.h>
#include <reent.h>
#include <stdlib.h>

#include "lib/posix/cancel.h"
#include "lib/posix/keys.h"
#include "lib/posix/mutex.h"
#include "lib/posix/threads.h"

/* Each comes with what makes it necessary. */
#pragma weak keys_destroy
#pragma weak mutex_abandon
#pragma weak cancel_free_streams
#pragma weak sig_thread_end
#pragma weak threads_end_one
#pragma weak thread_exit

static bool last_of_program(struct tcb *self)
{
	if (!threads_end_one)
		return true;
	if (self->handle != THREADS_FIRST && threads_record(self)->service)
		return false;
	return threads_end_one();
}

void pthread_exit(void *result)
{
	struct tcb *self = tcb_self();

	__atomic_or_fetch(&self->cancel, CANCEL_EXITING, __ATOMIC_SEQ_CST);
	self->result = result;
	while (self->cleanup) {
		struct __pthread_cleanup *cleanup = self->cleanup;

		self->cleanup = cleanup->__next;
		cleanup->__routine(cleanup->__arg);
	}
	if (keys_destroy)
		keys_destroy();
	if (mutex_abandon)
		mutex_abandon();
	if (self->holds && cancel_free_streams)
		cancel_free_streams();
	if (last_of_program(self))
		exit(0);
	if (sig_thread_end)
		sig_thread_end();
	if (self->handle != THREADS_FIRST)
		_reclaim_reent(self->reent);
	else
		__atomic_store_n(&self->phase, TCB_GONE, __ATOMIC_RELEASE);
	if (self->handle == THREADS_FIRST && futex_wake)
		futex_wake(&self->phase, FUTEX_ALL);
	thread_exit();
}
