/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of a kernel that duster's views look at, named as in its sources; tests set them. */
#ifndef TEST_HOST_DUSTER_ENGINE_GUEST_GUEST_H
#define TEST_HOST_DUSTER_ENGINE_GUEST_GUEST_H

#include "core/thread.h"

/* core/thread.c */
void guest_thread_add(struct thread *thread, uint32_t id, const char *name,
		      enum thread_state state);
struct list_node *guest_threads(void);

/* lib/posix/fd.c */
struct file {
	const void *ops;
	uint64_t offset;
	unsigned int flags, refs;
	void *node;
};
void guest_fd_set(unsigned int fd, struct file *file);
/* How many descriptors the table says it has, and where. */
void guest_fd_table(unsigned int count, void *slots);
extern const int guest_file_ops;

/* The network's. */
struct tcp_pcb *guest_tcp(unsigned int at);
void guest_tcp_circle(void);

#endif
