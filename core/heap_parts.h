/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the heap share: heap.c (the interface), heap_slab.c (small blocks),
 * heap_large.c (large blocks), heap_vcpu.c (vCPUs that come and go).
 *
 * A slab belongs to one vCPU (slab->heap). What is in slabs and classes is touched by that vCPU
 * alone, with events disabled, except: slab->remote, remote_next and is_remote, guarded by
 * heap->lock, through which the other vCPUs hand back its blocks; slab->requested and the contents
 * of a live block, which are its holder's; and the list heap_slabs, guarded by heap_slabs_lock.
 * heap_slabs_lock comes before heap->lock; neither is held over anything else. All of it is called
 * without them.
 *
 * A small block lies in a slot of its size class: the bytes asked for, right behind them a canary
 * of 8 bytes, then slack. A free slot is all HEAP_POISON, which is checked when it is handed out
 * again. The bytes asked for and the state of each slot stand in the slab's descriptor, away from
 * the blocks.
 */
#ifndef CORE_HEAP_PARTS_H
#define CORE_HEAP_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/heap.h"
#include "core/page.h"
#include "lib/base/list.h"
#include "xen/spinlock.h"

/* Blocks of more bytes have an area of their own. */
#define HEAP_SMALL_MAX    16384u
#define HEAP_ALIGN_BYTES  16u
#define HEAP_CANARY_BYTES 8u
/* As a pointer it is not canonical: following it faults. */
#define HEAP_POISON    0xfee1deadfee1deadULL
#define HEAP_SLOTS_MAX 128u
#define HEAP_CLASSES   44u
/* Slots of up to 9 units are poisoned and checked without a loop; they are the short ones. */
#define HEAP_UNIT_BYTES 16u
#define HEAP_UNITS_MAX  9u

struct slab {
	char *base; /* first slot */
	uint32_t slot_bytes;
	uint32_t reciprocal; /* 2^32 / slot_bytes, rounded up */
	uint16_t countdown;  /* frees until slab_freed() wants to know; see there */
	uint8_t units;       /* of a short slot */
	uint8_t class_index;
	uint8_t slots_count;
	uint8_t order;
	bool listed;                         /* in its class's partial list */
	bool is_remote;                      /* in its heap's remote list */
	struct heap_vcpu *heap;              /* whose it is */
	struct list_node partial;            /* struct heap_class partial */
	struct list_node all;                /* heap_slabs */
	uint64_t freed[HEAP_SLOTS_MAX / 64]; /* slots to hand out again */
	/* Slots other vCPUs have freed, until slab_drain() puts them among freed. */
	uint64_t remote[HEAP_SLOTS_MAX / 64];
	struct slab *remote_next;
	/* Bytes asked for, of live slots; one more entry for the waste behind the last slot. */
	uint16_t requested[];
};

/* Slots are handed out from the window, up to 64 slots of the current slab. Freed slots wait in
 * their slab until the window is used up, so that none is used again at once. A slot is live when
 * it is neither in the window nor freed nor remote. */
struct heap_class {
	uint64_t window;   /* bit n: slot n of the window may be handed out */
	char *window_base; /* address of slot 0 of the window */
	uint16_t *window_requested;
	uint32_t slot_bytes;
	uint16_t units;
	uint16_t empty_count;    /* slabs in the list that are wholly free */
	uint64_t poison_negated; /* what the words of a free slot add up to 0 with */
	struct slab *current;
	struct list_node partial; /* slabs with freed slots, but the current */
};

_Static_assert(sizeof(struct heap_class) == 64, "one cache line, found by a shift");

/* One vCPU's. */
struct heap_vcpu {
	struct heap_class classes[HEAP_CLASSES];
	uint32_t trims; /* heap_trims when it last gave back its empty slabs */
	struct spinlock lock;
	struct slab *remote; /* slabs with remote slots */
};

_Static_assert(sizeof(struct heap_vcpu) <= PAGE_BYTES, "a vCPU's takes one page");

extern struct heap_vcpu heap_vcpu0; /* the boot vCPU's */
extern struct spinlock heap_slabs_lock;
extern struct list_node heap_slabs;
extern uint64_t heap_key; /* 0 until the first slab exists */
extern uint64_t heap_held_bytes;
extern uint32_t heap_trims; /* counts the times memory had run out */

/* heap_held_bytes grows by so many. */
static inline void heap_hold(long bytes)
{
	__atomic_fetch_add(&heap_held_bytes, (uint64_t)bytes, __ATOMIC_RELAXED);
}

static inline uint64_t heap_canary(const void *block)
{
	/* The first byte is never NUL, ASCII or 0xff, what overflows by one usually write. */
	return heap_key ^ ((uintptr_t)block << 8);
}

static inline uint64_t heap_load(const void *at)
{
	uint64_t value;

	__builtin_memcpy(&value, at, sizeof(value));
	return value;
}

static inline void heap_store(void *at, uint64_t value)
{
	__builtin_memcpy(at, &value, sizeof(value));
}

/* The program's fault: one line, then the end. */
_Noreturn void heap_corrupted(const char *what, const void *block, size_t bytes);
/* Fills free memory, whole units. */
void heap_poison(char *at, size_t bytes);
/* Makes the key, unless there is one. */
void heap_key_init(void);

/* Index of the class for bytes <= HEAP_SMALL_MAX. Up to HEAP_FINE_MAX by steps of 16; up to
 * HEAP_SHORT_MAX the slots are short. */
#define HEAP_FINE_MAX  1032u
#define HEAP_SHORT_MAX (HEAP_UNITS_MAX * HEAP_UNIT_BYTES - HEAP_CANARY_BYTES)
extern const uint8_t heap_class_fine[(HEAP_FINE_MAX + HEAP_CANARY_BYTES) / 16 + 1];
unsigned int heap_class_of(size_t bytes);
/* The class whose slots are aligned to align_bytes and hold bytes, HEAP_CLASSES when none. */
unsigned int heap_class_aligned(size_t align_bytes, size_t bytes);
/* Gives this vCPU's class a new window; false when out of memory. */
bool slab_refill(struct heap_class *class);
/* countdown has reached zero. */
void slab_freed(struct slab *slab);
/* A slot of another vCPU's slab, poisoned already. False: it was free. The slab may be gone then.
 */
bool slab_free_remote(struct slab *slab, unsigned int slot);
/* Not linked with a program that has one vCPU. */
#pragma weak slab_free_remote
#pragma weak slab_drain
bool slab_slot_live(const struct slab *slab, unsigned int slot);
/* True when the slot is in its class's window. */
bool slab_in_window(const struct slab *slab, unsigned int slot);
/* Takes in what other vCPUs have freed of this one's. */
void slab_drain(void);
/* This vCPU's empty slabs. True when something was given back. */
bool slab_trim(void);
/* Ends the class's window. */
void slab_close_window(struct heap_class *class);
/* Problems found; each is logged. */
int slab_check(void);
void slab_count(struct heap_stats *stats);

/* align_bytes is a power of two. NULL when out of memory. */
void *large_alloc(size_t align_bytes, size_t bytes, unsigned int vm_flags);
/* heap_corrupted() when block is none. */
void large_free(void *block);
size_t large_bytes(const void *block);
/* Makes it longer or shorter where it is; false when it cannot. */
bool large_resize(void *block, size_t bytes);
int large_check(void);
void large_count(struct heap_stats *stats);

#endif
