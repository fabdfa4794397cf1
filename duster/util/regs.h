/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of an x86-64 vCPU as duster keeps them. The first seventeen stand at their DWARF
 * numbers (System V ABI, AMD64 supplement, figure 3.36).
 */
#ifndef DUSTER_UTIL_REGS_H
#define DUSTER_UTIL_REGS_H

#include <stdbool.h>
#include <stdint.h>

enum reg {
	CPU_RAX,
	CPU_RDX,
	CPU_RCX,
	CPU_RBX,
	CPU_RSI,
	CPU_RDI,
	CPU_RBP,
	CPU_RSP,
	CPU_R8,
	CPU_R9,
	CPU_R10,
	CPU_R11,
	CPU_R12,
	CPU_R13,
	CPU_R14,
	CPU_R15,
	CPU_RIP,
	CPU_RFLAGS,
	CPU_CS,
	CPU_SS,
	CPU_DS,
	CPU_ES,
	CPU_FS,
	CPU_GS,
	CPU_FS_BASE,
	CPU_GS_BASE,
	CPU_CR2,
	CPU_CR3,
	REGS_COUNT
};

/* xmm0 … xmm15 have the DWARF numbers 17 … 32. */
#define CPU_DWARF_XMM0  17u
#define REGS_XMM_COUNT  16u
#define REGS_DWARF_LAST CPU_RIP

struct regs {
	uint64_t value[REGS_COUNT];
	uint32_t known; /* bit n: value[n] is known */
	uint8_t xmm[REGS_XMM_COUNT][16];
	bool xmm_known;
};

static inline bool regs_known(const struct regs *regs, unsigned int number)
{
	return number < REGS_COUNT && (regs->known >> number & 1);
}

static inline void regs_set(struct regs *regs, unsigned int number, uint64_t value)
{
	regs->value[number] = value;
	regs->known |= 1u << number;
}

#endif
