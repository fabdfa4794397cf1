/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals where the thread was interrupted: by an event, or by a fault of its own.
 *
 * The trap frame lies on the interrupted stack below the thread's stack pointer, so nothing can be
 * built there while it lives. The handler of the event therefore keeps a copy of the frame in
 * struct sig_thread, makes the thread resume in sig_enter(), and sig_enter(), an ordinary function
 * on the thread's (or the alternate) stack, saves the FPU, runs the handlers and puts everything
 * back.
 */
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "arch/x86_64/fpu.h"
#include "arch/x86_64/pv/pt.h"
#include "arch/x86_64/pv/traps.h"
#include "core/fault.h"
#include "core/thread.h"
#include "lib/posix/cancel.h"
#include "lib/posix/mman_shared.h"
#include "lib/posix/sig.h"
#include "xen/vcpu.h"

#define RFLAGS_TF (1UL << 8)
#define RFLAGS_AC (1UL << 18)
/* What a handler may change in the flags: the arithmetic ones, DF, TF and AC. */
#define RFLAGS_USER (0xcd5UL | RFLAGS_TF | RFLAGS_AC)

#define UPCALL_MASK_SHIFT 32
#define UPCALL_MASK_BITS  0xffUL

/* Room a handler needs besides the FPU state: our frames, and a little of its own. */
#define STACK_LEAST_BYTES 3072U

_Static_assert(FAULT_SIGILL == SIGILL && FAULT_SIGTRAP == SIGTRAP && FAULT_SIGABRT == SIGABRT &&
		       FAULT_SIGBUS == SIGBUS && FAULT_SIGFPE == SIGFPE && FAULT_SIGSEGV == SIGSEGV,
	       "core/fault.h has them for rooms below newlib");
_Static_assert(FAULT_SI_KERNEL == SI_KERNEL && FAULT_ILL_ILLOPN == ILL_ILLOPN &&
		       FAULT_FPE_INTDIV == FPE_INTDIV && FAULT_FPE_INTOVF == FPE_INTOVF &&
		       FAULT_FPE_FLTINV == FPE_FLTINV && FAULT_SEGV_MAPERR == SEGV_MAPERR &&
		       FAULT_SEGV_ACCERR == SEGV_ACCERR && FAULT_BUS_ADRALN == BUS_ADRALN &&
		       FAULT_TRAP_BRKPT == TRAP_BRKPT && FAULT_TRAP_TRACE == TRAP_TRACE,
	       "likewise");

/* CPUID is slow in a guest. */
static size_t fpu_bytes(void)
{
	static size_t bytes;

	if (bytes == 0)
		bytes = fpu_state_bytes();
	return bytes;
}

/* Where in the frame each register of the context is, in words. */
#define AT(field) offsetof(struct trap_frame, field) / 8
static const uint8_t frame_words[] = {
	[REG_R8] = AT(r8),   [REG_R9] = AT(r9),      [REG_R10] = AT(r10), [REG_R11] = AT(r11),
	[REG_R12] = AT(r12), [REG_R13] = AT(r13),    [REG_R14] = AT(r14), [REG_R15] = AT(r15),
	[REG_RDI] = AT(rdi), [REG_RSI] = AT(rsi),    [REG_RBP] = AT(rbp), [REG_RBX] = AT(rbx),
	[REG_RDX] = AT(rdx), [REG_RAX] = AT(rax),    [REG_RCX] = AT(rcx), [REG_RSP] = AT(rsp),
	[REG_RIP] = AT(rip), [REG_EFL] = AT(rflags),
};
#define FRAME_REGS (sizeof(frame_words) / sizeof(frame_words[0]))
_Static_assert(REG_EFL == FRAME_REGS - 1 && REG_RIP == FRAME_REGS - 2, "no gaps in the table");

static void context_from_frame(ucontext_t *context, const struct trap_frame *frame)
{
	greg_t *gregs = context->uc_mcontext.gregs;

	for (unsigned int i = 0; i < FRAME_REGS; i++)
		gregs[i] = ((const greg_t *)frame)[frame_words[i]];
	gregs[REG_ERR] = (greg_t)frame->error_code;
	gregs[REG_TRAPNO] = (greg_t)frame->vector;
	gregs[REG_CR2] = (greg_t)frame->cr2;
}

static void frame_from_context(struct trap_frame *frame, const ucontext_t *context)
{
	const greg_t *gregs = context->uc_mcontext.gregs;
	uint64_t kept = frame->rflags & ~RFLAGS_USER;

	for (unsigned int i = 0; i < FRAME_REGS; i++)
		((greg_t *)frame)[frame_words[i]] = gregs[i];
	frame->rflags = kept | (frame->rflags & RFLAGS_USER);
}

/* Continues where frame says. The thread ran with events enabled and runs so now, so the
 * processor's own iretq does, without the hypervisor. An event in between pushes below rsp, which
 * by then has passed what was popped. */
static _Noreturn void resume(struct trap_frame *frame)
{
	__asm__ volatile("mov %%cs, %%eax\n\t"
			 "mov %%rax, %c[cs](%[frame])\n\t"
			 "mov %%ss, %%eax\n\t"
			 "mov %%rax, %c[ss](%[frame])\n\t"
			 "lea %c[r15](%[frame]), %%rsp\n\t"
			 "pop %%r15\n\tpop %%r14\n\tpop %%r13\n\tpop %%r12\n\tpop %%rbp\n\t"
			 "pop %%rbx\n\tpop %%r11\n\tpop %%r10\n\tpop %%r9\n\tpop %%r8\n\t"
			 "pop %%rax\n\tpop %%rcx\n\tpop %%rdx\n\tpop %%rsi\n\tpop %%rdi\n\t"
			 "add $8, %%rsp\n\t" /* the error code */
			 "iretq"
			 :
			 : [frame] "D"(frame), [r15] "i"(offsetof(struct trap_frame, r15)),
			   [cs] "i"(offsetof(struct trap_frame, cs)),
			   [ss] "i"(offsetof(struct trap_frame, ss))
			 : "rax", "memory");
	__builtin_unreachable();
}

_Static_assert(offsetof(struct trap_frame, rdi) - offsetof(struct trap_frame, r15) == 14 * 8 &&
		       offsetof(struct trap_frame, rip) - offsetof(struct trap_frame, r15) ==
			       16 * 8,
	       "resume() pops the frame in this order");

_Noreturn void sig_enter(void)
{
	size_t bytes = fpu_bytes();
	void *fpu = __builtin_alloca_with_align(bytes, FPU_STATE_ALIGN * 8);
	struct sig_thread *signals;
	struct trap_frame frame;
	ucontext_t context;
	siginfo_t info;
	bool fault;

	/* First of all: copying may use vector registers. */
	fpu_save(fpu, bytes);
	signals = thread_self()->signals;
	frame = signals->frame;
	info = signals->info;
	fault = signals->fault;
	memset(&context, 0, sizeof(context));
	context_from_frame(&context, &frame);
	context.uc_mcontext.fpregs = fpu;
	barrier();
	signals->entering = false;
	if (fault)
		sig_run(&info, &context);
	while (sig_next(&info))
		sig_note(sig_run(&info, &context));
	if (sig_cancel_look)
		sig_cancel_look();
	/* What comes next in the thread may be a wait that is a cancellation point. */
	if (cancel_due())
		thread_self()->interrupted = true;
	frame_from_context(&frame, &context);
	fpu_restore(fpu, bytes);
	resume(&frame);
}

static bool stack_usable(uintptr_t top)
{
	struct pt_walk walk;
	uintptr_t low = top - STACK_LEAST_BYTES - fpu_bytes();

	for (uintptr_t page = low & PAGE_MASK; page < top; page += PAGE_BYTES) {
		pt_walk(page, &walk);
		if (!walk.present || !(walk.prot & PT_PROT_WRITE))
			return false;
	}
	return true;
}

bool sig_fault(struct trap_frame *frame, int signal, int code, uintptr_t addr)
{
	struct sig_thread *signals = thread_self()->signals;
	uintptr_t stack;

	/* Code of ours that masks events has no state a program could recover from. */
	if ((frame->cs >> UPCALL_MASK_SHIFT) & UPCALL_MASK_BITS)
		return false;
	/* Beyond the end of a mapped file. */
	if (shared_fault && code == SEGV_MAPERR && shared_fault(addr)) {
		signal = SIGBUS;
		code = BUS_ADRERR;
	}
	if (!sig_may_enter() || !sig_handled(signal))
		return false;
	stack = sig_stack_for(signal, frame->rsp);
	if (!stack_usable(stack))
		return false;
	memset(&signals->info, 0, sizeof(signals->info));
	signals->info.si_signo = signal;
	signals->info.si_code = code;
	signals->info.si_addr = (void *)addr;
	sig_redirect(frame, stack, true);
	return true;
}
