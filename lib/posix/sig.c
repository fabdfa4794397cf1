/* SPDX-License-Identifier: BSD-2-Clause */
/* State of the signals and their delivery by function call. Parts run in event context: no C
 * library here but memory functions. */
#include "lib/posix/sig.h"

#include <errno.h>
#include <string.h>

#include "core/fault.h"
#include "lib/posix/exit.h"
#include "xen/vcpu.h"

#define NEVER_BLOCKED (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))
#define THIS_PROCESS  1

#define RFLAGS_DF (1UL << 10)
#define RFLAGS_AC (1UL << 18)

struct spinlock sig_lock;
struct sig_pending sig_process;
struct sig_thread sig_first;
struct waitq sig_queue;

struct sigaction sig_actions[NSIG];

/* Absent while there is one thread. */
#pragma weak thread_interrupt

/* NULL: a thread of the kernel's own, which takes no signals. */
static struct sig_thread *self(void)
{
	return thread_self()->signals;
}

/* Reads one word. */
static bool ignored(int signal)
{
	_sig_func_ptr handler = sig_actions[signal].sa_handler;

	if (handler == SIG_DFL)
		return SIG_IGNORED_BY_DEFAULT & SIG_BIT(signal);
	return handler == SIG_IGN && signal != SIGKILL;
}

static bool blocks(const struct thread *thread, sigset_t bit)
{
	return !thread->signals || (thread->signals->blocked & bit);
}

/* Who is to look at a signal, or NULL: it waits until somebody unblocks it. */
static struct thread *find_taker(struct thread *thread, sigset_t bit)
{
	bool directed = thread;

	if (!thread)
		thread = thread_self();
	if (!blocks(thread, bit))
		return thread;
	return sig_choose && !directed ? sig_choose(bit) : NULL;
}

static void interrupt(struct thread *thread)
{
	if (thread_interrupt) {
		thread_interrupt(thread);
	} else {
		thread->interrupted = true;
		VCPU(work_pending) = true;
	}
}

bool sig_post(struct thread *thread, int signal, int si_code)
{
	struct sig_pending *pending = thread ? &thread->signals->pending : &sig_process;
	sigset_t bit = SIG_BIT(signal);
	struct thread *taker = find_taker(thread, bit);

	/* A blocked one is kept even when ignored: it may be waited for. Only real-time signals are
	 * there more than once. */
	if ((taker && ignored(signal)) || (signal < SIGRTMIN && (pending->set & bit)) ||
	    (thread && thread->signals->blocked == SIG_ENDED))
		return false;
	pending->set |= bit;
	if (si_code == SI_KERNEL)
		pending->from_kernel |= bit;
	if (taker)
		interrupt(taker);
	return true;
}

void sig_send_thread(struct thread *thread, int signal, int si_code)
{
	bool enabled;

	if (signal >= SIGRTMIN && sig_queue_code && !sig_queue_code(thread, signal, si_code))
		return;
	enabled = spin_lock_events(&sig_lock);
	sig_post(thread, signal, si_code);
	spin_unlock_events(&sig_lock, enabled);
	waitq_wake_all(&sig_queue);
}

void sig_send(int signal, int si_code)
{
	sig_send_thread(NULL, signal, si_code);
}

sigset_t sig_pending_set(void)
{
	return self()->pending.set | sig_process.set;
}

int sig_deliverable(void)
{
	const struct sig_thread *signals = self();
	sigset_t ready;

	if (!signals || signals->holds)
		return 0;
	ready = sig_pending_set() & ~signals->blocked;
	return ready ? __builtin_ctzl(ready) + 1 : 0;
}

/* sig_lock held. */
static void take_from(struct sig_pending *pending, int signal, siginfo_t *info_out)
{
	sigset_t bit = SIG_BIT(signal);

	if (sig_queue_take && sig_queue_take(pending, signal, info_out))
		return;
	memset(info_out, 0, sizeof(*info_out));
	info_out->si_signo = signal;
	info_out->si_code = SI_KERNEL;
	if (!(pending->from_kernel & bit)) {
		info_out->si_code = SI_USER;
		info_out->si_pid = THIS_PROCESS;
	}
	pending->set &= ~bit;
	pending->from_kernel &= ~bit;
}

int sig_take(sigset_t set, siginfo_t *info_out)
{
	bool enabled = spin_lock_events(&sig_lock);
	struct sig_pending *own = &self()->pending;
	sigset_t ready = (own->set | sig_process.set) & set;
	int signal = ready ? __builtin_ctzl(ready) + 1 : 0;

	if (signal)
		take_from(own->set & SIG_BIT(signal) ? own : &sig_process, signal, info_out);
	spin_unlock_events(&sig_lock, enabled);
	return signal;
}

bool sig_next(siginfo_t *info_out)
{
	struct thread *thread = thread_self();

	if (thread->signals->holds)
		return false;
	/* First: what is sent from here on sets it again. */
	thread->interrupted = false;
	return sig_take(~thread->signals->blocked, info_out) != 0;
}

enum sig_result sig_deliver(void)
{
	struct thread *thread = thread_self();
	siginfo_t info;

	while (sig_next(&info))
		sig_note(sig_run(&info, NULL));
	return (enum sig_result)thread->handlers_said;
}

void sig_hold(void)
{
	self()->holds++;
}

bool sig_held(void)
{
	return self()->holds > 0;
}

enum sig_result sig_release(void)
{
	struct thread *thread = thread_self();
	struct sig_thread *signals = thread->signals;

	if (--signals->holds > 0)
		return SIG_NONE;
	/* What comes from here on is delivered where it interrupts us. */
	barrier();
	if (!((signals->pending.set | sig_process.set) & ~signals->blocked) &&
	    !READ_ONCE(thread->interrupted))
		return (enum sig_result)thread->handlers_said;
	return sig_deliver();
}

unsigned int sig_runs(void)
{
	return self()->runs;
}

sigset_t sig_blocked(void)
{
	return self()->blocked;
}

/* Process signals that this thread would have taken are others' now. */
void sig_change_mask(sigset_t blocked)
{
	struct thread *thread = thread_self();
	bool enabled = spin_lock_events(&sig_lock);
	sigset_t lost = sig_process.set & blocked & ~thread->signals->blocked;

	thread->signals->blocked = blocked & ~NEVER_BLOCKED;
	if (lost && sig_hand_over)
		sig_hand_over(lost);
	/* For a wait during which delivery is held. */
	if (sig_pending_set() & ~thread->signals->blocked)
		thread->interrupted = true;
	spin_unlock_events(&sig_lock, enabled);
}

void sig_set_blocked(sigset_t blocked)
{
	sig_change_mask(blocked);
	if (sig_deliverable())
		sig_deliver();
}

/* ---- Doing what is to be done ---- */

enum sig_result sig_run(const siginfo_t *info, ucontext_t *context)
{
	int signal = info->si_signo;

	if (ignored(signal))
		return SIG_NONE;
	if (sig_handle && sig_actions[signal].sa_handler != SIG_DFL)
		return sig_handle(info, context);
	exit_by_signal(signal, context);
}

/* ---- Where a thread was interrupted ---- */

/* Without handlers there is nothing to come back from. */
__attribute__((used)) static _Noreturn void land(void)
{
	if (sig_enter)
		sig_enter();
	for (;;)
		sig_deliver();
}

/* As the caller the interrupted code is found by backtraces: its address stands where a return
 * address would, its frame pointer is still in rbp. Nothing ever returns there. */
__attribute__((naked)) static void start(void)
{
	__asm__("mov %%gs:%c[current], %%rax\n\t"
		"mov %c[signals](%%rax), %%rax\n\t"
		"push %c[rip](%%rax)\n\t"
		"jmp land"
		:
		: [current] "i"(VCPU_CURRENT), [signals] "i"(offsetof(struct thread, signals)),
		  [rip] "i"(offsetof(struct sig_thread, frame.rip)));
}

void sig_redirect(struct trap_frame *frame, uintptr_t stack, bool fault)
{
	struct sig_thread *signals = self();

	signals->frame = *frame;
	signals->fault = fault;
	barrier();
	signals->entering = true;
	/* start() pushes, then all is as after a call (psABI 3.2.2). */
	frame->rsp = stack & -16UL;
	frame->rip = (uintptr_t)start;
	frame->rflags &= ~(TRAP_RFLAGS_TF | RFLAGS_DF | RFLAGS_AC);
}

bool sig_may_enter(void)
{
	const struct sig_thread *signals = self();

	return signals && !signals->entering && !signals->holds;
}

void core_deliver_signals(struct trap_frame *frame)
{
	int signal;

	/* thread->interrupted stays set, for sig_enter(), sig_release() or the next wait to look.
	 */
	if (!sig_may_enter())
		return;
	signal = sig_deliverable();
	if (signal && (sig_enter || !ignored(signal)))
		sig_redirect(frame, sig_stack_for ? sig_stack_for(signal, frame->rsp) : frame->rsp,
			     false);
	else if (sig_cancel_due && sig_cancel_due())
		sig_redirect(frame, frame->rsp, false);
}

bool core_fault_signal(struct trap_frame *frame, int signal, int code, uintptr_t addr)
{
	return sig_fault && sig_fault(frame, signal, code, addr);
}
