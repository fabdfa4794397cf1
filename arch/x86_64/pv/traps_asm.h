/* SPDX-License-Identifier: BSD-2-Clause */
/* Constants that entry.S shares with C. */
#ifndef ARCH_X86_64_PV_TRAPS_ASM_H
#define ARCH_X86_64_PV_TRAPS_ASM_H

#define TRAP_DEBUG_VECTOR      1
#define TRAP_BREAKPOINT_VECTOR 3
/* Beyond the processor's 32 vectors: what else enters us. */
#define TRAP_FAILSAFE 32
#define TRAP_UPCALL   33

/* Places in struct trap_frame, in words, and in struct vcpu_info, in bytes; traps.c asserts them.
 */
#define TRAP_FRAME_RIP    18
#define TRAP_FRAME_CS     19
#define TRAP_FRAME_RFLAGS 20
#define TRAP_FRAME_SS     22
#define VCPU_INFO_PENDING 0
#define VCPU_INFO_MASK    1

#endif
