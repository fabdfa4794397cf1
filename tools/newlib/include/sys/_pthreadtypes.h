/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sys/_pthreadtypes.h>: the types of <pthread.h>, which <sys/types.h> makes visible too. A mutex,
 * condition, read-write lock or once control of zeros is one in its default state.
 */
#ifndef _SYS__PTHREADTYPES_H_
#define _SYS__PTHREADTYPES_H_

/* A slot and its generation: one that is gone is ESRCH, not another thread. 0 is none. */
typedef unsigned long pthread_t;
typedef unsigned int pthread_key_t;

typedef unsigned int pthread_once_t; /* 0: not begun */

typedef struct {
	unsigned int __magic;
	int __detach, __inherit, __policy, __priority, __scope;
	void *__stack; /* lowest address; NULL: the system's choice */
	unsigned long __stack_bytes;
	unsigned long __guard_bytes;
	unsigned long __affinity; /* bit n: may run on CPU n; 0: on any */
} pthread_attr_t;

typedef struct __pthread_mutex {
	unsigned int __word; /* owner's number and flags (lib/posix/mutex.h) */
	unsigned int __kind; /* type, protocol, robustness */
	unsigned int __depth;
	unsigned int __waiters;
	unsigned int __turn;
	short __ceiling;
	short __state; /* robust ones: whether the data behind it are consistent */
	struct __pthread_mutex *__next, **__link; /* robust or with a ceiling: the owner's list */
} pthread_mutex_t;

typedef struct {
	unsigned int __magic;
	int __type, __protocol, __ceiling, __robust, __shared;
} pthread_mutexattr_t;

typedef struct {
	unsigned int __sequence;
	unsigned int __waiters;
	unsigned int __newest; /* the sequence the latest waiter saw */
	unsigned int __clock;
	pthread_mutex_t *__mutex;
} pthread_cond_t;

typedef struct {
	unsigned int __magic;
	int __clock, __shared;
} pthread_condattr_t;

typedef struct {
	unsigned int __word; /* readers and flags (lib/posix/pthread_rwlock.c) */
	unsigned int __writer;
	unsigned int __lock[2];
	void *__first; /* who waits, best first */
} pthread_rwlock_t;

typedef struct {
	unsigned int __magic;
	int __shared, __kind;
} pthread_rwlockattr_t;

typedef struct {
	unsigned int __round;
	unsigned int __arrived;
	unsigned int __inside;
	unsigned int __count;
} pthread_barrier_t;

typedef struct {
	unsigned int __magic;
	int __shared;
} pthread_barrierattr_t;

typedef unsigned int pthread_spinlock_t;

#endif
