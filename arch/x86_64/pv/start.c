/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of day: from Xen's first instruction to core_start().
 */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt_internal.h"
#include "arch/x86_64/pv/traps.h"
#include "arch/x86_64/string.h"
#include "xen/abi.h"
#include "xen/vcpu.h"

struct boot_info boot_info __ro_after_init;
struct shared_info *boot_shared_info __ro_after_init;

uintptr_t __stack_chk_guard __ro_after_init;

_Noreturn void boot_start(const struct start_info *start, uint64_t entry_tsc);

/* 64 bits from RDRAND, or from the time-stamp counter alone where there is none. */
static __attribute__((no_stack_protector)) uint64_t boot_random(uint64_t salt)
{
	uint32_t regs[4];
	uint64_t value = 0;

	cpu_cpuid(1, 0, regs);
	if (regs[2] & CPUID_1_ECX_RDRAND)
		(void)cpu_rdrand(&value);
	/* Finalizer of a 64-bit multiplicative hash: each input bit reaches each output bit. */
	value ^= cpu_rdtsc() ^ salt;
	for (int round = 0; round < 3; round++) {
		value ^= value >> 32;
		value *= 0xd6e8feb86659fd93ULL;
	}
	return value ^ value >> 32;
}

/* CPUID as Xen has it for guests: the plain instruction may tell of the processor what Xen does not
 * allow (Xen: public/xen.h XEN_EMULATE_PREFIX). */
static void xen_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	__asm__ volatile(XEN_CPUID
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
			 : "a"(leaf), "c"(subleaf));
}

/* Xen starts a vCPU with SSE only, and emulates the two privileged instructions; of CR4 it takes
 * nothing but these bits. Every state that Xen offers is enabled: CPUID lists those that a guest
 * may have (SDM 1 13.2), but the ones that make sense only with user mode (PKRU) Xen refuses. */
void boot_enable_vectors(void)
{
	uint32_t regs[4];

	cpu_cpuid(1, 0, regs);
	if ((regs[2] & CPUID_1_ECX_XSAVE) && (regs[2] & CPUID_1_ECX_AVX)) {
		cpu_write_cr4(CPU_CR4_OSXSAVE | CPU_CR4_FSGSBASE);
		xen_cpuid(CPUID_XSAVE, 0, regs);
		cpu_xsetbv((regs[0] & ~CPU_XCR0_PKRU) | CPU_XCR0_X87 | CPU_XCR0_SSE | CPU_XCR0_AVX);
		string_vectors_restore(true);
	}
}

static void note_start_info(const struct start_info *start, uint64_t entry_tsc)
{
	struct boot_info *info = &boot_info;

	info->entry_tsc = entry_tsc;
	info->pages_count = start->nr_pages;
	info->flags = start->flags;
	info->initial_domain = start->flags & SIF_INITDOMAIN;
	if (!info->initial_domain) {
		info->console_mfn = start->console.domU.mfn;
		info->console_port = start->console.domU.evtchn;
		info->store_mfn = start->store_mfn;
		info->store_port = start->store_evtchn;
	}
	info->module_bytes = start->mod_len;
	if (start->flags & SIF_MOD_START_PFN)
		info->module_pfn = start->mod_start;
	else if (start->mod_len)
		info->module_pfn = (start->mod_start - LAYOUT_IMAGE_BASE) >> PAGE_SHIFT;
	for (size_t i = 0; i < sizeof(info->cmdline) - 1 && start->cmd_line[i]; i++)
		info->cmdline[i] = (char)start->cmd_line[i];
}

/* Without it no event would reach us. */
static void register_vcpu_info(void)
{
	static const char refused[] = "stardust: Xen refuses to register vcpu_info\n";
	pfn_t pfn = ((uintptr_t)&vcpu0 - LAYOUT_IMAGE_BASE) >> PAGE_SHIFT;

	if (!vcpu_register_info(&vcpu0, pt_state.p2m[pfn]))
		return;
	boot_emergency_write(refused, sizeof(refused) - 1);
	__builtin_trap();
}

/* Never returns and sets the canary, so it cannot have one itself. */
_Noreturn __attribute__((no_stack_protector)) void boot_start(const struct start_info *start,
							      uint64_t entry_tsc)
{
	vcpu_start(&vcpu0, 0);
	/* A NUL as its lowest byte keeps strings from reaching or copying the canary. */
	__stack_chk_guard = boot_random(entry_tsc) & ~0xffUL;
	traps_init();
	note_start_info(start, entry_tsc);
	pt_boot(start, boot_random(__stack_chk_guard));
	register_vcpu_info();
	boot_enable_vectors();
	core_start();
}
