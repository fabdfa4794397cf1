/* SPDX-License-Identifier: BSD-2-Clause */
/* <semaphore.h>. A named semaphore lives in memory as long as the guest runs, or until unlinked. */
#ifndef _SEMAPHORE_H_
#define _SEMAPHORE_H_

#include <fcntl.h>
#include <sys/cdefs.h>
#include <sys/types.h>
#include <time.h>

/* The value in the lower half, how many wait in the upper. */
typedef struct {
	union {
		unsigned long __state;
		unsigned int __value;
	};
	unsigned long __magic;
} sem_t;

#define SEM_FAILED ((sem_t *)0)

__BEGIN_DECLS

int sem_init(sem_t *, int, unsigned int);
int sem_destroy(sem_t *);
sem_t *sem_open(const char *, int, ...);
int sem_close(sem_t *);
int sem_unlink(const char *);
int sem_wait(sem_t *);
int sem_trywait(sem_t *);
int sem_timedwait(sem_t *__restrict, const struct timespec *__restrict);
int sem_clockwait(sem_t *__restrict, clockid_t, const struct timespec *__restrict);
int sem_post(sem_t *);
int sem_getvalue(sem_t *__restrict, int *__restrict);

__END_DECLS

#endif
