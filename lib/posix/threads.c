/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots and handles of threads. */
#include "lib/posix/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64U
#define SLOTS_MAX   (1U << 20)

#pragma weak threads_free

struct slot {
	struct tcb *tcb; /* NULL: free */
	uint32_t generation;
	uint32_t next_free; /* 0: the last; slot 0 is never free */
};

static struct spinlock lock = SPINLOCK_INIT;
/* All guarded by lock. Freed slots are used again in the order they were freed. */
static struct {
	struct slot *slots;
	uint32_t count, first_free, last_free;
} table;

bool threads_lock(void)
{
	return spin_lock_events(&lock);
}

void threads_unlock(bool enabled)
{
	spin_unlock_events(&lock, enabled);
}

struct tcb *threads_find(pthread_t handle)
{
	uint32_t number = (uint32_t)handle - 1;

	if (handle == THREADS_FIRST && table.count == 0)
		return thread_first.owner;
	if (number >= table.count || table.slots[number].generation != handle >> 32)
		return NULL;
	return table.slots[number].tcb;
}

struct tcb *threads_pin(pthread_t handle)
{
	bool enabled = threads_lock();
	struct tcb *tcb = threads_find(handle);

	if (tcb && handle != THREADS_FIRST)
		threads_record(tcb)->pins++;
	threads_unlock(enabled);
	return tcb;
}

struct tcb *threads_pin_stack(uintptr_t stack_start)
{
	bool enabled = threads_lock();
	struct tcb *found = NULL;

	/* Slot 0 has the first thread, whose stack is not the program's. */
	for (uint32_t i = 1; i < table.count && !found; i++) {
		struct tcb *tcb = table.slots[i].tcb;

		if (tcb && tcb->stack_start == stack_start && tcb->phase == TCB_LIVE)
			found = tcb;
	}
	if (found)
		threads_record(found)->pins++;
	threads_unlock(enabled);
	return found;
}

void threads_unpin(struct tcb *tcb)
{
	struct pthread *thread = threads_record(tcb);
	bool enabled, last;

	if (tcb->handle == THREADS_FIRST)
		return;
	enabled = threads_lock();
	/* Somebody wanted to free it meanwhile: then its slot is gone. */
	last = --thread->pins == 0 && tcb->phase == TCB_JOINED;
	threads_unlock(enabled);
	if (last && threads_free)
		threads_free(thread);
}

static void free_slot(uint32_t number)
{
	table.slots[number].next_free = 0;
	if (table.first_free)
		table.slots[table.last_free].next_free = number;
	else
		table.first_free = number;
	table.last_free = number;
}

/* Room for twice as many. 0 when there is a free slot. */
static int grow(void)
{
	uint32_t count = table.count ? 2 * table.count : SLOTS_FIRST;
	struct slot *slots, *old;
	bool enabled;

	if (count > SLOTS_MAX)
		return EAGAIN;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return EAGAIN;
	enabled = threads_lock();
	if (table.first_free || count <= table.count) {
		/* Somebody else was faster. */
		old = slots;
	} else {
		old = table.slots;
		if (table.count)
			memcpy(slots, old, table.count * sizeof(*slots));
		else
			slots[0].tcb = thread_first.owner;
		table.slots = slots;
		for (uint32_t i = table.count ? table.count : 1; i < count; i++)
			free_slot(i);
		table.count = count;
	}
	threads_unlock(enabled);
	free(old);
	return 0;
}

int threads_add(struct tcb *tcb)
{
	uint32_t number;
	bool enabled;

	for (;;) {
		enabled = threads_lock();
		number = table.first_free;
		if (number)
			break;
		threads_unlock(enabled);
		if (grow())
			return EAGAIN;
	}
	table.first_free = table.slots[number].next_free;
	table.slots[number].tcb = tcb;
	tcb->handle = (uint64_t)table.slots[number].generation << 32 | (number + 1);
	threads_unlock(enabled);
	return 0;
}

void threads_remove(struct tcb *tcb)
{
	uint32_t number = (uint32_t)tcb->handle - 1;

	table.slots[number].tcb = NULL;
	table.slots[number].generation++;
	if (number)
		free_slot(number);
}
