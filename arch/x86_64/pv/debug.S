/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Breakpoints and single steps: with a debugger attached (debug_asm.h) the vCPU stops here until
 * it is told to go on. Nothing here may have a breakpoint itself, so it calls nothing, not even
 * the hypercall page. Works from the guest's first instruction, in any context, events masked.
 */
#include "arch/x86_64/pv/debug_asm.h"
#include "arch/x86_64/pv/frame_asm.h"
#include "arch/x86_64/pv/traps_asm.h"
#include "xen/abi.h"

#define YIELDS	1000
#define WAIT_NS 10000000

	/* A small number in three bytes instead of five: this is in every image. */
	.macro	constant number, register
	pushq	\number
	popq	\register
	.endm

	.section .text.debug_stub, "ax", @progbits
	.globl	__duster_stub
	.type	__duster_stub, @function
__duster_stub:
	.globl	trap_entry_1
trap_entry_1:
	popq	%rcx
	popq	%r11
	pushq	$0
	pushq	%rdi
	constant $TRAP_DEBUG_VECTOR, %rdi
	jmp	1f
	.globl	trap_entry_3
trap_entry_3:
	popq	%rcx
	popq	%r11
	pushq	$0
	pushq	%rdi
	constant $TRAP_BREAKPOINT_VECTOR, %rdi
1:	frame_save
	/* rdi: the frame, rbx: the block, r12d: the vector */
	movl	$__duster_block, %ebx
	movl	(%rdi), %r12d
	movl	$YIELDS, %r15d
	cmpl	$0, DEBUG_PORT(%rbx)
	jne	stop

	/* Nobody is attached: a crash report, but not for what a debugger that has just left
	 * took away. */
	cmpl	$0, (%rbx)
	je	trap_common_saved
	cmpl	$TRAP_DEBUG_VECTOR, %r12d
	je	1f
	movq	TRAP_FRAME_RIP * 8(%rdi), %rax
	cmpb	$0xcc, -1(%rax)
	je	trap_common_saved
	decq	TRAP_FRAME_RIP * 8(%rdi)
	jmp	resume
1:	andb	$~1, 1 + TRAP_FRAME_RFLAGS * 8(%rdi)	/* TF is bit 8 */
	jmp	resume

stop:	cmpl	$TRAP_BREAKPOINT_VECTOR, %r12d
	jne	find_slot
	decq	TRAP_FRAME_RIP * 8(%rdi)	/* back to the breakpoint itself */
	movq	DEBUG_CONDITION(%rbx), %rax
	testq	%rax, %rax
	je	find_slot
	call	*%rax
	jc	resume
find_slot:
	movq	%rdi, %r13
	leaq	DEBUG_SLOTS(%rbx), %r14
	movl	$DEBUG_SLOT_COUNT, %ecx
	movl	$DEBUG_SLOT_FILLING, %edx
2:	xorl	%eax, %eax
	lock cmpxchgl %edx, (%r14)
	je	3f
	addq	$DEBUG_SLOT_BYTES, %r14
	decl	%ecx
	jne	2b
	call	wait
	movq	%r13, %rdi
	jmp	find_slot

3:	movq	%r12, DEBUG_SLOT_VECTOR(%r14)
	movq	%r13, DEBUG_SLOT_FRAME(%r14)
	incl	DEBUG_SLOT_SEQ(%r14)
	movl	DEBUG_SLOT_SEQ(%r14), %ebp
	incl	(%r14)			/* FILLING to STOPPED */
	/* The block begins, at DEBUG_PORT, with what a struct evtchn_send holds. */
	constant $DEBUG_EVTCHNOP_SEND, %rdi
	leaq	DEBUG_PORT(%rbx), %rsi
	constant $__HYPERVISOR_event_channel_op, %rax
	syscall
	/* The debugger pauses the domain as soon as it has heard; until then others may run. */
4:	cmpl	$DEBUG_SLOT_STOPPED, (%r14)
	jne	resume
	cmpl	$0, DEBUG_PORT(%rbx)	/* it has gone since, and did not see us coming */
	je	gone
	cmpl	%ebp, DEBUG_SLOT_SEQ(%r14)	/* given back, and taken by another vCPU since */
	jne	resume
	call	wait
	jmp	4b

	/* One that has not heard for long may be dead or stopped itself: no time is burnt for it.
	 * Nobody sends an event when the vCPU may go on, so it looks again and again. */
wait:	decl	%r15d
	jns	yield
	movl	$WAIT_NS, %edi
	.globl	boot_wait
	.type	boot_wait, @function
boot_wait:
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	movl	$vcpu0, %esi		/* Xen: public/xen.h vcpu_time_info; all 0 at first */
	subq	DEBUG_TIME_TSC(%rsi), %rax
	movb	DEBUG_TIME_SHIFT(%rsi), %cl
	testb	%cl, %cl
	jns	5f
	negb	%cl
	shrq	%cl, %rax
	xorl	%ecx, %ecx
5:	shlq	%cl, %rax
	movl	DEBUG_TIME_MUL(%rsi), %edx
	mulq	%rdx
	shrdq	$32, %rdx, %rax
	addq	DEBUG_TIME_SYSTEM(%rsi), %rax
	addq	%rdi, %rax
	pushq	%rax			/* struct sched_poll: no ports, a time */
	pushq	$0
	pushq	$0
	movq	%rsp, %rsi
	constant $DEBUG_SCHEDOP_POLL, %rdi
	constant $__HYPERVISOR_sched_op, %rax
	syscall
	addq	$24, %rsp
	ret

yield:	xorl	%edi, %edi		/* SCHEDOP_yield, which takes no argument */
	constant $__HYPERVISOR_sched_op, %rax
	syscall
	ret

resume:	frame_restore
	/* struct iret_context: flags lie where the error code was; below: rcx, r11, rax. */
	andq	$0, (%rsp)
	pushq	%rcx
	pushq	%r11
	pushq	%rax
	constant $__HYPERVISOR_iret, %rax
	syscall

	/* The debugger has taken its breakpoints and steps with it. */
gone:	andl	$DEBUG_SLOT_FREE, (%r14)
	andb	$~1, 1 + TRAP_FRAME_RFLAGS * 8(%r13)
	jmp	resume

	/* Faults; one of a breakpoint's condition ends it. */
	.globl	trap_entry_13
	.type	trap_entry_13, @function
trap_entry_13:
	popq	%rcx
	popq	%r11
	pushq	%rdi
	constant $13, %rdi
	jmp	6f
	.globl	trap_entry_14
	.type	trap_entry_14, @function
trap_entry_14:
	popq	%rcx
	popq	%r11
	pushq	%rdi
	constant $14, %rdi
6:	pushq	%rax
	movq	24(%rsp), %rax		/* rip, above the error code */
	subq	$hypercall_page + DEBUG_CONDITIONS, %rax
	cmpq	$DEBUG_CONDITIONS_BYTES, %rax
	popq	%rax
	jae	trap_common
	popq	%rdi
	leaq	-8(%rdi), %rsp
	jmp	find_slot

	.globl	__duster_stub_end
__duster_stub_end:
	.size	__duster_stub, . - __duster_stub

	.section .bss.duster_block, "aw", @nobits
	.balign	4096
	.globl	__duster_block
	.type	__duster_block, @object
	.size	__duster_block, DEBUG_BLOCK_BYTES
__duster_block:
	.skip	DEBUG_BLOCK_BYTES

	.section .note.GNU-stack, "", @progbits
