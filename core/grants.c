/* SPDX-License-Identifier: BSD-2-Clause */
/* What xen/grant.c needs of core: memory, address space, a place in the order of suspending. */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/pt.h"
#include "core/log.h"
#include "core/page.h"
#include "core/panic.h"
#include "core/suspend.h"
#include "core/vm.h"
#include "xen/grant.h"

static void grants_resume(void)
{
	int error = grant_resume();

	if (error)
		log_error("grants: no table after resume: error %d", error);
}

void *core_grant_reserve(uint32_t frames_max)
{
	static struct suspend_client client = {
		.name = "grants",
		.suspend = grant_suspend,
		.resume = grants_resume,
	};
	void *vaddr;

	if (vm_reserve(frames_max * PAGE_BYTES, "grant table", &vaddr))
		return NULL;
	suspend_register(&client);
	return vaddr;
}

int core_grant_map(void *vaddr, uint64_t mfn)
{
	return pt_map_mfn((uintptr_t)vaddr, mfn, PT_PROT_READ | PT_PROT_WRITE);
}

void core_grant_unmap(void *vaddr, uint32_t frames_count)
{
	pt_unmap((uintptr_t)vaddr, frames_count);
}

void *core_grant_memory(unsigned int order)
{
	return page_alloc(order, PAGE_ZERO);
}

void core_grant_free(void *block, unsigned int order)
{
	page_free(block, order);
}

void core_grant_misused(grant_ref_t ref)
{
	panic("grant %u freed twice, or while it was open", ref);
}
