/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of threads that are: what they have, their names, their clocks. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/posix/clock.h"
#include "lib/posix/pthread_attr.h"
#include "lib/posix/threads.h"

int pthread_getattr_np(pthread_t handle, pthread_attr_t *attr_out)
{
	bool enabled = threads_lock();
	const struct tcb *tcb = threads_find(handle);

	if (tcb)
		*attr_out = (pthread_attr_t){
			.__magic = ATTR_MAGIC,
			.__detach = tcb->claim == TCB_DETACHED,
			.__inherit = PTHREAD_EXPLICIT_SCHED,
			.__policy = tcb->thread->policy,
			.__priority = tcb->thread->base_priority,
			.__scope = PTHREAD_SCOPE_SYSTEM,
			.__stack = (void *)tcb->stack_start,
			.__stack_bytes = tcb->stack_bytes,
			.__guard_bytes = tcb->guard_bytes,
			.__affinity = tcb->thread->affinity,
		};
	threads_unlock(enabled);
	return tcb ? 0 : ESRCH;
}

int pthread_setname_np(pthread_t handle, const char *name)
{
	size_t name_bytes = strlen(name) + 1;
	struct tcb *tcb;
	bool enabled;

	if (name_bytes > THREAD_NAME_BYTES)
		return ERANGE;
	enabled = threads_lock();
	tcb = threads_find(handle);
	if (tcb)
		memcpy(tcb->thread->name, name, name_bytes);
	threads_unlock(enabled);
	return tcb ? 0 : ESRCH;
}

int pthread_getname_np(pthread_t handle, char *name_out, size_t name_bytes)
{
	bool enabled = threads_lock();
	const struct tcb *tcb = threads_find(handle);
	int error = !tcb ? ESRCH : strlen(tcb->thread->name) >= name_bytes ? ERANGE : 0;

	if (error == 0)
		strcpy(name_out, tcb->thread->name);
	threads_unlock(enabled);
	return error;
}
