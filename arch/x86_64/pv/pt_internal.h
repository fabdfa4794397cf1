/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the page-table files of this directory share: entry bits, index arithmetic, batches of
 * updates, and how start of day hands over. Source: SDM 3A 4.5; Xen: public/xen.h MMU_*.
 */
#ifndef ARCH_X86_64_PV_PT_INTERNAL_H
#define ARCH_X86_64_PV_PT_INTERNAL_H

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/layout.h"
#include "arch/x86_64/pv/pt.h"
#include "xen/abi.h"

#define PTE_PRESENT  0x001ULL
#define PTE_WRITE    0x002ULL
#define PTE_USER     0x004ULL /* Xen runs the kernel of a 64-bit PV guest in ring 3 */
#define PTE_ACCESSED 0x020ULL
#define PTE_DIRTY    0x040ULL
#define PTE_LARGE    0x080ULL /* in L2 and L3; only Xen makes them (for the p2m) */
/* Ours, in an entry that is not present: the frame is kept, by pfn, for a later pt_protect. */
#define PTE_HELD    0x200ULL
#define PTE_NX      (1ULL << 63)
#define PTE_ADDRESS 0x000ffffffffff000ULL

#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
/* Accessed and dirty in advance, so that the processor never has to set them. */
#define PTE_READ (PTE_PRESENT | PTE_USER | PTE_ACCESSED)
#define PTE_RW   (PTE_READ | PTE_WRITE | PTE_DIRTY | PTE_NX)

#define PT_ENTRIES 512ULL
#define PT_LEVELS  4

/* Index of vaddr's entry in a table of the level, and bytes below one entry. */
static inline unsigned int pt_index(uintptr_t vaddr, int level)
{
	return (unsigned int)(vaddr >> (PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

static inline uintptr_t pt_level_bytes(int level)
{
	return PAGE_BYTES << (9 * (level - 1));
}

static inline mfn_t pte_mfn(uint64_t pte)
{
	return (pte & PTE_ADDRESS) >> PAGE_SHIFT;
}

static inline uint64_t pte_make(mfn_t mfn, uint64_t flags)
{
	return mfn << PAGE_SHIFT | flags;
}

/* Leaf flags for PT_PROT_READ etc.; the caller has refused write with exec. */
static inline uint64_t pte_flags(unsigned int prot)
{
	if (prot & PT_PROT_WRITE)
		return PTE_RW;
	return prot & PT_PROT_EXEC ? PTE_READ : PTE_READ | PTE_NX;
}

/* Updates on their way to Xen, done in order. The first error sticks. */
#define PT_BATCH_MAX 32u
struct pt_batch {
	unsigned int count;
	int error;
	struct mmu_update updates[PT_BATCH_MAX];
};

static inline void pt_batch_init(struct pt_batch *batch)
{
	batch->count = 0;
	batch->error = 0;
}

/* 0 or the first error of the batch. */
int pt_batch_flush(struct pt_batch *batch);
/* The entry at machine address maddr becomes value. */
void pt_batch_add(struct pt_batch *batch, uint64_t maddr, uint64_t value);

/* Empties this domain's TLBs. */
void pt_tlb_flush(void);
/* Gives every entry that is not empty its new value; clear: empties it. TLBs are not flushed. */
int pt_change(uintptr_t vaddr, size_t pages_count, unsigned int prot, bool clear);

/* The table an entry refers to, in the direct map; NULL when it is not in it (the p2m's own). */
uint64_t *pt_table(uint64_t entry);

/* Start of day's findings, set once. */
struct pt_range {
	pfn_t first, end;
};
enum pt_reserved { PT_RESERVED_IMAGE, PT_RESERVED_BUILDER, PT_RESERVED_MODULE, PT_RESERVED_P2M };
#define PT_RESERVED_COUNT 4

struct pt_state {
	const mfn_t *p2m;
	const uint64_t *m2p;
	pfn_t pages_count;
	pfn_t root;        /* the L4 table's pfn */
	pfn_t boot_mapped; /* the builder mapped the pfns below */
	pfn_t p2m_tables;  /* the p2m's page tables begin here, to the end of its range */
	struct pt_range reserved[PT_RESERVED_COUNT];
};
extern struct pt_state pt_state;

/* How far the direct map reaches, moved by pt_dmap_extend. */
extern pfn_t pt_dmap_end;

/* Leaves the builder's page tables for our own. random: at least 40 random bits. Early boot. */
void pt_boot(const struct start_info *start, uint64_t random);

#endif
