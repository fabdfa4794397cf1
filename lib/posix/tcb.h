/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The thread control block: what %fs points to, and what the C library keeps for each thread, main
 * included. The thread-local variables lie right below it, and its first word is its own address
 * (x86-64 psABI, TLS variant II). Threads made by pthread_create() have more: lib/posix/threads.h.
 */
#ifndef LIB_POSIX_TCB_H
#define LIB_POSIX_TCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct _reent;
struct thread;
struct keys_values;
struct __pthread_cleanup;
struct __pthread_mutex;

/* From the linker script: the template of the thread-local variables; the last three are lengths,
 * the values are the addresses of the symbols. */
extern const char __tdata_start[];
extern const char __tdata_bytes[], __tls_bytes[], __tls_align[];

/* Of struct tcb's cancel. Others set CANCEL_PENDING, the rest is the thread's own. */
#define CANCEL_DISABLED 0x1u
#define CANCEL_ASYNC    0x2u
#define CANCEL_PENDING  0x4u
#define CANCEL_EXITING  0x8u /* in pthread_exit(): never again */

struct tcb {
	struct tcb *self;
	struct _reent *reent; /* newlib's state of this thread; tcb.c reads it at TCB_REENT */
	uint32_t id;          /* thread->id: what words of locks say; TCB_ID */
	uint32_t cancel;      /* CANCEL_*, changed atomically; TCB_CANCEL */
	uint32_t holds;       /* how many locks of the C library it has: no cancellation */
	uint32_t reads;       /* how many read locks (pthread_rwlock_t) it has */
	struct thread *thread;
	struct __pthread_cleanup *cleanup;     /* innermost */
	struct keys_values *keys;              /* pthread_key.c; NULL: none yet */
	struct __pthread_mutex *held;          /* robust mutexes and ones with a ceiling */
	const struct __pthread_mutex *turn_of; /* has its turn with this contended one, */
	uint64_t turn_ticks, turn_look_ticks;  /* since then; looked at the clock last */
	/* How often it let it go in this turn, until the last look, until the next. */
	unsigned int turn_rounds, turn_looked, turn_look;

	/* The end of it: lib/posix/pthread_exit.c. */
	uint32_t phase; /* TCB_* below; futex */
	uint32_t claim; /* likewise; guarded by threads_lock() */
	void *result;
	uint64_t handle; /* the pthread_t */

	/* Its usable stack, for pthread_getattr_np(). */
	uintptr_t stack_start;
	size_t stack_bytes, guard_bytes;
};

#ifdef TCB_HOST /* unit tests: threads of the host */
struct tcb *tcb_host(void);
#endif

enum { TCB_LIVE, TCB_GONE, TCB_JOINED };
/* To be joined yet; its memory is free when it is gone; somebody joins it. */
enum { TCB_JOINABLE, TCB_DETACHED, TCB_CLAIMED };

#define TCB_REENT  8
#define TCB_ID     16
#define TCB_CANCEL 20

/* The running thread's; never changes under it. Not through a pointer in %fs: to the compiler (gcc
 * 12) what lies behind one that was read at address 0 does not exist, and stores there are dropped.
 */
static inline struct tcb *tcb_self(void)
{
	struct tcb *self;

#ifdef TCB_HOST
	self = tcb_host();
#else
	__asm__("mov %%fs:0, %0" : "=r"(self));
#endif
	return self;
}

/* Its number, which is in the words of locks. */
static inline uint32_t tcb_id(void)
{
	uint32_t id;

#ifdef TCB_HOST
	id = tcb_host()->id;
#else
	__asm__("mov %%fs:%c1, %0" : "=r"(id) : "i"(TCB_ID));
#endif
	return id;
}

/* Its cancel, which others may change. */
static inline uint32_t tcb_cancel(void)
{
	uint32_t cancel;

#ifdef TCB_HOST
	cancel = __atomic_load_n(&tcb_host()->cancel, __ATOMIC_RELAXED);
#else
	__asm__ volatile("mov %%fs:%c1, %0" : "=r"(cancel) : "i"(TCB_CANCEL) : "memory");
#endif
	return cancel;
}

/* Bytes a thread needs for thread-local variables and a control block of control_bytes (at least
 * sizeof(struct tcb)), alignment included. */
size_t tcb_bytes(size_t control_bytes);

/* Lays out TLS block and control block right below top (given, until the thread ends), the latter
 * zeroed but for self and reent, and returns it; the stack may grow down from tcb_stack_top(). */
struct tcb *tcb_create(uintptr_t top, size_t control_bytes, struct _reent *reent);
/* First byte above the usable stack, 16-byte aligned. */
uintptr_t tcb_stack_top(const struct tcb *tcb);

/* Makes tcb the first thread's: %fs, and what belongs to it. */
void tcb_use(struct tcb *tcb);

#endif
