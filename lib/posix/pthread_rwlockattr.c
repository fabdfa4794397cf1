/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes of read-write locks and barriers: there is one process, and one way to do it. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#define MAGIC 0x72776174u

static bool shared_valid(int shared)
{
	return shared == PTHREAD_PROCESS_PRIVATE || shared == PTHREAD_PROCESS_SHARED;
}

int pthread_rwlockattr_init(pthread_rwlockattr_t *attr)
{
	*attr = (pthread_rwlockattr_t){.__magic = MAGIC};
	return 0;
}

int pthread_rwlockattr_destroy(pthread_rwlockattr_t *attr)
{
	if (attr->__magic != MAGIC)
		return EINVAL;
	attr->__magic = 0;
	return 0;
}

int pthread_rwlockattr_getpshared(const pthread_rwlockattr_t *restrict attr,
				  int *restrict shared_out)
{
	if (attr->__magic != MAGIC)
		return EINVAL;
	*shared_out = attr->__shared;
	return 0;
}

int pthread_rwlockattr_setpshared(pthread_rwlockattr_t *attr, int shared)
{
	if (attr->__magic != MAGIC || !shared_valid(shared))
		return EINVAL;
	attr->__shared = shared;
	return 0;
}

/* Accepted: neither readers nor writers starve with any of them. */
int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *attr, int *kind_out)
{
	if (attr->__magic != MAGIC)
		return EINVAL;
	*kind_out = attr->__kind;
	return 0;
}

int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *attr, int kind)
{
	if (attr->__magic != MAGIC || kind < PTHREAD_RWLOCK_PREFER_READER_NP ||
	    kind > PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
		return EINVAL;
	attr->__kind = kind;
	return 0;
}

int pthread_barrierattr_init(pthread_barrierattr_t *attr)
{
	*attr = (pthread_barrierattr_t){.__magic = MAGIC};
	return 0;
}

int pthread_barrierattr_destroy(pthread_barrierattr_t *attr)
{
	if (attr->__magic != MAGIC)
		return EINVAL;
	attr->__magic = 0;
	return 0;
}

int pthread_barrierattr_getpshared(const pthread_barrierattr_t *restrict attr,
				   int *restrict shared_out)
{
	if (attr->__magic != MAGIC)
		return EINVAL;
	*shared_out = attr->__shared;
	return 0;
}

int pthread_barrierattr_setpshared(pthread_barrierattr_t *attr, int shared)
{
	if (attr->__magic != MAGIC || !shared_valid(shared))
		return EINVAL;
	attr->__shared = shared;
	return 0;
}
