/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant tables as Xen keeps them: the table grows by frames, other domains map what is open, and an
 * entry says while they do. Follows public/grant_table.h.
 */
#include "test/mock/mock_grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/page.h"
#include "test/mock/mock_private.h"
#include "xen/grant.h"

#define PAGE         4096UL
#define ENTRIES      (PAGE / sizeof(struct grant_entry_v1))
#define FRAMES_LIMIT 64u
#define FRAME_MFN(i) (0x300000UL + (i)*3)

uint32_t mock_grant_frames_max = 32;
bool mock_grant_map_fails;
void (*mock_grant_on_misuse)(grant_ref_t ref);

static struct grant_entry_v1 *table;
static uint32_t frames, frames_mapped;
static uint16_t readers[FRAMES_LIMIT * ENTRIES], writers[FRAMES_LIMIT * ENTRIES];

static long setup_table(struct gnttab_setup_table *setup)
{
	if (setup->nr_frames > mock_grant_frames_max || setup->nr_frames > FRAMES_LIMIT) {
		setup->status = GNTST_general_error;
		return 0;
	}
	if (setup->nr_frames > frames)
		frames = setup->nr_frames;
	for (uint32_t i = 0; i < setup->nr_frames; i++)
		setup->frame_list.p[i] = FRAME_MFN(i);
	setup->status = GNTST_okay;
	return 0;
}

long mock_grant_table_op(unsigned int command, void *ops, unsigned int ops_count)
{
	if (ops_count != 1)
		return -EINVAL;
	if (command == GNTTABOP_setup_table)
		return setup_table(ops);
	if (command == GNTTABOP_query_size) {
		struct gnttab_query_size *query = ops;

		query->nr_frames = frames;
		query->max_nr_frames = mock_grant_frames_max;
		query->status = GNTST_okay;
		return 0;
	}
	return -ENOSYS;
}

/* --- what core provides --- */

void *core_grant_reserve(uint32_t frames_max)
{
	if (table || frames_max > FRAMES_LIMIT)
		return NULL;
	table = aligned_alloc(PAGE, frames_max * PAGE);
	memset(table, 0, frames_max * PAGE);
	return table;
}

int core_grant_map(void *vaddr, uint64_t mfn)
{
	uint32_t index = (uint32_t)(((char *)vaddr - (char *)table) / PAGE);

	if (mock_grant_map_fails)
		return -ENOMEM;
	if (index != frames_mapped || index >= frames || mfn != FRAME_MFN(index))
		mock_die("grant frame %u mapped out of turn", index);
	frames_mapped++;
	return 0;
}

void core_grant_unmap(void *vaddr, uint32_t frames_count)
{
	if (vaddr != table || frames_count != frames_mapped)
		mock_die("not all of the grant table is unmapped");
	frames_mapped = 0;
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
	if (mock_grant_on_misuse)
		mock_grant_on_misuse(ref);
	mock_die("grant %u misused", ref);
}

/* --- other domains --- */

struct grant_entry_v1 *mock_grant_entry(grant_ref_t ref)
{
	return table && ref < frames * ENTRIES ? &table[ref] : NULL;
}

void *mock_grant_map(domid_t domain, grant_ref_t ref, bool write)
{
	struct grant_entry_v1 *entry = mock_grant_entry(ref);

	if (!entry || (entry->flags & GTF_type_mask) != GTF_permit_access ||
	    entry->domid != domain || (write && entry->flags & GTF_readonly))
		return NULL;
	entry->flags |= (uint16_t)(GTF_reading | (write ? GTF_writing : 0));
	readers[ref]++;
	writers[ref] = (uint16_t)(writers[ref] + write);
	return mock_mfn_to_pointer(entry->frame);
}

void mock_grant_unmap(grant_ref_t ref, bool write)
{
	struct grant_entry_v1 *entry = mock_grant_entry(ref);

	if (!entry || !readers[ref] || (write && !writers[ref]))
		mock_die("grant %u unmapped though it is not mapped", ref);
	writers[ref] = (uint16_t)(writers[ref] - write);
	if (!writers[ref])
		entry->flags &= (uint16_t)~GTF_writing;
	if (!--readers[ref])
		entry->flags &= (uint16_t)~GTF_reading;
}

void mock_grant_reset(void)
{
	if (table)
		memset(table, 0, frames * PAGE);
	memset(readers, 0, sizeof(readers));
	memset(writers, 0, sizeof(writers));
	frames = 1;
}
