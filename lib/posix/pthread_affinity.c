/* SPDX-License-Identifier: BSD-2-Clause */
/* On which processors threads may run, by <pthread.h>. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "core/smp.h"
#include "lib/posix/pthread_attr.h"
#include "lib/posix/threads.h"

#define ALL (~0UL)

/* Without it there is vCPU 0 alone. */
#pragma weak smp_possible

static unsigned long possible(void)
{
	return smp_possible ? smp_possible() : 1;
}

static unsigned long mask_of(size_t bytes, const cpu_set_t *set)
{
	unsigned long mask = 0;

	memcpy(&mask, set, bytes < sizeof(mask) ? bytes : sizeof(mask));
	return mask;
}

static int give_mask(unsigned long mask, size_t bytes, cpu_set_t *set_out)
{
	if (bytes < sizeof(mask))
		return EINVAL;
	memset(set_out, 0, bytes);
	memcpy(set_out, &mask, sizeof(mask));
	return 0;
}

int pthread_attr_setaffinity_np(pthread_attr_t *attr, size_t bytes, const cpu_set_t *set)
{
	if (!attr_valid(attr))
		return EINVAL;
	/* An empty set says nothing. */
	attr->__affinity = set && bytes ? mask_of(bytes, set) : 0;
	return 0;
}

int pthread_attr_getaffinity_np(const pthread_attr_t *attr, size_t bytes, cpu_set_t *set_out)
{
	if (!attr_valid(attr))
		return EINVAL;
	return give_mask(attr->__affinity ? attr->__affinity : ALL, bytes, set_out);
}

int pthread_setaffinity_np(pthread_t handle, size_t bytes, const cpu_set_t *set)
{
	unsigned long mask = mask_of(bytes, set) & possible();
	struct tcb *tcb;
	int error;

	if (mask == 0)
		return EINVAL;
	tcb = threads_pin(handle);
	if (!tcb)
		return ESRCH;
	error = tcb->phase == TCB_LIVE ? -thread_set_affinity(tcb->thread, mask) : ESRCH;
	threads_unpin(tcb);
	return error;
}

int pthread_getaffinity_np(pthread_t handle, size_t bytes, cpu_set_t *set_out)
{
	bool enabled = threads_lock();
	const struct tcb *tcb = threads_find(handle);
	unsigned long mask = tcb ? tcb->thread->affinity : 0;

	threads_unlock(enabled);
	return tcb ? give_mask(mask & possible(), bytes, set_out) : ESRCH;
}
