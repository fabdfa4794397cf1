/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/target/walk.h"

#include <errno.h>
#include <string.h>

#define ENTRY_PRESENT  0x1u
#define ENTRY_WRITABLE 0x2u
#define ENTRY_LARGE    0x80u
#define ENTRY_NX       (1ULL << 63)
#define ENTRY_MADDR    0x000ffffffffff000ULL

void walk_init(struct walk_memory *memory, walk_frame_fn *frame, walk_ahead_fn *ahead,
	       void *context)
{
	memset(memory, 0, sizeof(*memory));
	memory->frame = frame;
	memory->ahead = ahead;
	memory->context = context;
	memory->generation = 1;
}

void walk_forget(struct walk_memory *memory)
{
	if (++memory->generation)
		return;
	memset(memory->slots, 0, sizeof(memory->slots));
	memory->generation = 1;
}

static bool is_canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

int walk_translate(struct walk_memory *memory, uint64_t root_mfn, uint64_t addr,
		   struct walk *walk_out)
{
	uint64_t mfn = root_mfn, entry;

	*walk_out = (struct walk){.writable = true, .executable = true};
	if (!is_canonical(addr)) {
		walk_out->page_bytes = PAGE_BYTES;
		return 0;
	}
	for (unsigned int level = 0; level < PAGE_LEVELS; level++) {
		unsigned int shift = 39 - 9 * level;
		const uint8_t *table;
		int error = memory->frame(memory->context, mfn, &table);

		if (error)
			return error;
		memcpy(&entry, table + (addr >> shift & 511) * 8, sizeof(entry));
		walk_out->table_mfn[level] = mfn;
		walk_out->entry[level] = entry;
		walk_out->depth = level + 1;
		walk_out->page_bytes = 1ULL << shift;
		if (!(entry & ENTRY_PRESENT))
			return 0;
		walk_out->writable = walk_out->writable && (entry & ENTRY_WRITABLE);
		walk_out->executable = walk_out->executable && !(entry & ENTRY_NX);
		mfn = (entry & ENTRY_MADDR) / PAGE_BYTES;
		if (level == PAGE_LEVELS - 1 || (level && (entry & ENTRY_LARGE))) {
			uint64_t inside = addr & (walk_out->page_bytes - 1);

			walk_out->present = true;
			walk_out->maddr =
				(entry & ENTRY_MADDR & ~(walk_out->page_bytes - 1)) + inside;
			return 0;
		}
	}
	return 0;
}

static struct walk_slot *slot_of(struct walk_memory *memory, uint64_t page)
{
	return &memory->slots[page % WALK_CACHE_SLOTS];
}

static bool is_cached(const struct walk_memory *memory, const struct walk_slot *slot,
		      uint64_t root_mfn, uint64_t page)
{
	return slot->generation == memory->generation && slot->page == page &&
	       slot->root_mfn == root_mfn;
}

/* The page at addr; -EFAULT when there is none. */
static int find_page(struct walk_memory *memory, uint64_t root_mfn, uint64_t addr,
		     const uint8_t **page_out)
{
	uint64_t page = addr / PAGE_BYTES;
	struct walk_slot *slot = slot_of(memory, page);
	struct walk walk;
	int error;

	if (is_cached(memory, slot, root_mfn, page)) {
		*page_out = slot->data;
		return 0;
	}
	error = walk_translate(memory, root_mfn, addr, &walk);
	if (!error && !walk.present)
		error = -EFAULT;
	if (!error)
		error = memory->frame(memory->context, walk.maddr / PAGE_BYTES, page_out);
	if (!error)
		*slot = (struct walk_slot){root_mfn, page, *page_out, memory->generation};
	return error;
}

/* Mapping many pages at once costs hardly more than mapping one. The address it got to. */
static uint64_t announce(struct walk_memory *memory, uint64_t root_mfn, uint64_t addr, size_t bytes)
{
	uint64_t mfns[WALK_AHEAD], page = addr / PAGE_BYTES, last = (addr + bytes - 1) / PAGE_BYTES;
	unsigned int count = 0;
	struct walk walk;

	for (; count < WALK_AHEAD && page <= last; page++) {
		if (is_cached(memory, slot_of(memory, page), root_mfn, page))
			continue;
		if (walk_translate(memory, root_mfn, page * PAGE_BYTES, &walk) || !walk.present)
			break;
		mfns[count++] = walk.maddr / PAGE_BYTES;
	}
	if (count > 1)
		memory->ahead(memory->context, mfns, count);
	return page * PAGE_BYTES;
}

int walk_read(struct walk_memory *memory, uint64_t root_mfn, uint64_t addr, void *to, size_t bytes,
	      size_t *done_out)
{
	uint64_t announced = 0; /* up to here */

	*done_out = 0;
	while (*done_out < bytes) {
		uint64_t at = addr + *done_out;
		size_t inside = at % PAGE_BYTES, count = PAGE_BYTES - inside;
		const uint8_t *page;
		int error;

		if (count > bytes - *done_out)
			count = bytes - *done_out;
		else if (memory->ahead && at >= announced &&
			 !is_cached(memory, slot_of(memory, at / PAGE_BYTES), root_mfn,
				    at / PAGE_BYTES))
			announced = announce(memory, root_mfn, at, bytes - *done_out);
		error = find_page(memory, root_mfn, at, &page);
		if (error)
			return error;
		memcpy((uint8_t *)to + *done_out, page + inside, count);
		*done_out += count;
	}
	return 0;
}
