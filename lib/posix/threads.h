/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The threads of the program: handles, and the memory of those that pthread_create() made.
 *
 * A handle (pthread_t) is a slot and the generation of its use: generation << 32 | slot + 1. The
 * first thread has slot 0 in generation 0, handle 1. A stale handle finds nothing.
 *
 * A created thread is one area: below its stack the guard and the pages that catch a fault in it
 * (core/vm.h), above it the thread-local variables, struct pthread, and the state of the vector
 * registers. Areas of the default size are kept for the next thread, up to THREADS_KEPT_SHARE of
 * the memory.
 *
 * Lock: threads_lock().
 */
#ifndef LIB_POSIX_THREADS_H
#define LIB_POSIX_THREADS_H

#include <pthread.h>
#include <reent.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/thread.h"
#include "lib/posix/sig.h"
#include "lib/posix/tcb.h"

#define THREADS_FIRST      1UL
#define THREADS_KEPT_SHARE 128

struct pthread {
	struct tcb tcb; /* first: %fs points to it */
	struct thread thread;
	struct sig_thread signals;
	struct _reent reent;
	void *(*start)(void *arg);
	int (*start_c11)(void *arg); /* thrd_create()'s instead */
	void *arg;
	void *area;
	size_t area_bytes, guard_bytes; /* guard as it was asked for */
	void *fpu_area;
	bool own_stack; /* the program's: not in the area */
	bool service;   /* threads_make_service() */
	unsigned int pins;
	struct pthread *next; /* while its memory waits for the next thread, or to be freed */
};

/* Events disabled between the two. Any context. */
bool threads_lock(void);
void threads_unlock(bool enabled);
/* NULL: there is no such thread (any more). Good until threads_unlock(), and for a thread that is
 * not the running one the thread may have ended: it is not joined yet. Locked. */
struct tcb *threads_find(pthread_t handle);
/* The record of a thread other than the first. */
static inline struct pthread *threads_record(struct tcb *tcb)
{
	return (struct pthread *)tcb;
}

/* Keeps its memory until threads_unpin(), for what cannot be done under the lock. NULL as above. */
struct tcb *threads_pin(pthread_t handle);
/* The same for a thread that runs on the stack of the program's that begins there. */
struct tcb *threads_pin_stack(uintptr_t stack_start);
void threads_unpin(struct tcb *tcb);

/* pthread_create.c. attr NULL: the default. One of start and start_c11. 0, EAGAIN, EINVAL. */
int threads_create(pthread_t *handle_out, const pthread_attr_t *attr, void *(*start)(void *),
		   int (*start_c11)(void *), void *arg);
/* The running thread serves the library, not the program, which ends without it. */
void threads_make_service(void);
/* One thread of the program less: whether it was the last. */
bool threads_end_one(void);
/* Stack bytes of a thread without attributes. */
size_t threads_stack_bytes(void);

/* threads.c: gives a new thread a slot, and its handle. 0, EAGAIN. */
int threads_add(struct tcb *tcb);
/* Takes the slot away. Locked. */
void threads_remove(struct tcb *tcb);

/* threads_memory.c: an area for a stack of stack_bytes and a guard; struct pthread is laid out.
 * own: a stack of the program's, NULL for none. NULL: no memory. Thread context. */
struct pthread *threads_alloc(void *own, size_t stack_bytes, size_t guard_bytes);
/* The area is kept or freed; nobody runs on it. Thread context. */
void threads_free(struct pthread *thread);
/* The same where nothing may be freed: threads_reap() does it later. Locked. */
void threads_free_later(struct pthread *thread);
void threads_reap(void);

#endif
