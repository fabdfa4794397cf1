/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual memory areas outside the image and the direct map: stacks, large heap blocks, mmap.
 *
 * Each area has an unmapped guard page on both sides and stands at an address that differs
 * between boots (at least 20 random bits). Pages are mapped at once; none is executable unless
 * asked for, none writable and executable. Any context, any vCPU; locked inside, and for short
 * times only: memory is cleared, mapped and unmapped without the lock.
 */
#ifndef CORE_VM_H
#define CORE_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/pv/pt.h"

/* Where areas may stand: top-level slots 40 to 63 (arch/x86_64/pv/layout.h). */
#ifndef VM_REGION_START /* else: the one of a host that keeps those addresses for itself */
#define VM_REGION_START (40ULL << 39)
#define VM_REGION_BYTES (24ULL << 39)
#endif

/* With prot of vm_alloc. */
#define VM_DIRTY 0x100u /* contents undefined instead of zero */
#define VM_ROOM  0x200u /* leave as much address space again behind it for vm_grow */

struct vm_area {
	uintptr_t start; /* page-aligned */
	size_t bytes;    /* of the mapped part, a multiple of the page */
	unsigned int prot;
	const char *name;     /* for reports: "main stack", "heap", "mmap"; static storage */
	uintptr_t private[2]; /* the owner's */
};

/* After page_init and random_init. */
void vm_init(void);

/* Maps bytes (rounded up to pages) of fresh zeroed memory, aligned to align_bytes (a power of
 * two, 0 for a page). prot: PT_PROT_* and VM_*. *vaddr_out is borrowed until vm_free.
 * 0, -EINVAL, -ENOMEM, -EACCES for write with exec. */
int vm_alloc(size_t bytes, size_t align_bytes, unsigned int prot, const char *name,
	     void **vaddr_out);
/* An area for a stack in the direct map, where it needs no page tables of its own and so costs next
 * to nothing at boot: VM_CARVE_BYTES(order) within 2^order pages, the others being its guards.
 * Readable and writable, contents undefined; it shares the direct map's random base. For good: it
 * is never freed. 0 or -ENOMEM (also for an order without room for anything but guards).
 *
 * Below the stack: a guard page, VM_PAD_PAGES that catch a fault, a guard page. A large frame or
 * alloca() moves the stack pointer by a page before it touches the page passed over (gcc's
 * -fstack-clash-protection), so that the fault in the first guard page is delivered *below* it:
 * there must be nobody else's memory, and room for a report or a signal handler. */
#define VM_PAD_PAGES          4
#define VM_CARVE_GUARD_PAGES  (VM_PAD_PAGES + 3)
#define VM_CARVE_BYTES(order) ((PAGE_BYTES << (order)) - VM_CARVE_GUARD_PAGES * PAGE_BYTES)
int vm_carve(unsigned int order, const char *name, void **vaddr_out);
/* vaddr was returned by vm_alloc or vm_reserve. 0; or -EINVAL when it was not, or somebody else is
 * freeing it or making it grow. */
int vm_free(void *vaddr);
/* With several vCPUs, memory that was freed is kept back until enough of it is there to be worth
 * the flush of all TLBs (core/vm_later.c). vm_settle() does that at once; true when it gave
 * something back. Any context. NULL without the scheduler. */
bool vm_settle(void);
/* Part of one area; -EINVAL, -ENOMEM, -EACCES for write with exec. */
int vm_protect(void *vaddr, size_t bytes, unsigned int prot);
/* Makes the area that starts at vaddr bytes long (rounded up to pages) without moving it; new
 * pages as vm_alloc's. 0, -EINVAL (no such area, or smaller than it is), -ENOMEM (also when
 * something stands in the way). */
int vm_grow(void *vaddr, size_t bytes);

/* The area that contains addr, or whose guard page does (is_guard_out, may be NULL); NULL when
 * none. No lock, no memory: usable in a panic, and while nobody else changes areas. */
const struct vm_area *vm_find(uintptr_t addr, bool *is_guard_out);
/* Calls fn with the area that contains addr; events are disabled and areas locked meanwhile. What
 * fn yields; false when there is no such area. Only its owner writes area->private, and only here.
 */
bool vm_with(uintptr_t addr, bool (*fn)(struct vm_area *area, void *arg), void *arg);

/* A run of virtual pages without memory, for foreign frames (shared info, grants). vm_free unmaps
 * whatever was put there. 0, -EINVAL, -ENOMEM. */
int vm_reserve(size_t bytes, const char *name, void **vaddr_out);

/* Calls fn for each area in address order until it returns false. Locked as in vm_with(). */
void vm_for_each(bool (*fn)(const struct vm_area *area, void *arg), void *arg);

/* --- between core/vm.c and core/vm_later.c --- */

/* Takes an area that nobody uses any more; false when it should be unmapped and released at once.
 * Afterwards area->private is free to use. */
bool vm_free_later(struct vm_area *area);
/* Gives memory and addresses back; in no TLB any more. */
void vm_release(struct vm_area *area);

#endif
