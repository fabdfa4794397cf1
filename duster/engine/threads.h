/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's threads, running or not, as the kernel's own list has them: by debug information
 * alone (struct thread, struct switch_frame and the list `threads` of core/thread.c).
 */
#ifndef DUSTER_ENGINE_THREADS_H
#define DUSTER_ENGINE_THREADS_H

#include "duster/engine/value.h"

#define THREAD_NAME_MAX 64u
/* Of a mutex's word: the id of the thread that holds it (lib/posix/mutex.h). */
#define MUTEX_OWNER 0x07ffffffu

struct guest_thread {
	uint64_t addr; /* of its struct thread */
	uint64_t id;
	char name[THREAD_NAME_MAX];
	const char *state; /* the enumerator's name in small letters, or a number */
	bool is_running;   /* on vcpu */
	unsigned int vcpu, priority;
	char wait[THREAD_NAME_MAX];      /* what it waits for; empty: nothing */
	uint64_t wait_where, wait_owner; /* 0: not known */
	struct regs regs;                /* to begin its backtrace with; known: 0 when running */
};

/* Calls fn for each until it returns false. -ENOENT: a program without threads. */
int threads_each(struct session *session,
		 bool (*fn)(void *context, const struct guest_thread *thread), void *context,
		 struct problem *problem);
int threads_find(struct session *session, uint64_t id, struct guest_thread *thread_out,
		 struct problem *problem);
/* Frames are those of this thread from now on. */
int threads_select(struct session *session, uint64_t id, struct problem *problem);

#endif
