/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Areas that were freed while several vCPUs run. Flushing the TLBs of all of them interrupts each,
 * so it is done for many areas at once; until then nobody gets their pages or addresses.
 *
 * An area is unmapped before it comes here, all TLBs are flushed after it was taken out, and only
 * then it is released: in that order, whoever does it.
 */
#include "core/vm.h"

#include "arch/x86_64/pv/boot.h"
#include "core/page.h"
#include "core/smp.h"
#include "xen/spinlock.h"

#define KEPT_AREAS_MAX 64U
#define KEPT_SHARE     64U /* of the memory; between: */
#define KEPT_PAGES_MIN 256U
#define KEPT_PAGES_MAX 16384U

enum { NEXT };

static struct spinlock lock; /* of: */
static struct vm_area *kept; /* linked through private[NEXT] */
static size_t kept_pages;
static unsigned int kept_areas;

static size_t pages_most(void)
{
	size_t pages = boot_info.pages_count / KEPT_SHARE;

	return pages < KEPT_PAGES_MIN   ? KEPT_PAGES_MIN
	       : pages > KEPT_PAGES_MAX ? KEPT_PAGES_MAX
					: pages;
}

/* All that is kept, which is nothing then. Locked. */
static struct vm_area *take_all(void)
{
	struct vm_area *taken = kept;

	kept = NULL;
	kept_pages = 0;
	kept_areas = 0;
	return taken;
}

static void release_all(struct vm_area *area)
{
	if (area)
		pt_flush_all();
	while (area) {
		struct vm_area *next = (struct vm_area *)area->private[NEXT];

		vm_release(area);
		area = next;
	}
}

bool vm_free_later(struct vm_area *area)
{
	size_t pages = area->bytes / PAGE_BYTES;
	uint64_t online = smp_online();
	struct vm_area *taken = NULL;
	bool enabled;

	/* The flush is ours alone then, and cheap. */
	if (!(online & (online - 1)))
		return false;
	pt_unmap_later(area->start, pages);
	enabled = spin_lock_events(&lock);
	area->private[NEXT] = (uintptr_t)kept;
	kept = area;
	kept_pages += pages;
	if (++kept_areas >= KEPT_AREAS_MAX || kept_pages >= pages_most())
		taken = take_all();
	spin_unlock_events(&lock, enabled);
	release_all(taken);
	return true;
}

bool vm_settle(void)
{
	struct vm_area *taken;
	bool enabled;

	if (!READ_ONCE(kept))
		return false;
	enabled = spin_lock_events(&lock);
	taken = take_all();
	spin_unlock_events(&lock, enabled);
	release_all(taken);
	return taken != NULL;
}
