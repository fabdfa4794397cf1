/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: what is pending for the process and for each thread, what a thread blocks, what handles
 * it, and how a handler gets to run.
 *
 * A signal arrives in event context (console, timer, toolstack) or by the program's own hand. One
 * for the process goes to a thread that does not block it: the running one if it can, else
 * one that waits, else any. The chosen thread is interrupted (core/thread.h) and delivers in one of
 * three places:
 *  - where it was interrupted, by redirecting the trap frame (sig_frame.c);
 *  - at a fault of its own, the same way;
 *  - in a call that waited and got -EINTR, or that unblocked it, by a plain function call.
 * Kernel code that must not be interrupted runs with events disabled, or between sig_hold() and
 * sig_release().
 *
 * A wait that may be interrupted ends with -EINTR while thread->interrupted is set. Whoever gets
 * -EINTR calls sig_deliver(), which clears it; SIG_NONE means that the wait goes on.
 *
 * sig.c is what every program has. Queues (sig_queue.c) and more than one thread (sig_threads.c)
 * are linked by the functions that need them.
 *
 * Lock: sig_lock. It is taken before a lock of core/, and never where one of those is held.
 */
#ifndef LIB_POSIX_SIG_H
#define LIB_POSIX_SIG_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "arch/x86_64/pv/traps.h"
#include "core/wait.h"
#include "lib/base/list.h"
#include "xen/spinlock.h"

#define SIG_BIT(signal) (1UL << ((signal)-1))
/* No other thread blocks SIGKILL. */
#define SIG_ENDED (~0UL)
/* Without job control there is nothing to stop or continue. */
#define SIG_IGNORED_BY_DEFAULT                                                                     \
	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH) | SIG_BIT(SIGCONT) |               \
	 SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

enum sig_result {
	SIG_NONE,    /* nothing was delivered */
	SIG_RESTART, /* handlers ran, all with SA_RESTART: the call may go on */
	SIG_EINTR,   /* handlers ran: the call fails with EINTR */
};

/* One signal that waits with its siginfo_t. */
struct sig_entry {
	struct list_node node; /* zeros, or points to itself, while it does not wait */
	siginfo_t info;
	/* No longer in a queue; *info_out is the taker's copy, NULL when it was thrown away.
	 * Event context, sig_lock held. */
	void (*taken)(struct sig_entry *entry, siginfo_t *info_out);
	struct sig_pending *in; /* while it waits */
};

/* Lock: sig_lock. */
struct sig_pending {
	sigset_t set;
	sigset_t from_kernel;   /* those without an entry: SI_KERNEL, not SI_USER */
	struct list_node queue; /* struct sig_entry, oldest first; zeros: empty */
};

/* Of one thread, in its TCB. */
struct sig_thread {
	struct sig_pending pending;
	sigset_t blocked;   /* written by the thread alone, under sig_lock; SIG_ENDED: takes none */
	unsigned int holds; /* the thread's own, as all below */
	unsigned int runs;  /* how many handlers ran */
	stack_t altstack;   /* ss_size 0: none */
	/* Not a signal's, but here each thread has a place: what clock_settime() added to its
	 * CPU-time clock. */
	int64_t cpu_offset_ns;
	/* From the event or trap to sig_enter(); while entering no other delivery may begin. */
	bool entering, fault;
	siginfo_t info;
	struct trap_frame frame;
};

extern struct spinlock sig_lock;
extern struct sig_pending sig_process;
extern struct sigaction sig_actions[NSIG]; /* lock: sig_lock */
/* The first thread's. Others' lie in their TCBs. */
extern struct sig_thread sig_first;
/* Woken whenever a signal becomes pending, blocked ones included. */
extern struct waitq sig_queue;

/* Makes a signal pending for the process, or drops it when ignored. Any context. SI_USER,
 * SI_KERNEL. */
void sig_send(int signal, int si_code);
/* The same for one thread, which the caller keeps from ending. */
void sig_send_thread(struct thread *thread, int signal, int si_code);
/* Their inner part, sig_lock held: false when it was dropped. The caller wakes sig_queue. */
bool sig_post(struct thread *thread, int signal, int si_code);

/* Delivers what is pending and not blocked, in the running thread. After a wait that ended with
 * -EINTR it yields what all handlers said that ran since. Thread context, events enabled. */
enum sig_result sig_deliver(void);

/* Defers asynchronous delivery; counts. sig_release() delivers what came meanwhile. Thread context.
 */
void sig_hold(void);
enum sig_result sig_release(void);
/* How many handlers the running thread ran so far: whether one did since an earlier look, without a
 * gap when held. */
unsigned int sig_runs(void);
bool sig_held(void);

/* Of the running thread. */
sigset_t sig_blocked(void);
/* Replaces the mask, then delivers what it unblocked. SIGKILL and SIGSTOP are never blocked. */
void sig_set_blocked(sigset_t blocked);
/* For the running thread or the process. */
sigset_t sig_pending_set(void);
/* Takes a pending signal of the set without delivering it: its number, or 0. */
int sig_take(sigset_t set, siginfo_t *info_out);

/* Does what the action of one taken signal says. context NULL: made up on demand. */
enum sig_result sig_run(const siginfo_t *info, ucontext_t *context);
/* The signal that would be delivered now, 0 for none: the lowest number is first. */
int sig_deliverable(void);
/* Takes the one that is to be delivered next; clears thread->interrupted. */
bool sig_next(siginfo_t *info_out);

/* Replaces the mask and delivers nothing. */
void sig_change_mask(sigset_t blocked);

/* Whether a delivery may begin where the running thread was interrupted. Events disabled. */
bool sig_may_enter(void);
/* Makes the frame resume in sig_enter() on the given stack. */
void sig_redirect(struct trap_frame *frame, uintptr_t stack, bool fault);

/* --- sig_handle.c, sig_frame.c: absent in programs that handle no signal and have one thread ---
 */

/* Runs the handler: mask, stack, flags. */
enum sig_result sig_handle(const siginfo_t *info, ucontext_t *context) __attribute__((weak));
bool sig_handled(int signal);
/* Where the frame of this signal's handler goes when the thread's stack pointer is stack. */
uintptr_t sig_stack_for(int signal, uintptr_t stack) __attribute__((weak));
void sig_get_altstack(stack_t *stack_out);
/* 0, -EPERM while running on it, -ENOMEM when too small, -EINVAL. */
int sig_set_altstack(const stack_t *stack);

/* What core_fault_signal() and sig_redirect() come to. */
bool sig_fault(struct trap_frame *frame, int signal, int code, uintptr_t addr)
	__attribute__((weak));
_Noreturn void sig_enter(void) __attribute__((weak));

#define SIG_WANT_HANDLERS()                                                                        \
	__asm__(".reloc 0, R_X86_64_NONE, sig_handle\n\t.reloc 0, R_X86_64_NONE, sig_enter")

/* --- sig_queue.c: absent until something queues --- */

/* Makes a signal pending with entry (borrowed until taken() is called, perhaps at once);
 * entry->info.si_signo is the signal. thread NULL: the process. It does not wait yet. False: one of
 * that number below SIGRTMIN was pending already, or it is ignored, and taken() is not called. Any
 * context. */
bool sig_send_entry(struct thread *thread, struct sig_entry *entry);
/* Its inner part, sig_lock held. The caller wakes sig_queue. */
bool sig_post_entry(struct thread *thread, struct sig_entry *entry);
/* Takes the oldest entry of a pending signal: false when there is none. sig_lock held. */
bool sig_queue_take(struct sig_pending *pending, int signal, siginfo_t *info_out)
	__attribute__((weak));
/* Throws all entries of the set away. sig_lock held. */
void sig_queue_discard(struct sig_pending *pending, sigset_t set) __attribute__((weak));
static inline bool sig_queue_waits(const struct sig_entry *entry)
{
	return entry->node.next && entry->node.next != &entry->node;
}
/* Takes one entry out of whatever queue it is in; taken() is not called. False: it was in none. */
bool sig_queue_cancel(struct sig_entry *entry);
/* A signal with all of *info for thread, or the process when NULL. -EAGAIN: SIGQUEUE_MAX wait. */
int sig_queue_info(struct thread *thread, const siginfo_t *info);
/* The same for a real-time signal without a value. */
int sig_queue_code(struct thread *thread, int signal, int si_code) __attribute__((weak));
/* For objects whose programs want signals queued. */
#define SIG_WANT_QUEUE() __asm__(".reloc 0, R_X86_64_NONE, sigqueue")

/* --- sig_threads.c: absent while there is one thread --- */

/* A thread that does not block the signals of the bit, NULL for none. sig_lock held. */
struct thread *sig_choose(sigset_t bit) __attribute__((weak));
/* Finds somebody for process signals of the set, which the running thread blocks now. Likewise. */
void sig_hand_over(sigset_t set) __attribute__((weak));
/* Forgets what is pending for threads of the set. Likewise. */
void sig_discard_threads(sigset_t set) __attribute__((weak));

/* sig_send_entry() to the thread with this id; false also when there is none. Any context. */
bool sig_send_entry_to(uint32_t id, struct sig_entry *entry);

/* Before the thread starts: the running thread's mask, nothing pending, no alternate stack. */
void sig_thread_init(struct sig_thread *signals);
/* The running thread takes no signal any more: what the process has pending goes to others. */
void sig_thread_end(void);

/* --- pthread_cancel.c: absent in programs that cancel nothing --- */

/* Whether an asynchronous cancellation is to be acted on now. Events disabled. */
bool sig_cancel_due(void) __attribute__((weak));
/* The same for the running thread: not while delivery is held, or lists of the C library's are
 * locked. */
bool sig_cancel_now(void) __attribute__((weak));
/* Acts on it, then does not return. Thread context, where a handler would run. */
void sig_cancel_look(void) __attribute__((weak));

/* For whoever gets -EINTR from a wait. */
static inline void sig_note(enum sig_result result)
{
	struct thread *thread = thread_self();

	if (result > thread->handlers_said)
		thread->handlers_said = (uint8_t)result;
}

static inline bool sig_valid(int signal)
{
	return signal > 0 && signal < NSIG;
}

#endif
