/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/duster/engine/guest/guest.h"

struct slot {
	struct file *file;
	unsigned int flags;
};

static struct slot first_slots[8];
static struct {
	struct slot *slots;
	unsigned int count;
} table = {first_slots, 8};

const int guest_file_ops = 1;

void guest_fd_set(unsigned int fd, struct file *file)
{
	table.slots[fd].file = file;
}

void guest_fd_table(unsigned int count, void *slots)
{
	table.count = count;
	table.slots = slots ? slots : first_slots;
}
