/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap on more than one vCPU: blocks freed on another one than they come from, vCPUs that come
 * and go. core/heap_parts.h says what belongs to whom. A program with one vCPU does without.
 */
#include "core/heap_parts.h"

#include "lib/base/bits.h"
#include "lib/base/error.h"
#include "xen/vcpu.h"

/* ---- Freed elsewhere ---- */

bool slab_free_remote(struct slab *slab, unsigned int slot)
{
	struct heap_vcpu *heap;
	bool was_live;

	/* The slab may be changing hands; the block is ours, so there is one. */
	for (;;) {
		heap = READ_ONCE(slab->heap);
		spin_lock(&heap->lock);
		if (READ_ONCE(slab->heap) == heap)
			break;
		spin_unlock(&heap->lock);
	}
	was_live = !bitmap_test(slab->remote, slot);
	bitmap_set(slab->remote, slot);
	if (!slab->is_remote) {
		slab->is_remote = true;
		slab->remote_next = heap->remote;
		WRITE_ONCE(heap->remote, slab);
	}
	spin_unlock(&heap->lock);
	return was_live;
}

/* The first slab in the remote list leaves it; its slots go to remote_out. NULL when there is none.
 */
static struct slab *remote_take(uint64_t remote_out[HEAP_SLOTS_MAX / 64])
{
	struct heap_vcpu *heap = VCPU(heap);
	struct slab *slab;

	spin_lock(&heap->lock);
	slab = heap->remote;
	if (slab) {
		WRITE_ONCE(heap->remote, slab->remote_next);
		slab->is_remote = false;
		for (unsigned int word = 0; word < HEAP_SLOTS_MAX / 64; word++) {
			remote_out[word] = slab->remote[word];
			slab->remote[word] = 0;
		}
	}
	spin_unlock(&heap->lock);
	return slab;
}

void slab_drain(void)
{
	uint64_t remote[HEAP_SLOTS_MAX / 64];
	struct slab *slab;

	/* What comes a moment later comes the next time. */
	while (READ_ONCE(VCPU(heap)->remote) && (slab = remote_take(remote)) != NULL) {
		/* With its last slot the slab may go: no bit is left then. */
		for (unsigned int word = 0; word < HEAP_SLOTS_MAX / 64; word++) {
			for (uint64_t bits = remote[word]; bits; bits &= bits - 1) {
				unsigned int slot = word * 64 + bit_lowest(bits);

				if (bitmap_test(slab->freed, slot) || slab_in_window(slab, slot))
					heap_corrupted("double free",
						       slab->base + (size_t)slot * slab->slot_bytes,
						       slab->requested[slot]);
				bitmap_set(slab->freed, slot);
				if (--slab->countdown == 0)
					slab_freed(slab);
			}
		}
	}
}

/* ---- Coming and going ---- */

int heap_vcpu_create(struct vcpu *vcpu)
{
	/* Zeros: each class is set up when it is first used. */
	if (!vcpu->heap)
		vcpu->heap = page_alloc(0, PAGE_ZERO);
	vcpu->heap_owner = PAGE_OWNER_VCPU(PAGE_OWNER_HEAP_SHORT, vcpu->id);
	return vcpu->heap ? 0 : -ENOMEM;
}

/* To the boot vCPU. Its first free makes it look at how many slots are free. */
static void slab_leave(struct slab *slab)
{
	if (slab->listed) {
		list_remove(&slab->partial);
		slab->listed = false;
	}
	slab->countdown = 1;
	/* From here on the boot vCPU may touch it: as another's by what the slab says, as its own
	 * by what the page says. */
	WRITE_ONCE(slab->heap, &heap_vcpu0);
	for (size_t i = 0; i < 1u << slab->order; i++) {
		struct page *page = page_of(slab->base + i * PAGE_BYTES);

		WRITE_ONCE(page->owner_vcpu, PAGE_OWNER_VCPU(page->owner, 0));
	}
}

void heap_vcpu_leave(void)
{
	struct heap_vcpu *heap = VCPU(heap);
	struct list_node *node;
	struct slab *remote;

	slab_trim();
	spin_lock(&heap_slabs_lock);
	spin_lock(&heap->lock);
	list_for_each (node, &heap_slabs) {
		struct slab *slab = container_of(node, struct slab, all);

		if (slab->heap == heap)
			slab_leave(slab);
	}
	/* Nobody adds to the list any more. */
	remote = heap->remote;
	heap->remote = NULL;
	spin_unlock(&heap->lock);
	spin_unlock(&heap_slabs_lock);
	while (remote) {
		struct slab *next = remote->remote_next;

		spin_lock(&heap_vcpu0.lock);
		remote->remote_next = heap_vcpu0.remote;
		WRITE_ONCE(heap_vcpu0.remote, remote);
		spin_unlock(&heap_vcpu0.lock);
		remote = next;
	}
}
