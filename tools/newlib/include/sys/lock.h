/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sys/lock.h>: the locks inside the C library (streams, environment, atexit, time zone). Two
 * words, zero when free; all are recursive. FILE contains one, so a change here needs newlib built
 * anew. While a thread holds one it is not cancelled.
 */
#ifndef _SYS_LOCK_H_
#define _SYS_LOCK_H_

#include <sys/cdefs.h>

__BEGIN_DECLS

struct __lock {
	unsigned int __word;  /* 0 or the owner's number; the highest bits say that others wait */
	unsigned int __depth; /* how often the owner has it beyond once */
};

typedef struct __lock _LOCK_T;
typedef struct __lock _LOCK_RECURSIVE_T;

void __libc_lock(struct __lock *);
/* 0 when it was taken. */
int __libc_trylock(struct __lock *);
void __libc_unlock(struct __lock *);

#define __LOCK_INIT(_qualifier, _designator)           _qualifier _LOCK_T _designator = {0, 0}
#define __LOCK_INIT_RECURSIVE(_qualifier, _designator) __LOCK_INIT(_qualifier, _designator)

#define __lock_init(_lock)        ((void)((_lock) = (struct __lock){0, 0}))
#define __lock_close(_lock)       ((void)(_lock))
#define __lock_acquire(_lock)     __libc_lock(&(_lock))
#define __lock_try_acquire(_lock) __libc_trylock(&(_lock))
#define __lock_release(_lock)     __libc_unlock(&(_lock))

#define __lock_init_recursive(_lock)        __lock_init(_lock)
#define __lock_close_recursive(_lock)       __lock_close(_lock)
#define __lock_acquire_recursive(_lock)     __lock_acquire(_lock)
#define __lock_try_acquire_recursive(_lock) __lock_try_acquire(_lock)
#define __lock_release_recursive(_lock)     __lock_release(_lock)

__END_DECLS

#endif
