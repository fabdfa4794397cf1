/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each virtual CPU has of its own, found through %gs: Xen's vcpu_info, the running thread,
 * what waits to be done before the vCPU returns to its thread. One instruction reads or writes a
 * member (VCPU(member)), so that a thread may be moved to another vCPU before or after it, never in
 * between. A pointer from vcpu_this() is good only while the thread cannot be moved: events
 * disabled.
 *
 * The upcall mask is this vCPU's "interrupt flag": save = events_disable(); … events_restore(save).
 * It keeps this vCPU's upcalls away and the thread where it is, but no other vCPU: data that more
 * than one vCPU touches has a spinlock (xen/spinlock.h). Only the vCPU itself and Xen running on
 * its processor touch the mask, so a compiler barrier is enough. Any context. Source: Xen
 * public/vcpu.h (VCPUOP_register_vcpu_info), public/xen.h vcpu_info.
 */
#ifndef XEN_VCPU_H
#define XEN_VCPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/string.h"
#include "xen/abi.h"

#define VCPUS_MAX 64u

struct heap_vcpu;
struct thread;
struct fifo_vcpu;
struct runq;
struct timer_queue;

struct vcpu {
	/* Shared with Xen; it must not cross a page, hence the alignment of the whole. */
	struct vcpu_info info;
	struct vcpu *self;
	struct thread *current; /* the running thread; core/sched.c alone changes it */
	uint32_t id;
	/* No handler runs here: the memory functions may use vector registers
	 * (arch/x86_64/string.h). */
	bool string_vectors;
	/* Before its upcall returns to the thread, this vCPU must do more than run event handlers:
	 * a thread of higher priority is ready, the slice is over, a signal waits. Only this vCPU
	 * writes it. */
	bool work_pending;
	/* Events are enabled only because Xen enabled them to end a block: the upcall must not take
	 * the thread elsewhere. */
	bool blocking;
	bool leaving;               /* it has to go down: core/smp.c */
	struct heap_vcpu *heap;     /* core/heap.c */
	uint16_t heap_owner;        /* PAGE_OWNER_VCPU() of its slabs of short slots */
	struct runq *runq;          /* core/sched.c */
	struct fifo_vcpu *fifo;     /* xen/evtchn_fifo.c */
	struct timer_queue *timers; /* core/timer.c */
	evtchn_port_t kick_port;    /* core/smp.c; 0: not yet, or down */
	/* Where a spinlock's slow path waits (xen/spinlock.c). */
	const void *spin_lock;
	uint32_t spin_ticket;
	evtchn_port_t spin_port;
	struct vcpu_runstate_info runstate; /* written by Xen while we do not run */
} __attribute__((aligned(512)));

_Static_assert(sizeof(struct vcpu_info) == 64, "Xen: public/xen.h");

/* Ours to see without vcpu_this(), also from assembly: %gs:offset. */
#define VCPU_SELF    64
#define VCPU_CURRENT 72
_Static_assert(offsetof(struct vcpu, self) == VCPU_SELF, "assembly");
_Static_assert(offsetof(struct vcpu, current) == VCPU_CURRENT, "assembly");
_Static_assert(offsetof(struct vcpu, string_vectors) == STRING_VECTORS_OFFSET, "assembly");

/* The boot vCPU's; the others' are allocated (vcpu_by_id). */
extern struct vcpu vcpu0;
/* NULL: there is no such vCPU, or it was never brought up. */
extern struct vcpu *vcpu_by_id[VCPUS_MAX];

/* Member of the running vCPU's struct, as an lvalue. */
#ifdef __stardust__
#define VCPU(member)                                                                               \
	(*(volatile __typeof__(((struct vcpu *)0)->member) __seg_gs *)offsetof(struct vcpu, member))
#else
extern __thread struct vcpu *vcpu_host; /* the mock's vCPU that runs here */
#define VCPU(member) (*(volatile __typeof__(((struct vcpu *)0)->member) *)&vcpu_host->member)
#endif

static inline struct vcpu *vcpu_this(void)
{
	return VCPU(self);
}

/* Sets what never changes, events masked, and makes *vcpu the running one. The first thing start of
 * day does. */
void vcpu_start(struct vcpu *vcpu, uint32_t id);
/* The same for a vCPU that is to be started by another one. *vcpu is zeroed. */
void vcpu_init(struct vcpu *vcpu, uint32_t id);
/* Tells Xen that the vCPU's vcpu_info is inside *vcpu, whose machine frame is mfn. Once for each
 * vCPU; again after a resume. From here on its contents mean something. 0 or -errno. */
int vcpu_register_info(struct vcpu *vcpu, uint64_t mfn);

/* Makes Xen deliver what is pending, before it returns. */
void events_deliver(void);

static inline bool events_enabled(void)
{
	return !VCPU(info.evtchn_upcall_mask);
}

/* Yields what events_restore() wants: whether they were enabled. */
static inline bool events_disable(void)
{
	bool enabled = events_enabled();

	VCPU(info.evtchn_upcall_mask) = 1;
	barrier();
	return enabled;
}

/* Restoring delivers what arrived in between. */
static inline void events_restore(bool enabled_before)
{
	barrier();
	if (!enabled_before)
		return;
	VCPU(info.evtchn_upcall_mask) = 0;
	/* Unmask, then look: an event between the two has been delivered already. */
	barrier();
	if (__builtin_expect(VCPU(info.evtchn_upcall_pending) != 0, 0))
		events_deliver();
}

/* The same for the shortest paths, where each instruction counts: what is pending is left to the
 * caller, and there is no branch on the old mask. Yields the old mask, 0 or 1. */
static inline uint8_t events_save(void)
{
	uint8_t mask = VCPU(info.evtchn_upcall_mask);

	VCPU(info.evtchn_upcall_mask) = 1;
	barrier();
	return mask;
}

/* True when the caller must call events_deliver(): pending (0 or 1) and not masked. */
static inline bool events_release(uint8_t mask)
{
	bool more;

	barrier();
	VCPU(info.evtchn_upcall_mask) = mask;
#ifdef __stardust__
	/* One instruction: mask is below what is pending. */
	__asm__ volatile("cmpb %%gs:%c2, %1"
			 : "=@ccb"(more)
			 : "q"(mask), "i"(offsetof(struct vcpu, info.evtchn_upcall_pending))
			 : "memory");
#else
	barrier();
	more = VCPU(info.evtchn_upcall_pending) > mask;
#endif
	return __builtin_expect(more, 0);
}

#endif
