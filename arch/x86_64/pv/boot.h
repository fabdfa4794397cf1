/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of day: what the domain builder left us, checked once and kept.
 * Valid from core_start() on; read-only afterwards except in resume.
 * Source: Xen public/xen.h (struct start_info), public/elfnote.h.
 */
#ifndef ARCH_X86_64_PV_BOOT_H
#define ARCH_X86_64_PV_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/pv/layout.h"

struct shared_info;

struct boot_info {
	uint64_t pages_count; /* pages given to this domain */
	uint32_t flags;       /* SIF_* */
	bool initial_domain;  /* booted by Xen itself: no xenstore, console by hypercall */
	uint64_t console_mfn; /* 0 for an initial domain */
	uint32_t console_port;
	uint64_t store_mfn; /* 0 for an initial domain */
	uint32_t store_port;
	uint64_t module_pfn;   /* first page of ramdisk=, valid when module_bytes > 0 */
	uint64_t module_bytes; /* exact length */
	char cmdline[1024];    /* NUL-terminated copy */
	uint64_t entry_tsc;    /* time-stamp counter at the first instruction */
};

extern struct boot_info boot_info;

/* The page shared with Xen; mapped from early boot on. Hostile only in event bits we own. */
extern struct shared_info *boot_shared_info;

/* Provided by core: continues on the boot stack with traps and page tables of our own. */
_Noreturn void core_start(void);

/* Tells the toolstack where the p2m is (xl dump-core, save, migrate). After page_init(). */
void boot_publish_p2m(void);

/* Makes everything marked __ro_after_init read-only. */
void boot_seal(void);

/* Lets programs use the vector registers and the instructions for the FS and GS base. On each vCPU,
 * as its first act. */
void boot_enable_vectors(void);

/* The boot stack lies at boot_stack + BOOT_STACK_TOP, downwards, between two guard pages. */
extern char boot_stack[];

/* Writes text straight to the console without lock, event or memory: the ring when there
 * is one (giving up after a bound when nobody drains it), else CONSOLEIO_write.
 * Any context, re-entrant; for panics and early boot only. */
void boot_emergency_write(const char *text, size_t text_bytes);
/* Gives the processor away for that long (debug.S). Any context, once vCPU 0's time is known. */
void boot_wait(uint64_t wait_ns);
/* Waits, within the same bound, until the other end has taken everything. */
void boot_emergency_drain(void);

#endif
