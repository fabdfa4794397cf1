/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals where the thread was interrupted: by an event, or by a fault of its own.
 *
 * The trap frame lies on the interrupted stack below the thread's stack pointer, so nothing can be
 * built there while it lives. The handler of the event therefore keeps a copy of the frame aside,
 * makes the thread resume in sig_enter(), and sig_enter(), an ordinary function on the thread's (or
 * the alternate) stack, saves the FPU, runs the handlers and puts everything back.
 */
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "arch/x86_64/fpu.h"
#include "arch/x86_64/pv/pt.h"
#include "arch/x86_64/pv/traps.h"
#include "core/fault.h"
#include "lib/posix/sig.h"
#include "xen/evtchn.h"

#define RFLAGS_TF (1UL << 8)
#define RFLAGS_DF (1UL << 10)
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

/* Handed from the event (or trap) to sig_enter(). While busy no other delivery may begin. */
static struct {
	bool busy, fault;
	struct trap_frame frame;
	siginfo_t info;
} entering;

static size_t fpu_bytes;

static void context_from_frame(ucontext_t *context, const struct trap_frame *frame)
{
	greg_t *gregs = context->uc_mcontext.gregs;

	gregs[REG_R8] = (greg_t)frame->r8;
	gregs[REG_R9] = (greg_t)frame->r9;
	gregs[REG_R10] = (greg_t)frame->r10;
	gregs[REG_R11] = (greg_t)frame->r11;
	gregs[REG_R12] = (greg_t)frame->r12;
	gregs[REG_R13] = (greg_t)frame->r13;
	gregs[REG_R14] = (greg_t)frame->r14;
	gregs[REG_R15] = (greg_t)frame->r15;
	gregs[REG_RDI] = (greg_t)frame->rdi;
	gregs[REG_RSI] = (greg_t)frame->rsi;
	gregs[REG_RBP] = (greg_t)frame->rbp;
	gregs[REG_RBX] = (greg_t)frame->rbx;
	gregs[REG_RDX] = (greg_t)frame->rdx;
	gregs[REG_RAX] = (greg_t)frame->rax;
	gregs[REG_RCX] = (greg_t)frame->rcx;
	gregs[REG_RSP] = (greg_t)frame->rsp;
	gregs[REG_RIP] = (greg_t)frame->rip;
	gregs[REG_EFL] = (greg_t)frame->rflags;
	gregs[REG_ERR] = (greg_t)frame->error_code;
	gregs[REG_TRAPNO] = (greg_t)frame->vector;
	gregs[REG_CR2] = (greg_t)frame->cr2;
}

static void frame_from_context(struct trap_frame *frame, const ucontext_t *context)
{
	const greg_t *gregs = context->uc_mcontext.gregs;

	frame->r8 = (uint64_t)gregs[REG_R8];
	frame->r9 = (uint64_t)gregs[REG_R9];
	frame->r10 = (uint64_t)gregs[REG_R10];
	frame->r11 = (uint64_t)gregs[REG_R11];
	frame->r12 = (uint64_t)gregs[REG_R12];
	frame->r13 = (uint64_t)gregs[REG_R13];
	frame->r14 = (uint64_t)gregs[REG_R14];
	frame->r15 = (uint64_t)gregs[REG_R15];
	frame->rdi = (uint64_t)gregs[REG_RDI];
	frame->rsi = (uint64_t)gregs[REG_RSI];
	frame->rbp = (uint64_t)gregs[REG_RBP];
	frame->rbx = (uint64_t)gregs[REG_RBX];
	frame->rdx = (uint64_t)gregs[REG_RDX];
	frame->rax = (uint64_t)gregs[REG_RAX];
	frame->rcx = (uint64_t)gregs[REG_RCX];
	frame->rsp = (uint64_t)gregs[REG_RSP];
	frame->rip = (uint64_t)gregs[REG_RIP];
	frame->rflags = (frame->rflags & ~RFLAGS_USER) | ((uint64_t)gregs[REG_EFL] & RFLAGS_USER);
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

/* As the handlers' caller the interrupted code is found by backtraces: its address stands where a
 * return address would, its frame pointer is still in rbp. Nothing ever returns there. */
__attribute__((used)) static uint64_t sig_interrupted_rip;

__attribute__((naked)) static void sig_start(void)
{
	__asm__("push sig_interrupted_rip(%rip)\n\t"
		"jmp sig_enter");
}

__attribute__((used)) static _Noreturn void sig_enter(void)
{
	void *fpu = __builtin_alloca_with_align(fpu_bytes, FPU_STATE_ALIGN * 8);
	struct trap_frame frame;
	ucontext_t context;
	siginfo_t info;
	bool fault;

	/* First of all: copying may use vector registers. */
	fpu_save(fpu, fpu_bytes);
	frame = entering.frame;
	info = entering.info;
	fault = entering.fault;
	barrier();
	entering.busy = false;

	memset(&context, 0, sizeof(context));
	context_from_frame(&context, &frame);
	context.uc_mcontext.fpregs = fpu;
	if (fault)
		sig_run(&info, &context);
	while (sig_deliverable() && sig_take(~sig_blocked(), &info))
		sig_run(&info, &context);
	frame_from_context(&frame, &context);
	fpu_restore(fpu, fpu_bytes);
	resume(&frame);
}

static void redirect(struct trap_frame *frame, uintptr_t stack)
{
	entering.frame = *frame;
	sig_interrupted_rip = frame->rip;
	barrier();
	entering.busy = true;
	/* sig_start() pushes, then all is as after a call (psABI 3.2.2). */
	frame->rsp = stack & -16UL;
	frame->rip = (uintptr_t)sig_start;
	frame->rflags &= ~(RFLAGS_TF | RFLAGS_DF | RFLAGS_AC);
}

void core_deliver_signals(struct trap_frame *frame)
{
	int signal = sig_deliverable();

	/* Whatever is left for later asks again: sig_release(), or the next event. */
	VCPU(work_pending) = entering.busy;
	if (!signal || entering.busy)
		return;
	if (fpu_bytes == 0)
		fpu_bytes = fpu_state_bytes();
	entering.fault = false;
	redirect(frame, sig_stack_for(signal, frame->rsp));
}

static bool stack_usable(uintptr_t top)
{
	struct pt_walk walk;
	uintptr_t low = top - STACK_LEAST_BYTES - fpu_bytes;

	for (uintptr_t page = low & PAGE_MASK; page < top; page += PAGE_BYTES) {
		pt_walk(page, &walk);
		if (!walk.present || !(walk.prot & PT_PROT_WRITE))
			return false;
	}
	return true;
}

bool core_fault_signal(struct trap_frame *frame, int signal, int code, uintptr_t addr)
{
	uintptr_t stack;

	/* Code of ours that masks events has no state a program could recover from. */
	if ((frame->cs >> UPCALL_MASK_SHIFT) & UPCALL_MASK_BITS)
		return false;
	if (entering.busy || sig_held() || !sig_handled(signal))
		return false;
	if (fpu_bytes == 0)
		fpu_bytes = fpu_state_bytes();
	stack = sig_stack_for(signal, frame->rsp);
	if (!stack_usable(stack))
		return false;
	memset(&entering.info, 0, sizeof(entering.info));
	entering.info.si_signo = signal;
	entering.info.si_code = code;
	entering.info.si_addr = (void *)addr;
	entering.fault = true;
	redirect(frame, stack);
	return true;
}
