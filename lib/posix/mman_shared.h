/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared mappings of files. Where the file system has the data in memory (ops->page) its own
 * pages are mapped. Elsewhere all mappings of a file share pages of ours, which are read from it
 * when they are first mapped and written back by msync(), munmap() and the end of the program; a
 * page that was not changed is not written.
 *
 * A page beyond the end of the file is not mapped: touching it is SIGBUS.
 *
 * Lock: sleeping, around everything here; file systems are called under it. Thread context, signals
 * held.
 */
#ifndef LIB_POSIX_MMAN_SHARED_H
#define LIB_POSIX_MMAN_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/vm.h"
#include "lib/fs/node.h"

/* Maps bytes of node from offset (of a page) on. prot: PT_PROT_*; may_write: the file is open for
 * writing. *area_out: for shared_unmap(). 0, -ENOMEM, -EIO … */
int shared_map(struct node *node, uint64_t offset, size_t bytes, unsigned int prot, bool may_write,
	       void **area_out);
/* The area is one of ours. */
bool shared_is(const struct vm_area *area);
/* mprotect() may make it writable. */
bool shared_may_write(const struct vm_area *area);
/* Writes back what was changed, and gives the whole area back. */
int shared_unmap(uintptr_t start);
/* Writes back; sync: waits until it is safe on the medium. */
int shared_write_back(uintptr_t start, bool sync);

/* A fault at addr, where nothing is mapped, is in one of ours: SIGBUS. Events disabled. */
bool shared_fault(uintptr_t addr) __attribute__((weak));

/* All of them: the program ends. */
void shared_end(void) __attribute__((weak));

#endif
