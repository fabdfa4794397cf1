/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of threads: one area each, kept for the next one of its size. */
#include <stdlib.h>

#include "arch/x86_64/fpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/vm.h"
#include "lib/posix/threads.h"

#define PAD_BYTES       (VM_PAD_PAGES * PAGE_BYTES)
#define STACK_LEAST     (64UL << 10)
#define STACK_MOST      (256UL << 10)
#define STACK_SHARE     16384 /* of the memory: 10,000 threads fit into 1 GiB */
#define ROUND_UP(n, to) (((n) + (to)-1) & -(size_t)(to))

/* Lock: threads_lock(). */
static struct {
	struct pthread *kept;  /* ready for the next thread */
	struct pthread *later; /* to be kept or freed in thread context */
	size_t kept_bytes;
} memory;

size_t threads_stack_bytes(void)
{
	size_t bytes = (size_t)boot_info.pages_count * PAGE_BYTES / STACK_SHARE & PAGE_MASK;

	return bytes < STACK_LEAST ? STACK_LEAST : bytes > STACK_MOST ? STACK_MOST : bytes;
}

/* What lies above the stack. */
static size_t control_bytes(void)
{
	return tcb_bytes(sizeof(struct pthread)) + FPU_STATE_ALIGN +
	       ROUND_UP(thread_fpu_bytes(), FPU_STATE_ALIGN);
}

static uintptr_t control_top(void *area, size_t area_bytes)
{
	return ((uintptr_t)area + area_bytes - thread_fpu_bytes()) & -(uintptr_t)FPU_STATE_ALIGN;
}

/* Lays out the block and what does not change when the area is used again. */
static struct pthread *lay_out(void *area, size_t area_bytes, size_t guard_bytes, bool own_stack)
{
	struct tcb *tcb = tcb_create(control_top(area, area_bytes), sizeof(struct pthread), NULL);
	struct pthread *thread = threads_record(tcb);

	tcb->reent = &thread->reent;
	_REENT_INIT_PTR_ZEROED(&thread->reent);
	thread->area = area;
	thread->fpu_area = (void *)control_top(area, area_bytes);
	thread->area_bytes = area_bytes;
	thread->guard_bytes = guard_bytes;
	thread->own_stack = own_stack;
	return thread;
}

static struct pthread *take_kept(size_t area_bytes, size_t guard_bytes)
{
	bool enabled = threads_lock();
	struct pthread **link = &memory.kept, *found;

	while (*link && ((*link)->area_bytes != area_bytes || (*link)->guard_bytes != guard_bytes))
		link = &(*link)->next;
	found = *link;
	if (found) {
		*link = found->next;
		memory.kept_bytes -= area_bytes;
	}
	threads_unlock(enabled);
	return found;
}

/* Gives all back that is kept; false when there was nothing. */
static bool drop_kept(void)
{
	bool enabled = threads_lock();
	struct pthread *kept = memory.kept;
	bool any = kept != NULL;

	memory.kept = NULL;
	memory.kept_bytes = 0;
	threads_unlock(enabled);
	while (kept) {
		struct pthread *next = kept->next;

		vm_free(kept->area);
		kept = next;
	}
	return any;
}

static void *map_area(size_t area_bytes, size_t guard_bytes)
{
	void *area;

	while (vm_alloc(area_bytes, 0, PT_PROT_READ | PT_PROT_WRITE | VM_DIRTY, "thread stack",
			&area))
		if (!drop_kept())
			return NULL;
	if (guard_bytes && pt_hide_fresh((uintptr_t)area + PAD_BYTES, guard_bytes / PAGE_BYTES)) {
		vm_free(area);
		return NULL;
	}
	return area;
}

static struct pthread *alloc_own(void *stack, size_t stack_bytes)
{
	size_t bytes = control_bytes();
	void *area = aligned_alloc(FPU_STATE_ALIGN, bytes);
	struct pthread *thread;

	if (!area)
		return NULL;
	thread = lay_out(area, bytes, 0, true);
	thread->tcb.stack_start = (uintptr_t)stack;
	thread->tcb.stack_bytes = stack_bytes;
	return thread;
}

struct pthread *threads_alloc(void *own, size_t stack_bytes, size_t guard_bytes)
{
	size_t guard = ROUND_UP(guard_bytes, PAGE_BYTES), area_bytes;
	struct pthread *thread;
	void *area;

	if (own)
		return alloc_own(own, stack_bytes);
	if (guard < guard_bytes ||
	    __builtin_add_overflow(stack_bytes, PAD_BYTES + guard + control_bytes() + PAGE_BYTES,
				   &area_bytes))
		return NULL;
	area_bytes &= PAGE_MASK;
	thread = take_kept(area_bytes, guard_bytes);
	area = thread ? thread->area : map_area(area_bytes, guard);
	if (!area)
		return NULL;
	thread = lay_out(area, area_bytes, guard_bytes, false);
	/* There may be a little more below than was asked for. */
	thread->tcb.stack_start = tcb_stack_top(&thread->tcb) - stack_bytes;
	thread->tcb.stack_bytes = stack_bytes;
	thread->tcb.guard_bytes = guard;
	return thread;
}

void threads_free(struct pthread *thread)
{
	size_t most = (size_t)boot_info.pages_count * PAGE_BYTES / THREADS_KEPT_SHARE;
	bool enabled, keep;

	if (thread->own_stack) {
		free(thread->area);
		return;
	}
	enabled = threads_lock();
	keep = memory.kept_bytes + thread->area_bytes <= most;
	if (keep) {
		thread->next = memory.kept;
		memory.kept = thread;
		memory.kept_bytes += thread->area_bytes;
	}
	threads_unlock(enabled);
	if (!keep)
		vm_free(thread->area);
}

void threads_free_later(struct pthread *thread)
{
	thread->next = memory.later;
	memory.later = thread;
}

void threads_reap(void)
{
	struct pthread *later;
	bool enabled;

	if (!__atomic_load_n(&memory.later, __ATOMIC_RELAXED))
		return;
	enabled = threads_lock();
	later = memory.later;
	memory.later = NULL;
	threads_unlock(enabled);
	while (later) {
		struct pthread *next = later->next;

		threads_free(later);
		later = next;
	}
}
