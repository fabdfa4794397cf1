/* SPDX-License-Identifier: BSD-2-Clause */
/* Making conditions. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#define MAGIC 0x63617474u

static bool valid(const pthread_condattr_t *attr)
{
	return attr && attr->__magic == MAGIC;
}

int pthread_condattr_init(pthread_condattr_t *attr)
{
	*attr = (pthread_condattr_t){.__magic = MAGIC, .__clock = CLOCK_REALTIME};
	return 0;
}

int pthread_condattr_destroy(pthread_condattr_t *attr)
{
	if (!valid(attr))
		return EINVAL;
	attr->__magic = 0;
	return 0;
}

int pthread_condattr_getclock(const pthread_condattr_t *restrict attr,
			      clockid_t *restrict clock_out)
{
	if (!valid(attr))
		return EINVAL;
	*clock_out = attr->__clock;
	return 0;
}

int pthread_condattr_setclock(pthread_condattr_t *attr, clockid_t clock)
{
	if (!valid(attr) || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC))
		return EINVAL;
	attr->__clock = clock;
	return 0;
}

int pthread_condattr_getpshared(const pthread_condattr_t *restrict attr, int *restrict shared_out)
{
	if (!valid(attr))
		return EINVAL;
	*shared_out = attr->__shared;
	return 0;
}

int pthread_condattr_setpshared(pthread_condattr_t *attr, int shared)
{
	if (!valid(attr) || (shared != PTHREAD_PROCESS_PRIVATE && shared != PTHREAD_PROCESS_SHARED))
		return EINVAL;
	attr->__shared = shared;
	return 0;
}

int pthread_cond_init(pthread_cond_t *restrict cond, const pthread_condattr_t *restrict attr)
{
	if (attr && !valid(attr))
		return EINVAL;
	*cond = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	if (attr)
		cond->__clock = (unsigned int)attr->__clock;
	return 0;
}
