/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where Xen enters the guest. It has pushed ss rsp rflags cs rip [error] r11 rcx (in this order) on
 * the interrupted stack and masked events; rsp is then a multiple of 16 (or of 8, see
 * below). The stubs complete struct trap_frame (traps.h, which asserts the offsets).
 */
#include "arch/x86_64/pv/frame_asm.h"
#include "arch/x86_64/pv/traps_asm.h"
#include "xen/abi.h"

	.cfi_sections .debug_frame
	.section .text.traps, "ax", @progbits

	.macro	trap_entry vector, error_code=0
	.globl	trap_entry_\vector
	.type	trap_entry_\vector, @function
trap_entry_\vector:
	popq	%rcx
	popq	%r11
	.if	!\error_code
	pushq	$0
	.endif
	pushq	%rdi
	movl	$\vector, %edi
	jmp	trap_common
	.size	trap_entry_\vector, . - trap_entry_\vector
	.endm

	/* 1, 3, 13 and 14 are in debug.S. */
	trap_entry 0
	trap_entry 2
	trap_entry 4
	trap_entry 5
	trap_entry 6
	trap_entry 7
	trap_entry 8, 1
	trap_entry 9
	trap_entry 10, 1
	trap_entry 11, 1
	trap_entry 12, 1
	trap_entry 16
	trap_entry 17, 1
	trap_entry 18
	trap_entry 19

	.globl	trap_common
	.type	trap_common, @function
trap_common:
	frame_save
	.globl	trap_common_saved
trap_common_saved:
	.cfi_startproc
	frame_cfi
	call	traps_handle
	/* fall through */
	.globl	trap_return
trap_return:
	frame_restore
	.cfi_endproc
	/* struct iret_context: the flags word lies where the error code was; the stub in the
	 * hypercall page pushes rcx, r11 and rax. Xen restores the mask from rflags.IF. */
	movq	$0, (%rsp)
	jmp	hypercall_page + __HYPERVISOR_iret * 32
	.size	trap_common, . - trap_common

	/* Something is pending and events were not masked. */
	.globl	upcall_entry
	.type	upcall_entry, @function
upcall_entry:
	popq	%rcx
	popq	%r11
	pushq	$0
	pushq	%rdi
	movl	$TRAP_UPCALL, %edi
	frame_save
upcall_again:
	.cfi_startproc
	frame_cfi
	leaq	8(%rsp), %rdi
	call	traps_upcall
	testb	%al, %al
	.cfi_endproc
	jne	trap_return

	/*
	 * Back without a hypercall: unmask, look again, iretq, which takes cs and ss of ring 3.
	 * An upcall may nest once we are unmasked. It finds rip in the window and so returns
	 * through Xen, which unmasks and leaves its frame in one step: frames cannot pile up.
	 */
	orl	$3, (1 + TRAP_FRAME_CS) * 8(%rsp)
	orl	$3, (1 + TRAP_FRAME_SS) * 8(%rsp)
	movb	$0, %gs:VCPU_INFO_MASK
	.globl	upcall_window
upcall_window:
	cmpb	$0, %gs:VCPU_INFO_PENDING
	jne	1f
	frame_restore
	addq	$8, %rsp		/* error code */
	iretq
1:	movb	$1, %gs:VCPU_INFO_MASK
	.globl	upcall_window_end
upcall_window_end:
	jmp	upcall_again
	.size	upcall_entry, . - upcall_entry

	/* A segment register or an iret frame Xen could not load: rcx r11 ds es fs gs below rip. */
	.globl	failsafe_entry
	.type	failsafe_entry, @function
failsafe_entry:
	popq	%rcx
	popq	%r11
	addq	$32, %rsp
	pushq	$0
	pushq	%rdi
	movl	$TRAP_FAILSAFE, %edi
	jmp	trap_common
	.size	failsafe_entry, . - failsafe_entry

	/*
	 * _Noreturn void traps_call_on_stack(void (*fn)(void *), void *arg, void *stack_top)
	 *
	 * Backtraces of ours end here. A debugger finds the old stack by call frame information:
	 * the CFA is 8 + what lies at rsp, the old rbp lies above it (DW_CFA_def_cfa_expression
	 * {breg7 0, deref, plus_uconst 8}; DW_CFA_expression rbp {breg7 8}).
	 */
	.globl	traps_call_on_stack
	.type	traps_call_on_stack, @function
traps_call_on_stack:
	.cfi_startproc
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rsp, %rcx
	movq	%rdx, %rsp
	pushq	%rbp
	pushq	%rcx
	.cfi_escape 0x0f, 5, 0x77, 0, 0x06, 0x23, 8
	.cfi_escape 0x10, 6, 2, 0x77, 8
	xorl	%ebp, %ebp
	call	*%rax
	ud2
	.cfi_endproc
	.size	traps_call_on_stack, . - traps_call_on_stack

	.section .note.GNU-stack, "", @progbits
