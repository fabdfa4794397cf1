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
	REG_RAX,
	REG_RDX,
	REG_RCX,
	REG_RBX,
	REG_RSI,
	REG_RDI,
	REG_RBP,
	REG_RSP,
	REG_R8,
	REG_R9,
	REG_R10,
	REG_R11,
	REG_R12,
	REG_R13,
	REG_R14,
	REG_R15,
	REG_RIP,
	REG_RFLAGS,
	REG_CS,
	REG_SS,
	REG_DS,
	REG_ES,
	REG_FS,
	REG_GS,
	REG_FS_BASE,
	REG_GS_BASE,
	REG_CR2,
	REG_CR3,
	REGS_COUNT
};

/* xmm0 … xmm15 have the DWARF numbers 17 … 32. */
#define REG_DWARF_XMM0  17u
#define REGS_XMM_COUNT  16u
#define REGS_DWARF_LAST REG_RIP

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
