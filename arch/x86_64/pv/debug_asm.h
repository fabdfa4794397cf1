/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block through which a debugger in dom0 (duster) and the stub of debug.S talk, by byte
 * offsets. The symbol is __duster_block, of one page. All of it but the slots is written by the
 * debugger.
 *
 *   magic      DEBUG_MAGIC once a debugger was here
 *   port       event channel to the debugger; 0: nobody is attached, traps are crash reports
 *   flags      the debugger's own: what a recovery has to undo
 *   journal    {address, original byte, state} of each breakpoint written into the code
 *   slots      one for each vCPU that stands in the stub: {state, seq, vector, frame address}
 *
 *   condition  address of code that a breakpoint calls first, 0: none. It lies in the hypercall
 *              page, at DEBUG_CONDITIONS. rdi: the struct trap_frame, the return address 16 bytes
 *              below it. Carry: the vCPU goes on with the frame as the code left it. It may
 *              change rax, rcx and rdx; a page fault or a general protection fault in it is no
 *              carry.
 *
 * A slot is taken by the stub (FREE to FILLING to STOPPED) and given back by the debugger (FREE):
 * then the vCPU goes on with the registers of its struct trap_frame, which the debugger may have
 * changed.
 */
#ifndef ARCH_X86_64_PV_DEBUG_ASM_H
#define ARCH_X86_64_PV_DEBUG_ASM_H

#define DEBUG_MAGIC       0x7274736475645831
#define DEBUG_BLOCK_BYTES 4096

#define DEBUG_PORT       16
#define DEBUG_CONDITION  96
#define DEBUG_REGISTERS  32 /* dr0 to dr3 and dr7, for vCPUs that come up; 0 while none is set */
#define DEBUG_SLOTS      1024
#define DEBUG_SLOT_BYTES 64
#define DEBUG_SLOT_COUNT 48

#define DEBUG_SLOT_SEQ    4
#define DEBUG_SLOT_VECTOR 8
#define DEBUG_SLOT_FRAME  16

/* Xen's numbers, whose headers assembly cannot read; traps.c asserts them. */
#define DEBUG_EVTCHNOP_SEND 4
#define DEBUG_SCHEDOP_YIELD 0
#define DEBUG_SCHEDOP_POLL  3
/* In struct vcpu, which begins with its vcpu_info. */
#define DEBUG_TIME_TSC    40
#define DEBUG_TIME_SYSTEM 48
#define DEBUG_TIME_MUL    56
#define DEBUG_TIME_SHIFT  60

/* Xen defines hypercalls up to 55; this many bytes from here on in their page nobody calls. */
#define DEBUG_CONDITIONS       3584
#define DEBUG_CONDITIONS_BYTES 512

#define DEBUG_SLOT_FREE    0
#define DEBUG_SLOT_FILLING 1
#define DEBUG_SLOT_STOPPED 2

#endif
