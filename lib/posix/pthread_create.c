/* SPDX-License-Identifier: BSD-2-Clause */
/* Making threads. Whatever a program with threads needs of the library is linked from here. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "core/futex.h"
#include "core/time.h"
#include "lib/posix/pthread_attr.h"
#include "lib/posix/stdio_exit.h"
#include "lib/posix/threads.h"

/* How long a thread that has said it is done may take to leave its stack. */
#define LEAVE_NS NS_PER_S

/* Threads of the program that have not ended, the first one included. */
static uint32_t live = 1;

static _Noreturn void run(void *arg)
{
	struct pthread *thread = arg;

	if (thread->start_c11)
		pthread_exit((void *)(intptr_t)thread->start_c11(thread->arg));
	pthread_exit(thread->start(thread->arg));
}

/* On another stack, events disabled: the thread's own is free. */
static void gone(struct thread *core)
{
	struct tcb *tcb = core->owner;
	uint32_t *phase = &tcb->phase;
	bool enabled = threads_lock(), detached = tcb->claim == TCB_DETACHED;
	bool pinned = threads_record(tcb)->pins > 0;

	if (!detached) {
		__atomic_store_n(phase, TCB_GONE, __ATOMIC_RELEASE);
	} else {
		threads_remove(tcb);
		__atomic_store_n(phase, TCB_JOINED, __ATOMIC_RELEASE);
		if (!pinned)
			threads_free_later(threads_record(tcb));
	}
	threads_unlock(enabled);
	/* The word's memory may be gone, but nobody minds a wake-up. */
	if (!detached || pinned)
		futex_wake(phase, FUTEX_ALL);
}

/* A program learns that a detached thread is done from that thread, which is still on its stack
 * then, and may stay there while its vCPU has no processor. 0, EBUSY: it does not leave. */
static int wait_for_stack(uintptr_t stack_start)
{
	uint64_t deadline_ns = time_monotonic_ns() + LEAVE_NS;
	struct tcb *tcb;
	int result = 0;

	while (result == 0 && (tcb = threads_pin_stack(stack_start))) {
		while (__atomic_load_n(&tcb->phase, __ATOMIC_ACQUIRE) == TCB_LIVE &&
		       result != -ETIMEDOUT)
			result = futex_wait(&tcb->phase, TCB_LIVE, deadline_ns, 0, "stack");
		result = result == -ETIMEDOUT ? EBUSY : 0;
		threads_unpin(tcb);
	}
	return result;
}

static int prepare(struct pthread *thread, const pthread_attr_t *attr)
{
	const struct thread *creator = thread_self();
	struct tcb *tcb = &thread->tcb;
	struct thread_attr core = {
		.stack = (void *)tcb->stack_start,
		.stack_bytes = tcb->stack_bytes,
		.fpu_area = thread->fpu_area,
		.fs_base = (uintptr_t)tcb,
		.policy = creator->policy,
		.priority = creator->base_priority,
		.affinity = attr->__affinity ? attr->__affinity : creator->affinity,
		.name = creator->name,
		.gone = gone,
	};
	int error;

	if (attr->__inherit == PTHREAD_EXPLICIT_SCHED) {
		core.policy = (enum thread_policy)attr->__policy;
		core.priority = (unsigned int)attr->__priority;
	}
	error = thread_create(&thread->thread, &core, run, thread);
	if (error)
		return error == -ENOMEM ? EAGAIN : -error;
	thread->thread.owner = tcb;
	thread->thread.signals = &thread->signals;
	sig_thread_init(&thread->signals);
	tcb->thread = &thread->thread;
	tcb->id = thread->thread.id;
	tcb->claim = attr->__detach == PTHREAD_CREATE_DETACHED ? TCB_DETACHED : TCB_JOINABLE;
	return 0;
}

int threads_create(pthread_t *handle_out, const pthread_attr_t *attr, void *(*start)(void *),
		   int (*start_c11)(void *), void *arg)
{
	pthread_attr_t standard;
	struct pthread *thread;
	int error;

	if (!attr) {
		attr_get_standard(&standard);
		attr = &standard;
	} else if (!attr_valid(attr)) {
		return EINVAL;
	}
	error = attr->__stack ? wait_for_stack((uintptr_t)attr->__stack) : 0;
	if (error)
		return error;
	threads_reap();
	stdio_exit_prepare();
	thread = threads_alloc(attr->__stack, attr->__stack_bytes, attr->__guard_bytes);
	if (!thread)
		return EAGAIN;
	thread->start = start;
	thread->start_c11 = start_c11;
	thread->arg = arg;
	error = threads_add(&thread->tcb);
	if (error) {
		threads_free(thread);
		return error;
	}
	error = prepare(thread, attr);
	if (error) {
		bool enabled = threads_lock();

		threads_remove(&thread->tcb);
		threads_unlock(enabled);
		threads_free(thread);
		return error;
	}
	__atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
	/* From the start on it may be gone at any moment. */
	*handle_out = thread->tcb.handle;
	thread_start(&thread->thread);
	return 0;
}

bool threads_end_one(void)
{
	return __atomic_sub_fetch(&live, 1, __ATOMIC_ACQ_REL) == 0;
}

void threads_make_service(void)
{
	struct pthread *thread = threads_record(tcb_self());

	if (!thread->service)
		threads_end_one();
	thread->service = true;
}

int pthread_create(pthread_t *restrict handle_out, const pthread_attr_t *restrict attr,
		   void *(*start)(void *), void *restrict arg)
{
	return threads_create(handle_out, attr, start, NULL, arg);
}
