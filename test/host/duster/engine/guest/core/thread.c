/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "test/host/duster/engine/guest/guest.h"

static struct {
	unsigned int count;
	struct list_node all;
} threads = {.all = {&threads.all, &threads.all}};

/* So that the debug information has the types. */
__attribute__((used)) static struct switch_frame *frames;
__attribute__((used)) static enum thread_state state;

void guest_thread_add(struct thread *thread, uint32_t id, const char *name, enum thread_state now)
{
	struct list_node *last = threads.all.prev;

	thread->id = id;
	thread->state = (uint8_t)now;
	strncpy(thread->name, name, sizeof(thread->name) - 1);
	thread->all_node = (struct list_node){.next = &threads.all, .prev = last};
	last->next = &thread->all_node;
	threads.all.prev = &thread->all_node;
	threads.count++;
}

struct list_node *guest_threads(void)
{
	return &threads.all;
}
