/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The floating-point and vector state, by XSAVE where the system enabled it, else by FXSAVE.
 * Events never use these registers, so the state of a thread is whole wherever it is interrupted.
 * Any context. Source: Intel SDM 1, chapter 13; 2A FXSAVE.
 */
#ifndef ARCH_X86_64_FPU_H
#define ARCH_X86_64_FPU_H

#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"

#define FPU_STATE_ALIGN   64
#define FPU_FXSAVE_BYTES  512U
#define FPU_HEADER_BYTES  64U
#define FPU_CPUID_OSXSAVE (1U << 27) /* CPUID.1:ECX */
#define FPU_CPUID_XSAVE   0xdU

/* Bytes of a state area on this processor: FPU_FXSAVE_BYTES means FXSAVE. Asks CPUID: keep it. */
static inline size_t fpu_state_bytes(void)
{
	uint32_t out[4];

	cpu_cpuid(1, 0, out);
	if (!(out[2] & FPU_CPUID_OSXSAVE))
		return FPU_FXSAVE_BYTES;
	cpu_cpuid(FPU_CPUID_XSAVE, 0, out);
	return out[1] > FPU_FXSAVE_BYTES ? out[1] : FPU_FXSAVE_BYTES;
}

/* Xen may have given the registers to another domain (CR0.TS): they come back at the first use.
 * XSAVE and XRSTOR count as one on a processor, but not in QEMU 7.2's emulation, which would save
 * the other domain's; so an instruction that does nothing but count goes first.
 *
 * area is aligned to FPU_STATE_ALIGN and has the bytes fpu_state_bytes() said. */
static inline void fpu_save(void *area, size_t area_bytes)
{
	uint64_t *header = (uint64_t *)((char *)area + FPU_FXSAVE_BYTES);

	if (area_bytes == FPU_FXSAVE_BYTES) {
		__asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
		return;
	}
	/* XSAVE leaves parts of its header as they were, XRSTOR insists on zeros (SDM 1 13.7). */
	for (size_t i = 0; i < FPU_HEADER_BYTES / sizeof(*header); i++)
		header[i] = 0;
	__asm__ volatile("fnop\n\t"
			 "xsave64 (%0)" ::"r"(area),
			 "a"(-1), "d"(-1)
			 : "memory");
}

static inline void fpu_restore(const void *area, size_t area_bytes)
{
	if (area_bytes == FPU_FXSAVE_BYTES)
		__asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
	else
		__asm__ volatile("fnop\n\t"
				 "xrstor64 (%0)" ::"r"(area),
				 "a"(-1), "d"(-1)
				 : "memory");
}

#endif
