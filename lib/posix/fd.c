/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptor table. It begins in static memory with the console three times and moves to the
 * heap when it must grow.
 *
 * Lock: table.lock, over nothing else. A file is found and its reference counted under it, so that
 * a close() at the same time finds another one; the last reference may go anywhere. */
#include "lib/posix/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/heap.h"
#include "lib/fs/node.h"
#include "lib/posix/locks.h"
#include "xen/spinlock.h"
#include "xen/vcpu.h"

/* Absent while there is one vCPU. */
#pragma weak spin_lock_wait
#pragma weak spin_unlock_kick

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
	struct spinlock lock;
	struct slot *slots;
	unsigned int count;
	unsigned int used; /* all descriptors below are taken */
} table = {.slots = first_slots, .count = FD_COUNT_FIRST};

unsigned int fd_limit = FD_COUNT_MAX;
static struct file *spare_file; /* memory for one; atomic */

static inline struct file *file_of(int fd)
{
	return (unsigned int)fd < table.count ? table.slots[fd].file : NULL;
}

static struct slot *slot_of(int fd)
{
	return file_of(fd) ? &table.slots[fd] : NULL;
}

/* Each read and write comes here. */
struct file *fd_get(int fd)
{
	bool enabled = spin_lock_events_inline(&table.lock);
	struct file *file = file_of(fd);

	if (file)
		__atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
	spin_unlock_events_inline(&table.lock, enabled);
	return file;
}

void file_put(struct file *file)
{
	/* Whoever takes the last one sees what the others did to the file. */
	if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (file->ops->close)
		file->ops->close(file);
	if (file->node)
		node_put(file->node);
	/* The next one to be opened takes it. */
	file = __atomic_exchange_n(&spare_file, file, __ATOMIC_ACQ_REL);
	if (file)
		heap_free(file);
}

void file_lock(struct file *file)
{
	sig_hold();
	if (file->ops->size)
		sleeplock_lock(&file->lock);
}

enum sig_result file_unlock(struct file *file)
{
	if (file->ops->size)
		sleeplock_unlock(&file->lock);
	return sig_release();
}

void file_set_flags(struct file *file, int mask, int flags)
{
	int old = READ_ONCE(file->flags);

	while (!__atomic_compare_exchange_n(&file->flags, &old, (old & ~mask) | (flags & mask),
					    true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

struct file *file_create(const struct file_ops *ops, int flags)
{
	struct file *file = __atomic_exchange_n(&spare_file, NULL, __ATOMIC_ACQ_REL);

	if (!file)
		file = heap_alloc(sizeof(*file));
	if (!file)
		return NULL;
	/* Each for itself: smaller and faster than clearing it first. */
	file->ops = ops;
	file->node = NULL;
	file->data = NULL;
	file->lock.word = 0;
	file->offset = 0;
	file->flags = flags;
	file->refs = 1;
	return file;
}

/* Makes room for descriptor fd, letting go of the lock meanwhile. 0: there may be room now. */
static int grow(unsigned int fd)
{
	unsigned int count = table.count;
	struct slot *slots, *spare;

	if (fd >= FD_COUNT_MAX)
		return -EMFILE;
	while (count <= fd)
		count *= 2;
	spin_unlock(&table.lock);
	slots = heap_alloc_zeroed(count * sizeof(*slots));
	spin_lock(&table.lock);
	if (!slots)
		return -ENOMEM;
	spare = slots;
	if (count > table.count) {
		memcpy(slots, table.slots, table.count * sizeof(*slots));
		spare = table.slots;
		table.slots = slots;
		table.count = count;
	}
	spin_unlock(&table.lock);
	if (spare != first_slots)
		heap_free(spare);
	spin_lock(&table.lock);
	return 0;
}

/* The lowest free descriptor not below least; the table may have to grow for it. Locked. */
static unsigned int lowest_free(unsigned int least)
{
	unsigned int fd = least > table.used ? least : table.used;

	while (fd < table.count && table.slots[fd].file)
		fd++;
	if (least <= table.used)
		table.used = fd;
	return fd;
}

int fd_install(struct file *file, int least, bool close_on_exec)
{
	unsigned int fd;
	bool enabled;
	int result = 0;

	if ((unsigned int)least >= fd_limit)
		return -EINVAL;
	enabled = events_disable();
	spin_lock_inline(&table.lock);
	while ((fd = lowest_free((unsigned int)least)) >= table.count && result == 0)
		result = grow(fd);
	if (result == 0 && fd >= fd_limit)
		result = -EMFILE;
	if (result == 0)
		table.slots[fd] = (struct slot){file, close_on_exec ? FD_CLOEXEC : 0};
	spin_unlock_inline(&table.lock);
	events_restore(enabled);
	return result ? result : (int)fd;
}

/* A descriptor's reference goes. */
static void let_go(struct file *file)
{
	if (locks_drop)
		locks_drop(file);
	file_put(file);
}

int fd_replace(int fd, struct file *file, bool close_on_exec)
{
	struct file *old = NULL;
	bool enabled;
	int result = 0;

	if ((unsigned int)fd >= fd_limit)
		return -EBADF;
	enabled = spin_lock_events(&table.lock);
	while ((unsigned int)fd >= table.count && result == 0)
		result = grow((unsigned int)fd);
	if (result == 0) {
		old = table.slots[fd].file;
		table.slots[fd] = (struct slot){file, close_on_exec ? FD_CLOEXEC : 0};
	}
	spin_unlock_events(&table.lock, enabled);
	if (old)
		let_go(old);
	return result;
}

int fd_remove(int fd)
{
	bool enabled = spin_lock_events(&table.lock);
	struct file *file = NULL;

	if ((unsigned int)fd < table.count) {
		file = table.slots[fd].file;
		table.slots[fd].file = NULL;
		if ((unsigned int)fd < table.used)
			table.used = (unsigned int)fd;
	}
	spin_unlock_events(&table.lock, enabled);
	if (!file)
		return -EBADF;
	let_go(file);
	return 0;
}

int fd_get_flags(int fd)
{
	bool enabled = spin_lock_events(&table.lock);
	struct slot *slot = slot_of(fd);
	int flags = slot ? slot->flags : -EBADF;

	spin_unlock_events(&table.lock, enabled);
	return flags;
}

int fd_set_flags(int fd, int flags)
{
	bool enabled = spin_lock_events(&table.lock);
	struct slot *slot = slot_of(fd);

	if (slot)
		slot->flags = flags;
	spin_unlock_events(&table.lock, enabled);
	return slot ? 0 : -EBADF;
}
