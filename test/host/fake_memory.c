/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/heap.h"
#include "core/page.h"
#include "core/vm.h"
#include "test/host/fake_memory.h"
#include "test/host/fake_pt.h"

/* A test may do without the heap. */
#pragma weak heap_init

#define IMAGE_PAGES 150

void fake_memory_setup(uint64_t mib)
{
	struct fake_pt_config config = {
		.pages_count = mib * 256,
		.first_free = IMAGE_PAGES,
		.mapped_at_boot = mib <= 4 ? mib * 256 : 1024,
	};

	fake_pt_setup(&config);
	if (heap_init)
		heap_init();
	page_init();
	vm_init();
}

uint64_t fake_memory_in_use(void)
{
	struct page_stats stats;

	page_get_stats(&stats);
	return stats.total - stats.free - stats.untouched - fake_pt_tables -
	       2 * ((stats.total - stats.untouched + 511) / 512) - IMAGE_PAGES;
}
