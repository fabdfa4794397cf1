/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of threads to be. */
#include "lib/posix/pthread_attr.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"
#include "core/thread.h"
#include "lib/posix/threads.h"

#define STACK_ALIGN 16

/* pthread_setattr_default_np()'s; a magic of 0: none were set. Guarded by threads_lock(). */
static pthread_attr_t standard;

void attr_get_standard(pthread_attr_t *attr_out)
{
	bool enabled = threads_lock();

	*attr_out = standard;
	threads_unlock(enabled);
	if (!attr_valid(attr_out))
		*attr_out = (pthread_attr_t){
			.__magic = ATTR_MAGIC,
			.__stack_bytes = threads_stack_bytes(),
			.__guard_bytes = PAGE_BYTES,
		};
}

int pthread_getattr_default_np(pthread_attr_t *attr_out)
{
	attr_get_standard(attr_out);
	return 0;
}

int pthread_setattr_default_np(const pthread_attr_t *attr)
{
	bool enabled;

	if (!attr_valid(attr) || attr->__stack)
		return EINVAL;
	enabled = threads_lock();
	standard = *attr;
	threads_unlock(enabled);
	return 0;
}

int pthread_attr_init(pthread_attr_t *attr)
{
	attr_get_standard(attr);
	return 0;
}

int pthread_attr_destroy(pthread_attr_t *attr)
{
	if (!attr_valid(attr))
		return EINVAL;
	attr->__magic = 0;
	return 0;
}

/* A number with a rule for its values. */
#define NUMBER(name, member, valid)                                                                \
	int pthread_attr_get##name(const pthread_attr_t *restrict attr, int *restrict value_out)   \
	{                                                                                          \
		if (!attr_valid(attr))                                                             \
			return EINVAL;                                                             \
		*value_out = attr->member;                                                         \
		return 0;                                                                          \
	}                                                                                          \
	int pthread_attr_set##name(pthread_attr_t *attr, int value)                                \
	{                                                                                          \
		if (!attr_valid(attr) || !(valid))                                                 \
			return EINVAL;                                                             \
		attr->member = value;                                                              \
		return 0;                                                                          \
	}

NUMBER(detachstate, __detach, value == PTHREAD_CREATE_JOINABLE || value == PTHREAD_CREATE_DETACHED)
NUMBER(inheritsched, __inherit, value == PTHREAD_INHERIT_SCHED || value == PTHREAD_EXPLICIT_SCHED)
NUMBER(schedpolicy, __policy, value == SCHED_OTHER || value == SCHED_FIFO || value == SCHED_RR)

int pthread_attr_getscope(const pthread_attr_t *restrict attr, int *restrict scope_out)
{
	if (!attr_valid(attr))
		return EINVAL;
	*scope_out = attr->__scope;
	return 0;
}

/* There is one process: its threads compete with each other and nobody else. */
int pthread_attr_setscope(pthread_attr_t *attr, int scope)
{
	if (!attr_valid(attr) || (scope != PTHREAD_SCOPE_SYSTEM && scope != PTHREAD_SCOPE_PROCESS))
		return EINVAL;
	if (scope != PTHREAD_SCOPE_SYSTEM)
		return ENOTSUP;
	attr->__scope = scope;
	return 0;
}

int pthread_attr_getschedparam(const pthread_attr_t *restrict attr,
			       struct sched_param *restrict param_out)
{
	if (!attr_valid(attr))
		return EINVAL;
	param_out->sched_priority = attr->__priority;
	return 0;
}

int pthread_attr_setschedparam(pthread_attr_t *restrict attr,
			       const struct sched_param *restrict param)
{
	/* Whether it fits the policy is seen when both are used. */
	if (!attr_valid(attr) || param->sched_priority < 0 ||
	    param->sched_priority > THREAD_PRIORITY_MAX)
		return EINVAL;
	attr->__priority = param->sched_priority;
	return 0;
}

int pthread_attr_getguardsize(const pthread_attr_t *restrict attr, size_t *restrict bytes_out)
{
	if (!attr_valid(attr))
		return EINVAL;
	*bytes_out = attr->__guard_bytes;
	return 0;
}

int pthread_attr_setguardsize(pthread_attr_t *attr, size_t bytes)
{
	if (!attr_valid(attr))
		return EINVAL;
	attr->__guard_bytes = bytes;
	return 0;
}

int pthread_attr_getstack(const pthread_attr_t *restrict attr, void **restrict stack_out,
			  size_t *restrict bytes_out)
{
	if (!attr_valid(attr))
		return EINVAL;
	*stack_out = attr->__stack;
	*bytes_out = attr->__stack_bytes;
	return 0;
}

int pthread_attr_setstack(pthread_attr_t *attr, void *stack, size_t bytes)
{
	if (!attr_valid(attr) || bytes < PTHREAD_STACK_MIN || !stack ||
	    ((uintptr_t)stack | bytes) % STACK_ALIGN)
		return EINVAL;
	attr->__stack = stack;
	attr->__stack_bytes = bytes;
	return 0;
}

int pthread_attr_getstacksize(const pthread_attr_t *restrict attr, size_t *restrict bytes_out)
{
	if (!attr_valid(attr))
		return EINVAL;
	*bytes_out = attr->__stack_bytes;
	return 0;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes)
{
	if (!attr_valid(attr) || bytes < PTHREAD_STACK_MIN)
		return EINVAL;
	if (attr->__stack)
		attr->__stack = (char *)attr->__stack + attr->__stack_bytes - bytes;
	attr->__stack_bytes = bytes;
	return 0;
}

/* The old way, where the address is the end from which the stack grows down, as on Linux. */
int pthread_attr_getstackaddr(const pthread_attr_t *restrict attr, void **restrict stack_out)
{
	if (!attr_valid(attr))
		return EINVAL;
	*stack_out = attr->__stack ? (char *)attr->__stack + attr->__stack_bytes : NULL;
	return 0;
}

int pthread_attr_setstackaddr(pthread_attr_t *attr, void *stack)
{
	if (!attr_valid(attr) || !stack || (uintptr_t)stack % STACK_ALIGN)
		return EINVAL;
	attr->__stack = (char *)stack - attr->__stack_bytes;
	return 0;
}
