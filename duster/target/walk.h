/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading virtual memory by walking a PV guest's page tables, which hold machine frames, and a
 * cache of translations (SDM 3A 4.5). For targets that can show a machine frame's page.
 */
#ifndef DUSTER_TARGET_WALK_H
#define DUSTER_TARGET_WALK_H

#include "duster/target/target.h"

#define WALK_CACHE_SLOTS 1024u

/* The page of a machine frame, readable until the memory is forgotten; -EFAULT: not the guest's. */
typedef int walk_frame_fn(void *context, uint64_t mfn, const uint8_t **page_out);

/* These pages will be asked for next; some may be bad. count is up to WALK_AHEAD. */
typedef void walk_ahead_fn(void *context, const uint64_t *mfns, unsigned int count);
#define WALK_AHEAD 64u

struct walk_memory {
	walk_frame_fn *frame;
	walk_ahead_fn *ahead; /* NULL: one page is as cheap as many */
	void *context;
	uint32_t generation; /* of valid slots */
	struct walk_slot {
		uint64_t root_mfn, page; /* virtual page number */
		const uint8_t *data;
		uint32_t generation; /* 0: free */
	} slots[WALK_CACHE_SLOTS];
};

void walk_init(struct walk_memory *memory, walk_frame_fn *frame, walk_ahead_fn *ahead,
	       void *context);
/* After the guest ran: its page tables may be others. */
void walk_forget(struct walk_memory *memory);
/* root_mfn: of the L4 (CR3). 0 also when the address is not mapped: walk_out says so. */
int walk_translate(struct walk_memory *memory, uint64_t root_mfn, uint64_t addr,
		   struct walk *walk_out);
int walk_read(struct walk_memory *memory, uint64_t root_mfn, uint64_t addr, void *to, size_t bytes,
	      size_t *done_out);

#endif
