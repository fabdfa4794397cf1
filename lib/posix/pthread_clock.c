/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>

#include "lib/posix/clock.h"
#include "lib/posix/threads.h"

int pthread_getcpuclockid(pthread_t handle, clockid_t *clock_out)
{
	bool enabled = threads_lock();
	const struct tcb *tcb = threads_find(handle);

	if (tcb)
		*clock_out = clock_of_thread(tcb->thread);
	threads_unlock(enabled);
	return tcb ? 0 : ESRCH;
}
