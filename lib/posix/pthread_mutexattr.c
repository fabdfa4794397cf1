/* SPDX-License-Identifier: BSD-2-Clause */
/* Making mutexes with attributes. */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "core/thread.h"
#include "lib/posix/mutex.h"

#define MAGIC 0x6d617474u

static bool valid(const pthread_mutexattr_t *attr)
{
	return attr && attr->__magic == MAGIC;
}

int pthread_mutexattr_init(pthread_mutexattr_t *attr)
{
	*attr = (pthread_mutexattr_t){.__magic = MAGIC, .__ceiling = 1};
	return 0;
}

int pthread_mutexattr_destroy(pthread_mutexattr_t *attr)
{
	if (!valid(attr))
		return EINVAL;
	attr->__magic = 0;
	return 0;
}

/* A member that takes the values least to most. */
#define ATTRIBUTE(name, member, least, most)                                                       \
	int pthread_mutexattr_get##name(const pthread_mutexattr_t *restrict attr,                  \
					int *restrict value_out)                                   \
	{                                                                                          \
		if (!valid(attr))                                                                  \
			return EINVAL;                                                             \
		*value_out = attr->member;                                                         \
		return 0;                                                                          \
	}                                                                                          \
	int pthread_mutexattr_set##name(pthread_mutexattr_t *attr, int value)                      \
	{                                                                                          \
		if (!valid(attr) || value < (least) || value > (most))                             \
			return EINVAL;                                                             \
		attr->member = value;                                                              \
		return 0;                                                                          \
	}

ATTRIBUTE(type, __type, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK)
ATTRIBUTE(kind_np, __type, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK)
ATTRIBUTE(protocol, __protocol, PTHREAD_PRIO_NONE, PTHREAD_PRIO_PROTECT)
ATTRIBUTE(prioceiling, __ceiling, 1, THREAD_PRIORITY_MAX)
ATTRIBUTE(robust, __robust, PTHREAD_MUTEX_STALLED, PTHREAD_MUTEX_ROBUST)
ATTRIBUTE(robust_np, __robust, PTHREAD_MUTEX_STALLED, PTHREAD_MUTEX_ROBUST)
ATTRIBUTE(pshared, __shared, PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED)

int pthread_mutex_init(pthread_mutex_t *restrict mutex, const pthread_mutexattr_t *restrict attr)
{
	unsigned int kind;

	if (attr && !valid(attr))
		return EINVAL;
	*mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	if (!attr)
		return 0;
	kind = (unsigned int)attr->__type;
	if (attr->__robust == PTHREAD_MUTEX_ROBUST)
		kind |= MUTEX_ROBUST;
	if (attr->__protocol == PTHREAD_PRIO_INHERIT)
		kind |= MUTEX_INHERIT;
	if (attr->__protocol == PTHREAD_PRIO_PROTECT)
		kind |= MUTEX_PROTECT;
	mutex_init_listed(mutex, kind, attr->__ceiling);
	return 0;
}
