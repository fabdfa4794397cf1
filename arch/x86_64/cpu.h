/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU, without Xen policy: barriers, time-stamp counter, random instructions, CPUID.
 * Everything is usable in any context. Source: Intel SDM 2A/3A.
 */
#ifndef ARCH_X86_64_CPU_H
#define ARCH_X86_64_CPU_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES 4096UL
#define PAGE_MASK  (~(PAGE_BYTES - 1))

/* For what start of day finds out and nothing changes afterwards: boot_seal() makes it read-only.
 */
#ifdef __stardust__
#define __ro_after_init __attribute__((section(".bss..ro_after_init")))
#else
#define __ro_after_init
#endif

/* In a file that is compiled for speed, what runs seldom: small instead. */
#define COLD __attribute__((cold))

/* Compiler barrier: orders accesses of this vCPU against its own upcalls. */
#define barrier() __asm__ volatile("" ::: "memory")

/* Ordering against other processors (other vCPUs, back ends, Xen). x86 keeps loads in order
 * and stores in order, so only store-then-load needs a fence instruction (SDM 3A 8.2.2). */
#define smp_mb()  __asm__ volatile("lock; addl $0,(%%rsp)" ::: "memory", "cc")
#define smp_rmb() barrier()
#define smp_wmb() barrier()

/* READ_SHARED, WRITE_SHARED: may meet another vCPU's store or load, but leave the compiler free to
 * choose the instruction. */
#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer knows atomics, and that loads and stores keep their order only from them. */
#define READ_ONCE(x)       __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define WRITE_ONCE(x, v)   __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#define READ_SHARED(x)     READ_ONCE(x)
#define WRITE_SHARED(x, v) WRITE_ONCE(x, v)
#else
#define READ_ONCE(x)       (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)   (*(volatile __typeof__(x) *)&(x) = (v))
#define READ_SHARED(x)     (x)
#define WRITE_SHARED(x, v) ((x) = (v))
#endif

/* Time-stamp counter, unordered. On the host it is the mock hypervisor's, in virtual time. */
#ifdef __stardust__
static inline uint64_t cpu_rdtsc(void)
{
	uint64_t lo, hi; /* the upper halves become 0 */

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return hi << 32 | lo;
}
#else
uint64_t cpu_rdtsc(void);
#endif

static inline void cpu_relax(void)
{
	__asm__ volatile("pause");
}

#define CPUID_1_ECX_XSAVE  (1u << 26)
#define CPUID_1_ECX_AVX    (1u << 28)
#define CPUID_1_ECX_RDRAND (1u << 30)

#define CPUID_XSAVE 0xdu /* which states XSAVE can handle: eax (and edx, of none so far) */

#define CPU_CR4_FSGSBASE (1UL << 16)
#define CPU_CR4_OSXSAVE  (1UL << 18)
#define CPU_XCR0_X87     1u
#define CPU_XCR0_SSE     2u
#define CPU_XCR0_AVX     4u
#define CPU_XCR0_PKRU    (1u << 9)

static inline void cpu_write_cr4(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr4" ::"r"(value));
}

/* Sets XCR0: which register states XSAVE handles and instructions may use (SDM 1 13.3). */
static inline void cpu_xsetbv(uint64_t value)
{
	__asm__ volatile("xsetbv" ::"a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0));
}

static inline void cpu_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
			 : "a"(leaf), "c"(subleaf));
}

/* True and 64 random bits from RDRAND, or false when the instruction failed ten times.
 * The caller has checked CPUID.1:ECX[30] (SDM 1 7.3.17). */
static inline bool cpu_rdrand(uint64_t *out)
{
	for (int tries = 0; tries < 10; tries++) {
		uint64_t value;
		bool ok;

		__asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(ok));
		if (ok) {
			*out = value;
			return true;
		}
	}
	return false;
}

/* The same from RDSEED, which takes longer to recover. The caller has checked CPUID.7:EBX[18]. */
static inline bool cpu_rdseed(uint64_t *out)
{
	for (int tries = 0; tries < 10; tries++) {
		uint64_t value;
		bool ok;

		__asm__ volatile("rdseed %0" : "=r"(value), "=@ccc"(ok));
		if (ok) {
			*out = value;
			return true;
		}
		cpu_relax();
	}
	return false;
}

#endif
