/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptor table. It begins in static memory with the console three times and moves to the
 * heap when it must grow. */
#include "lib/posix/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/heap.h"
#include "lib/posix/vfs.h"
#include "xen/evtchn.h"

#define FD_COUNT_FIRST 16

struct slot {
	struct file *file;
	int flags; /* FD_* */
};

static struct slot first_slots[FD_COUNT_FIRST] = {
	{&file_console, 0},
	{&file_console, 0},
	{&file_console, 0},
};

static struct {
	struct slot *slots;
	unsigned int count;
} table = {first_slots, FD_COUNT_FIRST};

static struct slot *slot_of(int fd)
{
	if (fd < 0 || (unsigned int)fd >= table.count || !table.slots[fd].file)
		return NULL;
	return &table.slots[fd];
}

struct file *fd_get(int fd)
{
	bool enabled = events_disable();
	struct slot *slot = slot_of(fd);
	struct file *file = slot ? slot->file : NULL;

	if (file)
		file->refs++;
	events_restore(enabled);
	return file;
}

void file_put(struct file *file)
{
	bool enabled = events_disable();
	bool last = --file->refs == 0;

	events_restore(enabled);
	if (!last)
		return;
	if (file->ops->close)
		file->ops->close(file);
	if (file->node)
		node_put(file->node);
	heap_free((char *)file->path);
	if (!file->is_static)
		heap_free(file);
}

struct file *file_create(const struct file_ops *ops, int flags)
{
	struct file *file = heap_alloc_zeroed(sizeof(*file));

	if (file) {
		file->ops = ops;
		file->flags = flags;
		file->refs = 1;
	}
	return file;
}

/* Makes room for descriptor fd. Events disabled. */
static int grow(unsigned int fd)
{
	unsigned int count = table.count;
	struct slot *slots;

	if (fd >= FD_COUNT_MAX)
		return -EMFILE;
	while (count <= fd)
		count *= 2;
	slots = heap_alloc_zeroed(count * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memcpy(slots, table.slots, table.count * sizeof(*slots));
	if (table.slots != first_slots)
		heap_free(table.slots);
	table.slots = slots;
	table.count = count;
	return 0;
}

int fd_install(struct file *file, int least, bool close_on_exec)
{
	unsigned int fd = (unsigned int)least;
	bool enabled;
	int result = 0;

	if (least < 0 || least >= FD_COUNT_MAX)
		return -EINVAL;
	enabled = events_disable();
	while (fd < table.count && table.slots[fd].file)
		fd++;
	if (fd >= table.count)
		result = grow(fd);
	if (result == 0)
		table.slots[fd] = (struct slot){file, close_on_exec ? FD_CLOEXEC : 0};
	events_restore(enabled);
	return result ? result : (int)fd;
}

int fd_replace(int fd, struct file *file, bool close_on_exec)
{
	struct file *old = NULL;
	bool enabled;
	int result = 0;

	if (fd < 0 || fd >= FD_COUNT_MAX)
		return -EBADF;
	enabled = events_disable();
	if ((unsigned int)fd >= table.count)
		result = grow((unsigned int)fd);
	if (result == 0) {
		old = table.slots[fd].file;
		table.slots[fd] = (struct slot){file, close_on_exec ? FD_CLOEXEC : 0};
	}
	events_restore(enabled);
	if (old)
		file_put(old);
	return result;
}

int fd_remove(int fd)
{
	bool enabled = events_disable();
	struct slot *slot = slot_of(fd);
	struct file *file = slot ? slot->file : NULL;

	if (slot)
		*slot = (struct slot){NULL, 0};
	events_restore(enabled);
	if (!file)
		return -EBADF;
	file_put(file);
	return 0;
}

int fd_get_flags(int fd)
{
	struct slot *slot = slot_of(fd);

	return slot ? slot->flags : -EBADF;
}

int fd_set_flags(int fd, int flags)
{
	struct slot *slot = slot_of(fd);

	if (!slot)
		return -EBADF;
	slot->flags = flags;
	return 0;
}
