/* SPDX-License-Identifier: BSD-2-Clause */
/* Handlers: calling them, on which stack and with which mask. Linked with sigaction(). */
#include <errno.h>
#include <string.h>

#include "lib/posix/sig.h"

static struct sig_thread *self(void)
{
	return thread_self()->signals;
}

bool sig_handled(int signal)
{
	_sig_func_ptr handler = sig_actions[signal].sa_handler;

	return handler != SIG_DFL && handler != SIG_IGN && !(sig_blocked() & SIG_BIT(signal));
}

static bool altstack_contains(uintptr_t stack)
{
	/* By address, so that a longjmp out of the handler leaves nothing to undo. */
	return stack - (uintptr_t)self()->altstack.ss_sp < self()->altstack.ss_size;
}

uintptr_t sig_stack_for(int signal, uintptr_t stack)
{
	const stack_t *altstack = &self()->altstack;

	if (!(sig_actions[signal].sa_flags & SA_ONSTACK) || !altstack->ss_size ||
	    altstack_contains(stack))
		return stack;
	return (uintptr_t)altstack->ss_sp + altstack->ss_size;
}

void sig_get_altstack(stack_t *stack_out)
{
	*stack_out = self()->altstack;
	stack_out->ss_flags = !stack_out->ss_size ? SS_DISABLE
			      : altstack_contains((uintptr_t)__builtin_frame_address(0))
				      ? SS_ONSTACK
				      : 0;
}

int sig_set_altstack(const stack_t *stack)
{
	if (altstack_contains((uintptr_t)__builtin_frame_address(0)))
		return -EPERM;
	if (stack->ss_flags && stack->ss_flags != SS_DISABLE && stack->ss_flags != SS_ONSTACK)
		return -EINVAL;
	if (stack->ss_flags == SS_DISABLE) {
		self()->altstack.ss_size = 0;
		return 0;
	}
	if (stack->ss_size < MINSIGSTKSZ)
		return -ENOMEM;
	self()->altstack = *stack;
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

/* What is to be done, with SA_RESETHAND having its effect. */
static void take_action(int signal, struct sigaction *action_out)
{
	bool enabled = spin_lock_events(&sig_lock);

	*action_out = sig_actions[signal];
	if (action_out->sa_flags & SA_RESETHAND)
		sig_actions[signal].sa_handler = SIG_DFL;
	spin_unlock_events(&sig_lock, enabled);
}

enum sig_result sig_handle(const siginfo_t *info, ucontext_t *context)
{
	int signal = info->si_signo;
	struct sigaction action;
	siginfo_t info_copy = *info; /* the handler may change it */
	uintptr_t here, stack;
	ucontext_t own;
	struct handler_call call = {&action, &info_copy, context};

	here = (uintptr_t)__builtin_frame_address(0);
	stack = sig_stack_for(signal, here);
	take_action(signal, &action);
	/* Another thread may have changed it just now. */
	if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
		return SIG_NONE;
	if (!context) {
		memset(&own, 0, sizeof(own));
		own.uc_mcontext.gregs[REG_RIP] = (greg_t)__builtin_return_address(0);
		own.uc_mcontext.gregs[REG_RBP] = (greg_t)here;
		own.uc_mcontext.gregs[REG_RSP] = (greg_t)here;
		call.context = &own;
	}
	call.context->uc_sigmask = sig_blocked();
	sig_get_altstack(&call.context->uc_stack);
	sig_change_mask(call.context->uc_sigmask | action.sa_mask |
			(action.sa_flags & SA_NODEFER ? 0 : SIG_BIT(signal)));
	self()->runs++;
	if (stack != here)
		call_on_stack((void *)(stack & -16UL), call_handler, &call);
	else
		call_handler(&call);
	sig_change_mask(call.context->uc_sigmask);
	return action.sa_flags & SA_RESTART ? SIG_RESTART : SIG_EINTR;
}
