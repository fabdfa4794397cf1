/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/pv/vcpu_boot.h"

#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/debug_asm.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt_internal.h"
#include "arch/x86_64/pv/traps.h"
#include "xen/hypercall.h"

_Noreturn void vcpu_boot_begin(void (*run)(void));

/* The vCPU's first instruction. Xen has set up what the context says. */
_Noreturn __attribute__((no_stack_protector)) void vcpu_boot_begin(void (*run)(void))
{
	boot_enable_vectors();
	run();
	__builtin_trap();
}

/* Watchpoints of an attached debugger hold on this vCPU, too. */
static void take_debug_registers(struct vcpu_guest_context *context)
{
	const volatile uint64_t *debug =
		(const volatile uint64_t *)(__duster_block + DEBUG_REGISTERS);

	for (unsigned int i = 0; i < 4; i++)
		context->debugreg[i] = debug[i];
	context->debugreg[7] = debug[4];
}

int vcpu_boot_create(const struct vcpu *vcpu, uintptr_t stack_top, void (*run)(void),
		     struct vcpu_guest_context *scratch)
{
	struct vcpu_guest_context *context = scratch;
	/* As after a call: the place of the return address, 0, ends backtraces. */
	uintptr_t stack = (stack_top & ~15UL) - sizeof(uint64_t);

	*(uint64_t *)stack = 0;
	context->flags = VGCF_in_kernel;
	context->user_regs.rip = (uintptr_t)vcpu_boot_begin;
	context->user_regs.rdi = (uintptr_t)run;
	context->user_regs.rsp = stack;
	context->user_regs.cs = FLAT_KERNEL_CS;
	context->user_regs.ss = FLAT_KERNEL_SS;
	context->kernel_ss = FLAT_KERNEL_SS;
	context->kernel_sp = stack;
	context->ctrlreg[3] = xen_pfn_to_cr3(pt_pfn_to_mfn(pt_state.root));
	context->gs_base_kernel = (uintptr_t)vcpu;
	traps_fill_context(context);
	take_debug_registers(context);
	return hypercall_vcpu_op(VCPUOP_initialise, vcpu->id, context);
}
