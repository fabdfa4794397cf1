/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arch/x86_64/pv/pt.h on the host: the guest's RAM is a sparse memory file, the direct map and
 * mapped areas are mappings of it, so that what core does with addresses is real. Page tables are
 * counted and taken as the guest takes them; one that is written through the direct map faults.
 */
#ifndef TEST_HOST_FAKE_PT_H
#define TEST_HOST_FAKE_PT_H

#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/pv/pt.h"

struct fake_pt_config {
	uint64_t pages_count;
	pfn_t first_free;
	pfn_t mapped_at_boot; /* pages of the direct map */
	struct {
		pfn_t first, pages_count;
	} reserved[2];
};

/* Once per process. Also sets boot_info.pages_count. */
void fake_pt_setup(const struct fake_pt_config *config);
/* The n-th call from now (1: the next) of core's page_alloc-like inner step cannot be made to fail
 * here; what can is pt_map*, pt_dmap_extend. 0 turns it off. */
extern uint64_t fake_pt_fail_at;
/* Page-table pages taken so far. */
extern uint64_t fake_pt_tables;
/* Pages mapped outside the direct map now. */
extern uint64_t fake_pt_mapped;
/* Times the direct map was extended. */
extern uint64_t fake_pt_extended;

#endif
