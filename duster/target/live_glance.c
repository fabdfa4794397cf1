/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Breakpoints whose condition is false, while the guest runs on: a thread that met one stands in
 * the stub, so its registers lie in memory, and nobody else need be stopped to look at them.
 * Pausing the domain and asking for contexts costs many times more. What is true, or cannot be told
 * this way, is looked at again when the domain is paused.
 */
#include <errno.h>
#include <stddef.h>

#include "duster/target/live_parts.h"

#define VECTOR_BREAKPOINT 3u

/* True: the thread in this slot goes on. */
static bool dismiss(struct live *live, unsigned int number)
{
	uint64_t words[LIVE_FRAME_WORDS], to;
	struct regs regs = {0};
	struct slot slot;

	if (live_block_read(live, BLOCK_AT(live, slots) + number * sizeof(slot), &slot,
			    sizeof(slot)) ||
	    slot.vector != VECTOR_BREAKPOINT ||
	    live_read_raw(live, 0, slot.frame, words, sizeof(words)))
		return false;
	live_regs_from_frame(words, &regs);
	/* Where it goes on instead is written before it is let go. */
	if (!live_displaced(live, regs.value[CPU_RIP], &to) ||
	    !live->target.glance(live->target.glance_context, &regs) ||
	    live_write_raw(live, 0, slot.frame + LIVE_FRAME_RIP * sizeof(to), &to, sizeof(to)))
		return false;
	return live_release_slot(live, number) == 0;
}

bool live_may_glance(const struct live *live)
{
	return live->target.glance && !live->paused && live->armed && live->glance_root &&
	       live->block;
}

bool live_glance(struct live *live)
{
	bool all = true;

	walk_forget(&live->memory);
	live->glancing = true;
	for (unsigned int i = 0; i < SLOTS_MAX; i++) {
		uint32_t state;
		uint64_t addr = BLOCK_AT(live, slots) + i * sizeof(struct slot);

		if (live_block_read(live, addr, &state, sizeof(state)) == 0 &&
		    state == SLOT_STOPPED && !dismiss(live, i))
			all = false;
	}
	live->glancing = false;
	return all;
}
