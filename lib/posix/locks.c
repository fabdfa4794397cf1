/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/locks.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/heap.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/base/list.h"
#include "lib/posix/cancel.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

#define THIS_PROCESS 1

struct record {
	struct list_node node;
	off_t first, last; /* both inclusive */
	const void *owner; /* the open file, or &process */
	short type;        /* F_RDLCK, F_WRLCK */
	bool is_flock;     /* of flock(), which does not see the others */
};

/* What hangs at node->upper while there are locks, in the order of their beginnings. */
struct locks {
	struct list_node records;
};

static struct spinlock locks_lock;
static struct waitq locks_gone;
static const char process;

/* What a call wants. spare: records it may need, taken with no lock held. */
struct want {
	off_t first, last;
	const void *owner;
	short type; /* F_UNLCK, too */
	bool is_flock;
	struct record *spare[2];
	struct locks *fresh;
};

static bool overlaps(const struct record *record, const struct want *want)
{
	return record->is_flock == want->is_flock && record->first <= want->last &&
	       record->last >= want->first;
}

/* The first lock of somebody else that is in the way. locks_lock held. */
static const struct record *find_conflict(const struct node *node, const struct want *want)
{
	struct locks *locks = node->upper;
	struct list_node *at;

	if (!locks || want->type == F_UNLCK)
		return NULL;
	list_for_each (at, &locks->records) {
		const struct record *record = container_of(at, struct record, node);

		if (overlaps(record, want) && record->owner != want->owner &&
		    (record->type == F_WRLCK || want->type == F_WRLCK))
			return record;
	}
	return NULL;
}

static struct record *take_spare(struct want *want)
{
	struct record *record = want->spare[0] ? want->spare[0] : want->spare[1];

	if (record == want->spare[0])
		want->spare[0] = NULL;
	else
		want->spare[1] = NULL;
	return record;
}

/* Takes the owner's locks out of the range: at most one is cut in two, for which a spare is there.
 * Emptied ones are put into gone. */
static void clear_range(struct locks *locks, struct want *want, struct list_node *gone)
{
	struct list_node *at, *after;

	list_for_each_safe (at, after, &locks->records) {
		struct record *record = container_of(at, struct record, node), *rest;

		if (!overlaps(record, want) || record->owner != want->owner)
			continue;
		if (record->first < want->first && record->last > want->last) {
			rest = take_spare(want);
			*rest = *record;
			rest->first = want->last + 1;
			record->last = want->first - 1;
			list_insert_before(after, &rest->node);
		} else if (record->first < want->first) {
			record->last = want->first - 1;
		} else if (record->last > want->last) {
			record->first = want->last + 1;
		} else {
			list_remove(&record->node);
			list_append(gone, &record->node);
		}
	}
}

/* Joins the new lock with the owner's neighbours of its kind. */
static void join(struct locks *locks, struct record *record, struct list_node *gone)
{
	struct list_node *at, *after;

	list_for_each_safe (at, after, &locks->records) {
		struct record *other = container_of(at, struct record, node);

		if (other == record || other->owner != record->owner ||
		    other->type != record->type || other->is_flock != record->is_flock)
			continue;
		if (other->last < LONG_MAX && other->last + 1 == record->first)
			record->first = other->first;
		else if (record->last < LONG_MAX && record->last + 1 == other->first)
			record->last = other->last;
		else
			continue;
		list_remove(&other->node);
		list_append(gone, &other->node);
	}
}

static void free_records(struct list_node *gone)
{
	struct list_node *at, *after;

	list_for_each_safe (at, after, gone)
		heap_free(container_of(at, struct record, node));
}

/* Does what is wanted, with nothing in its way. locks_lock held. */
static void apply(struct node *node, struct want *want, struct list_node *gone)
{
	struct locks *locks = node->upper;

	if (!locks) {
		if (want->type == F_UNLCK)
			return;
		locks = node->upper = want->fresh;
		want->fresh = NULL;
		list_init(&locks->records);
	}
	clear_range(locks, want, gone);
	if (want->type != F_UNLCK) {
		struct record *record = take_spare(want);

		*record = (struct record){.first = want->first,
					  .last = want->last,
					  .owner = want->owner,
					  .type = want->type,
					  .is_flock = want->is_flock};
		list_append(&locks->records, &record->node);
		join(locks, record, gone);
	}
}

/* 0, -EAGAIN: in the way. -ENOLCK. */
static int try(struct node *node, struct want *want)
{
	struct list_node gone = LIST_INIT(gone);
	bool enabled;
	int result = 0;

	want->fresh = heap_alloc(sizeof(*want->fresh));
	want->spare[0] = heap_alloc(sizeof(*want->spare[0]));
	want->spare[1] = heap_alloc(sizeof(*want->spare[1]));
	if (!want->fresh || !want->spare[0] || !want->spare[1]) {
		result = -ENOLCK;
	} else {
		enabled = spin_lock_events(&locks_lock);
		if (find_conflict(node, want))
			result = -EAGAIN;
		else
			apply(node, want, &gone);
		spin_unlock_events(&locks_lock, enabled);
	}
	heap_free(want->fresh);
	heap_free(want->spare[0]);
	heap_free(want->spare[1]);
	free_records(&gone);
	/* Even what only became weaker may let somebody in. */
	if (result == 0)
		waitq_wake_all(&locks_gone);
	return result;
}

/* Signals held. */
static int acquire_held(struct node *node, struct want *want, bool wait)
{
	bool has_let_go = false, enabled;
	int result;

	for (;;) {
		uint32_t wakes = waitq_wakes(&locks_gone);

		result = try(node, want);
		if (result != -EAGAIN || !wait)
			return result;
		/* Two who have it shared and both want it alone: each lets go of what it has. */
		if (want->is_flock && !has_let_go) {
			short type = want->type;

			has_let_go = true;
			want->type = F_UNLCK;
			(void)try(node, want);
			want->type = type;
			continue;
		}
		enabled = events_disable();
		result = waitq_sleep(&locks_gone, wakes, TIME_NEVER, true);
		events_restore(enabled);
		if (result)
			return result;
	}
}

static int acquire(struct node *node, struct want *want, bool wait)
{
	enum sig_result signals;
	int result;

	do {
		sig_hold();
		result = acquire_held(node, want, wait);
		signals = sig_release();
	} while (result == -EINTR && signals != SIG_EINTR && !cancel_due());
	return result;
}

/* The range a struct flock names. */
static int range_of(struct file *file, const struct flock *lock, struct want *want)
{
	off_t base = 0, first, last;

	if (lock->l_whence == SEEK_CUR)
		base = READ_ONCE(file->offset);
	else if (lock->l_whence == SEEK_END)
		base = file->ops->size ? file->ops->size(file) : 0;
	else if (lock->l_whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, lock->l_start, &first))
		return -EOVERFLOW;
	last = LONG_MAX;
	if (lock->l_len > 0 && __builtin_add_overflow(first, lock->l_len - 1, &last))
		return -EOVERFLOW;
	if (lock->l_len < 0) {
		last = first - 1;
		first += lock->l_len;
	}
	if (first < 0)
		return -EINVAL;
	want->first = first;
	want->last = last;
	return 0;
}

static void get(struct node *node, struct want *want, struct flock *lock)
{
	bool enabled = spin_lock_events(&locks_lock);
	const struct record *record = find_conflict(node, want);

	if (record) {
		lock->l_type = record->type;
		lock->l_whence = SEEK_SET;
		lock->l_start = record->first;
		lock->l_len = record->last == LONG_MAX ? 0 : record->last - record->first + 1;
		lock->l_pid = record->owner == &process ? THIS_PROCESS : -1;
	} else {
		lock->l_type = F_UNLCK;
	}
	spin_unlock_events(&locks_lock, enabled);
}

static int check(const struct file *file, short type, bool is_get)
{
	int access = file->flags & O_ACCMODE;

	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	if (!file->node || node_is(file->node, NODE_FIFO))
		return -EINVAL;
	if (is_get)
		return type == F_UNLCK ? -EINVAL : 0;
	if ((type == F_RDLCK && access == O_WRONLY) || (type == F_WRLCK && access == O_RDONLY))
		return -EBADF;
	return 0;
}

int locks_control(struct file *file, int command, struct flock *lock)
{
	bool is_own = command == F_OFD_GETLK || command == F_OFD_SETLK || command == F_OFD_SETLKW;
	bool is_get = command == F_GETLK || command == F_OFD_GETLK;
	struct want want = {.owner = is_own ? (const void *)file : &process, .type = lock->l_type};
	int result = check(file, lock->l_type, is_get);

	if (result == 0)
		result = range_of(file, lock, &want);
	if (result)
		return result;
	if (is_get) {
		get(file->node, &want, lock);
		return 0;
	}
	return acquire(file->node, &want, command == F_SETLKW || command == F_OFD_SETLKW);
}

static void drop(struct node *node, const void *owner)
{
	struct list_node gone = LIST_INIT(gone), *at, *after;
	struct locks *locks, *empty = NULL;
	bool enabled = spin_lock_events(&locks_lock);

	locks = node->upper;
	if (locks) {
		list_for_each_safe (at, after, &locks->records) {
			struct record *record = container_of(at, struct record, node);

			if (record->owner == owner) {
				list_remove(&record->node);
				list_append(&gone, &record->node);
			}
		}
		if (list_empty(&locks->records)) {
			empty = locks;
			node->upper = NULL;
		}
	}
	spin_unlock_events(&locks_lock, enabled);
	heap_free(empty);
	if (!list_empty(&gone))
		waitq_wake_all(&locks_gone);
	free_records(&gone);
}

static bool has_locks(const struct node *node)
{
	return node && READ_ONCE(node->upper) && !node_is(node, NODE_FIFO);
}

void locks_drop(struct file *file)
{
	if (has_locks(file->node))
		drop(file->node, &process);
}

void locks_close(struct file *file)
{
	if (has_locks(file->node))
		drop(file->node, file);
}

int flock(int fd, int operation)
{
	struct want want = {.last = LONG_MAX, .is_flock = true};
	struct file *file;
	int result;

	cancel_test();
	switch (operation & ~LOCK_NB) {
	case LOCK_SH:
		want.type = F_RDLCK;
		break;
	case LOCK_EX:
		want.type = F_WRLCK;
		break;
	case LOCK_UN:
		want.type = F_UNLCK;
		break;
	default:
		return (int)posix_result(-EINVAL);
	}
	file = fd_get(fd);
	if (!file)
		return (int)posix_result(-EBADF);
	want.owner = file;
	result = !file->node || node_is(file->node, NODE_FIFO)
			 ? -EINVAL
			 : acquire(file->node, &want, !(operation & LOCK_NB));
	file_put(file);
	if (result == -EINTR)
		cancel_test();
	return (int)posix_result(result);
}

int lockf(int fd, int command, off_t bytes)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = bytes};

	switch (command) {
	case F_ULOCK:
		lock.l_type = F_UNLCK;
		return fcntl(fd, F_SETLK, &lock);
	case F_LOCK:
		return fcntl(fd, F_SETLKW, &lock);
	case F_TLOCK:
		return fcntl(fd, F_SETLK, &lock);
	case F_TEST:
		if (fcntl(fd, F_GETLK, &lock))
			return -1;
		return lock.l_type == F_UNLCK ? 0 : (int)posix_result(-EAGAIN);
	default:
		return (int)posix_result(-EINVAL);
	}
}
