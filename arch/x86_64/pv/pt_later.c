/* SPDX-License-Identifier: BSD-2-Clause */
/* Unmapping where the other vCPUs learn of it later, of many areas at once. */
#include "arch/x86_64/pv/pt_internal.h"
#include "xen/hypercall.h"

static void flush_here(void)
{
	struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};

	(void)hypercall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

void pt_unmap_later(uintptr_t vaddr, size_t pages_count)
{
	(void)pt_change(vaddr, pages_count, PT_PROT_NONE, true);
	/* A thread that touches what it freed itself faults at once. */
	flush_here();
}

int pt_hide_fresh(uintptr_t vaddr, size_t pages_count)
{
	int error = pt_change(vaddr, pages_count, PT_PROT_NONE, false);

	flush_here();
	return error;
}

void pt_flush_all(void)
{
	pt_tlb_flush();
}
