/* SPDX-License-Identifier: BSD-2-Clause */
/* Constants of traps.h that entry.S shares. */
#ifndef ARCH_X86_64_PV_TRAPS_ASM_H
#define ARCH_X86_64_PV_TRAPS_ASM_H

/* Beyond the processor's 32 vectors: what else enters us. */
#define TRAP_FAILSAFE 32
#define TRAP_UPCALL   33

#endif
