/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/target/xen_regs.h"

#include <stddef.h>
#include <string.h>

#define FXSAVE_XMM0 160u /* SDM 1 10.5.1 */

/* cpu_user_regs holds each general register in a 64-bit word of its own. */
static const struct {
	unsigned int reg;
	size_t offset;
} places[] = {
	{CPU_RAX, offsetof(struct cpu_user_regs, rax)},
	{CPU_RDX, offsetof(struct cpu_user_regs, rdx)},
	{CPU_RCX, offsetof(struct cpu_user_regs, rcx)},
	{CPU_RBX, offsetof(struct cpu_user_regs, rbx)},
	{CPU_RSI, offsetof(struct cpu_user_regs, rsi)},
	{CPU_RDI, offsetof(struct cpu_user_regs, rdi)},
	{CPU_RBP, offsetof(struct cpu_user_regs, rbp)},
	{CPU_RSP, offsetof(struct cpu_user_regs, rsp)},
	{CPU_R8, offsetof(struct cpu_user_regs, r8)},
	{CPU_R9, offsetof(struct cpu_user_regs, r9)},
	{CPU_R10, offsetof(struct cpu_user_regs, r10)},
	{CPU_R11, offsetof(struct cpu_user_regs, r11)},
	{CPU_R12, offsetof(struct cpu_user_regs, r12)},
	{CPU_R13, offsetof(struct cpu_user_regs, r13)},
	{CPU_R14, offsetof(struct cpu_user_regs, r14)},
	{CPU_R15, offsetof(struct cpu_user_regs, r15)},
	{CPU_RIP, offsetof(struct cpu_user_regs, rip)},
	{CPU_RFLAGS, offsetof(struct cpu_user_regs, rflags)},
};
#define PLACES_COUNT (sizeof(places) / sizeof(places[0]))

void xen_regs_from_context(const vcpu_guest_context_t *context, struct regs *regs_out)
{
	const struct cpu_user_regs *user = &context->user_regs;

	for (unsigned int i = 0; i < PLACES_COUNT; i++) {
		uint64_t word;

		memcpy(&word, (const char *)user + places[i].offset, sizeof(word));
		regs_set(regs_out, places[i].reg, word);
	}
	regs_set(regs_out, CPU_CS, user->cs);
	regs_set(regs_out, CPU_SS, user->ss);
	regs_set(regs_out, CPU_DS, user->ds);
	regs_set(regs_out, CPU_ES, user->es);
	regs_set(regs_out, CPU_FS, user->fs);
	regs_set(regs_out, CPU_GS, user->gs);
	regs_set(regs_out, CPU_FS_BASE, context->fs_base);
	regs_set(regs_out, CPU_GS_BASE, context->gs_base_kernel);
	regs_set(regs_out, CPU_CR3, context->ctrlreg[3]);
	memcpy(regs_out->xmm, context->fpu_ctxt.x + FXSAVE_XMM0, sizeof(regs_out->xmm));
	regs_out->xmm_known = true;
}

void xen_regs_to_context(const struct regs *regs, vcpu_guest_context_t *context)
{
	for (unsigned int i = 0; i < PLACES_COUNT; i++)
		if (regs_known(regs, places[i].reg))
			memcpy((char *)&context->user_regs + places[i].offset,
			       &regs->value[places[i].reg], sizeof(uint64_t));
}
