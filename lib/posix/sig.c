/* SPDX-License-Identifier: BSD-2-Clause */
/* State of the signals and their delivery by function call. Parts run in event context: no C
 * library here but memory functions. */
#include "lib/posix/sig.h"

#include <errno.h>
#include <string.h>

#include "arch/x86_64/pv/traps.h"
#include "lib/posix/exit.h"
#include "xen/evtchn.h"

#define NEVER_BLOCKED (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))
/* Without job control there is nothing to stop or continue. */
#define IGNORED_BY_DEFAULT                                                                         \
	(SIG_BIT(SIGCHLD) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH) | SIG_BIT(SIGCONT) |               \
	 SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

struct waitq sig_queue = WAITQ_INIT;

static struct {
	sigset_t pending, blocked;
	unsigned int holds;
	bool altstack_set;
	stack_t altstack;
	struct sigaction actions[NSIG];
	siginfo_t infos[NSIG]; /* of the pending ones; a second of the same kind is merged */
} sig;

/* After each change of what is pending or blocked. */
static void note_pending(void)
{
	bool enabled = events_disable();

	thread_self()->interrupted = sig.pending & ~sig.blocked;
	events_restore(enabled);
}

static bool ignored(int signal)
{
	_sig_func_ptr handler = sig.actions[signal].sa_handler;

	if (handler == SIG_DFL)
		return IGNORED_BY_DEFAULT & SIG_BIT(signal);
	return handler == SIG_IGN && signal != SIGKILL;
}

void sig_send_info(const siginfo_t *info)
{
	sigset_t bit = SIG_BIT(info->si_signo);
	bool enabled = events_disable();

	/* A blocked one is kept even when ignored: it may be waited for. */
	if ((sig.blocked & bit) || !ignored(info->si_signo)) {
		if (!(sig.pending & bit))
			sig.infos[info->si_signo] = *info;
		sig.pending |= bit;
		if (!(sig.blocked & bit))
			VCPU(work_pending) = true;
		note_pending();
		waitq_wake_all(&sig_queue);
	}
	events_restore(enabled);
}

void sig_send(int signal, int si_code)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = signal;
	info.si_code = si_code;
	info.si_pid = si_code == SI_KERNEL ? 0 : 1;
	sig_send_info(&info);
}

int sig_deliverable(void)
{
	sigset_t ready = sig.pending & ~sig.blocked;

	return ready && sig.holds == 0 ? __builtin_ctzl(ready) + 1 : 0;
}

int sig_take(sigset_t set, siginfo_t *info_out)
{
	bool enabled = events_disable();
	sigset_t ready = sig.pending & set;
	int signal = ready ? __builtin_ctzl(ready) + 1 : 0;

	if (signal) {
		sig.pending &= ~SIG_BIT(signal);
		note_pending();
		*info_out = sig.infos[signal];
	}
	events_restore(enabled);
	return signal;
}

static enum sig_result deliver(void)
{
	enum sig_result result = SIG_NONE;
	siginfo_t info;

	while (sig_deliverable() && sig_take(~sig.blocked, &info)) {
		enum sig_result one = sig_run(&info, NULL);

		if (one > result)
			result = one;
	}
	return result;
}

enum sig_result sig_deliver(void)
{
	return sig_deliverable() ? deliver() : SIG_NONE;
}

void sig_hold(void)
{
	sig.holds++;
}

bool sig_held(void)
{
	return sig.holds > 0;
}

void sig_release(void)
{
	if (--sig.holds == 0)
		sig_deliver();
}

sigset_t sig_blocked(void)
{
	return sig.blocked;
}

void sig_set_blocked(sigset_t blocked)
{
	sig.blocked = blocked & ~NEVER_BLOCKED;
	note_pending();
	sig_deliver();
}

sigset_t sig_pending(void)
{
	return sig.pending;
}

void sig_get_action(int signal, struct sigaction *action_out)
{
	*action_out = sig.actions[signal];
}

void sig_set_action(int signal, const struct sigaction *action)
{
	bool enabled = events_disable();

	sig.actions[signal] = *action;
	if (ignored(signal))
		sig.pending &= ~SIG_BIT(signal);
	note_pending();
	events_restore(enabled);
}

bool sig_handled(int signal)
{
	_sig_func_ptr handler = sig.actions[signal].sa_handler;

	return handler != SIG_DFL && handler != SIG_IGN && !(sig.blocked & SIG_BIT(signal));
}

static bool altstack_contains(uintptr_t stack)
{
	/* By address, so that a longjmp out of the handler leaves nothing to undo. */
	return sig.altstack_set && stack - (uintptr_t)sig.altstack.ss_sp < sig.altstack.ss_size;
}

bool sig_on_altstack(void)
{
	return altstack_contains((uintptr_t)__builtin_frame_address(0));
}

uintptr_t sig_stack_for(int signal, uintptr_t stack)
{
	if (!(sig.actions[signal].sa_flags & SA_ONSTACK) || !sig.altstack_set ||
	    altstack_contains(stack))
		return stack;
	return (uintptr_t)sig.altstack.ss_sp + sig.altstack.ss_size;
}

void sig_get_altstack(stack_t *stack_out)
{
	*stack_out = sig.altstack;
	stack_out->ss_flags = !sig.altstack_set ? SS_DISABLE : sig_on_altstack() ? SS_ONSTACK : 0;
}

int sig_set_altstack(const stack_t *stack)
{
	if (sig_on_altstack())
		return -EPERM;
	if (stack->ss_flags & ~(SS_DISABLE | SS_ONSTACK))
		return -EINVAL;
	if (!(stack->ss_flags & SS_DISABLE) && stack->ss_size < MINSIGSTKSZ)
		return -ENOMEM;
	sig.altstack = *stack;
	sig.altstack_set = !(stack->ss_flags & SS_DISABLE);
	return 0;
}

struct handler_call {
	const struct sigaction *action;
	siginfo_t *info;
	ucontext_t *context;
};

static void call_handler(void *arg)
{
	const struct handler_call *call = arg;

	if (call->action->sa_flags & SA_SIGINFO)
		call->action->sa_sigaction(call->info->si_signo, call->info, call->context);
	else
		call->action->sa_handler(call->info->si_signo);
}

/* fn(arg) on another stack. */
static void call_on_stack(void *stack_top, void (*fn)(void *), void *arg)
{
	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n\t"
			 "call *%[fn]\n\t"
			 "mov %%rbx, %%rsp"
			 : "+D"(arg)
			 : [top] "r"(stack_top), [fn] "r"(fn)
			 : "rbx", "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory",
			   "cc");
}

enum sig_result sig_run(const siginfo_t *info, ucontext_t *context)
{
	int signal = info->si_signo;
	struct sigaction action = sig.actions[signal];
	siginfo_t info_copy = *info;
	uintptr_t here, stack;
	ucontext_t own;
	struct handler_call call = {&action, &info_copy, context};

	if (action.sa_handler == SIG_IGN || (action.sa_handler == SIG_DFL && ignored(signal)))
		return SIG_NONE;
	if (action.sa_handler == SIG_DFL)
		exit_by_signal(signal, context);
	if (!context) {
		memset(&own, 0, sizeof(own));
		own.uc_mcontext.gregs[REG_RIP] = (greg_t)__builtin_return_address(0);
		own.uc_mcontext.gregs[REG_RBP] = (greg_t)__builtin_frame_address(0);
		own.uc_mcontext.gregs[REG_RSP] = own.uc_mcontext.gregs[REG_RBP];
		call.context = &own;
	}
	call.context->uc_sigmask = sig.blocked;
	sig_get_altstack(&call.context->uc_stack);
	if (action.sa_flags & SA_RESETHAND)
		sig.actions[signal].sa_handler = SIG_DFL;
	sig.blocked |= action.sa_mask & ~NEVER_BLOCKED;
	if (!(action.sa_flags & SA_NODEFER))
		sig.blocked |= SIG_BIT(signal);
	note_pending();
	here = (uintptr_t)__builtin_frame_address(0);
	stack = sig_stack_for(signal, here);
	if (stack != here)
		call_on_stack((void *)(stack & -16UL), call_handler, &call);
	else
		call_handler(&call);
	sig.blocked = call.context->uc_sigmask & ~NEVER_BLOCKED;
	note_pending();
	return action.sa_flags & SA_RESTART ? SIG_RESTART : SIG_EINTR;
}
