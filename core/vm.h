/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual memory areas outside the image and the direct map: stacks, large heap blocks, mmap.
 *
 * Each area has an unmapped guard page on both sides and stands at an address that differs
 * between boots (at least 20 random bits). Pages are mapped at once; none is executable unless
 * asked for, none writable and executable. Any context; events are masked inside.
 */
#ifndef CORE_VM_H
#define CORE_VM_H

#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/pv/pt.h"

struct vm_area {
	uintptr_t start; /* page-aligned */
	size_t bytes;	 /* of the mapped part, a multiple of the page */
	unsigned int prot;
	const char *name; /* for reports: "main stack", "heap", "mmap"; static storage */
};

void vm_init(void);

/* Maps bytes (rounded up to pages) of fresh zeroed memory, aligned to align_bytes (a power of
 * two, 0 for a page). *vaddr_out is borrowed until vm_free. 0, -EINVAL, -ENOMEM. */
int vm_alloc(size_t bytes, size_t align_bytes, unsigned int prot, const char *name,
	     void **vaddr_out);
/* vaddr was returned by vm_alloc. 0 or -EINVAL when it was not. */
int vm_free(void *vaddr);
/* Part of one area; -EINVAL, -ENOMEM, -EACCES for write with exec. */
int vm_protect(void *vaddr, size_t bytes, unsigned int prot);

/* The area that contains addr, or whose guard page does (is_guard_out); NULL when none. No lock,
 * no memory: usable in a panic. */
const struct vm_area *vm_find(uintptr_t addr, bool *is_guard_out);

/* A run of virtual pages without memory, for foreign frames (shared info, grants). */
int vm_reserve(size_t bytes, const char *name, void **vaddr_out);

#endif
