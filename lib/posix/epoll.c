/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll. Each descriptor of interest is an item. Files with a pollhead tell their items of changes,
 * which puts them into the list of those to look at; the others are looked at each time anything in
 * the guest was woken. An item holds no reference: a file that is closed takes its items along.
 *
 * Locks: a file's head->lock, then epoll->lock. ctl: a sleeplock for epoll_ctl().
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include <poll.h>
#include <string.h>

#include "core/heap.h"
#include "core/pollhead.h"
#include "core/time.h"
#include "lib/base/list.h"
#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "xen/evtchn.h"

#define NS_PER_MS       1000000U
#define ITEMS_COUNT_MIN 16u
#define FLAGS           (EPOLLET | EPOLLONESHOT)
#define ALWAYS          (EPOLLERR | EPOLLHUP)

struct epoll {
	struct pollhead head;
	struct sleeplock ctl;
	bool has_epoll, is_watched; /* ctl: nesting ends at one level */
	struct spinlock lock;
	struct list_node ready;    /* items that may have something to say */
	struct list_node silent;   /* items whose files tell nobody */
	struct epoll_item **items; /* by descriptor */
	unsigned int items_count;
};

struct epoll_item {
	struct pollwatch watch; /* first; ctl, but for what the file's close does */
	struct epoll *epoll;
	struct list_node node; /* in ready or silent, or in none */
	struct file *file;     /* borrowed: while file->refs > 0 */
	struct pollhead *head; /* the file's; NULL: none */
	int fd;
	struct epoll_event event; /* events 0: fired, EPOLLONESHOT */
};

static const struct file_ops epoll_file_ops;

/* ---- Items ---- */

/* lock. */
static void mark_ready(struct epoll_item *item)
{
	if (item->head && list_empty(&item->node))
		list_append(&item->epoll->ready, &item->node);
}

/* lock. */
static void unlink_item(struct epoll_item *item)
{
	list_remove(&item->node);
	item->epoll->items[item->fd] = NULL;
}

/* Some state changed. Never waits. */
static void on_change(struct pollwatch *watch, bool gone)
{
	struct epoll_item *item = (struct epoll_item *)watch;
	struct epoll *epoll = item->epoll;
	bool enabled = spin_lock_events(&epoll->lock);

	if (gone)
		unlink_item(item);
	else
		mark_ready(item);
	spin_unlock_events(&epoll->lock, enabled);
	if (gone)
		heap_free(item);
	else
		pollhead_wake(&epoll->head);
}

/* A reference, unless the file is being closed. */
static bool file_get_live(struct file *file)
{
	unsigned int refs = __atomic_load_n(&file->refs, __ATOMIC_RELAXED);

	while (refs > 0)
		if (__atomic_compare_exchange_n(&file->refs, &refs, refs + 1, true,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* The item's file with a reference, NULL: there is none any more. lock, which is let go. */
static struct file *take_file(struct epoll *epoll, const struct epoll_item *item)
{
	struct file *wanted = item->file, *file = wanted;
	bool tells = item->head;
	int fd = item->fd;

	if (tells && !file_get_live(file))
		file = NULL;
	spin_unlock(&epoll->lock);
	if (tells)
		return file;
	file = fd_get(fd);
	if (file && file != wanted) {
		file_put(file);
		file = NULL;
	}
	return file;
}

static uint32_t state_of(struct file *file)
{
	if (!file->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return (uint32_t)(unsigned short)file->ops->poll(file);
}

/* One item that was taken out of its list. What became of it meanwhile is seen by its place in the
 * table. lock. True: an event was written. */
static bool report(struct epoll *epoll, int fd, struct epoll_event *event_out,
		   struct file **file_out)
{
	struct epoll_item *item = epoll->items[fd];
	uint32_t events = 0;
	bool tells, same;

	*file_out = NULL;
	if (!item || item->event.events == 0)
		return false;
	tells = item->head;
	*file_out = take_file(epoll, item);
	if (*file_out)
		events = state_of(*file_out);
	spin_lock(&epoll->lock);
	same = epoll->items[fd] == item;
	if (!same)
		return false;
	if (!*file_out) {
		/* One that tells is taken away by its file's close. */
		if (!tells) {
			unlink_item(item);
			heap_free(item);
		}
		return false;
	}
	if (!tells && list_empty(&item->node))
		list_append(&epoll->silent, &item->node);
	events &= item->event.events;
	if (events == 0)
		return false;
	*event_out = (struct epoll_event){events, item->event.data};
	if (item->event.events & EPOLLONESHOT)
		item->event.events = 0;
	else if (!(item->event.events & EPOLLET))
		mark_ready(item);
	return true;
}

/* Looks at what is in a list now. lock. How many events were written. */
static int collect_list(struct epoll *epoll, struct list_node *list, struct epoll_event *events,
			int count_max)
{
	struct list_node todo = LIST_INIT(todo);
	int count = 0;

	if (list_empty(list))
		return 0;
	/* All of it, to be put back one by one. */
	list_insert_before(list->next, &todo);
	list_remove(list);
	while (!list_empty(&todo) && count < count_max) {
		struct epoll_item *item = container_of(todo.next, struct epoll_item, node);
		struct file *file;

		list_remove(&item->node);
		if (report(epoll, item->fd, &events[count], &file))
			count++;
		if (file) {
			spin_unlock(&epoll->lock);
			file_put(file);
			spin_lock(&epoll->lock);
		}
	}
	/* What was not looked at goes first next time. */
	while (!list_empty(&todo)) {
		struct list_node *last = todo.prev;

		list_remove(last);
		list_insert_before(list->next, last);
	}
	return count;
}

/* Events disabled. */
static int collect(struct epoll *epoll, struct epoll_event *events, int count_max)
{
	int count;

	spin_lock(&epoll->lock);
	count = collect_list(epoll, &epoll->ready, events, count_max);
	count += collect_list(epoll, &epoll->silent, events + count, count_max - count);
	spin_unlock(&epoll->lock);
	return count;
}

/* ---- The file ---- */

static short epoll_poll(struct file *file)
{
	struct epoll *epoll = file->data;
	struct list_node *node;
	bool any = false;

	/* Something may be ready; whoever waits finds out. */
	spin_lock(&epoll->lock);
	any = !list_empty(&epoll->ready);
	list_for_each (node, &epoll->silent)
		any = true;
	spin_unlock(&epoll->lock);
	return any ? POLLIN | POLLRDNORM : 0;
}

static struct pollhead *epoll_pollhead(struct file *file)
{
	return &((struct epoll *)file->data)->head;
}

/* ctl. The item of a file that is open: nobody else takes it away. */
static void remove_item(struct epoll_item *item)
{
	struct epoll *epoll = item->epoll;
	bool enabled;

	if (item->head)
		pollhead_unwatch(item->head, &item->watch);
	enabled = spin_lock_events(&epoll->lock);
	unlink_item(item);
	spin_unlock_events(&epoll->lock, enabled);
	heap_free(item);
}

static void epoll_close(struct file *file)
{
	struct epoll *epoll = file->data;

	pollhead_close(&epoll->head);
	for (unsigned int fd = 0; fd < epoll->items_count; fd++) {
		for (;;) {
			bool enabled = spin_lock_events(&epoll->lock), live;
			struct epoll_item *item = epoll->items[fd];
			struct file *watched = item ? item->file : NULL;

			live = item && (!item->head || file_get_live(watched));
			spin_unlock_events(&epoll->lock, enabled);
			if (!item)
				break;
			if (live) {
				bool held = item->head;

				remove_item(item);
				if (held)
					file_put(watched);
				break;
			}
			/* Another vCPU is closing the file, which takes the item away. */
			cpu_relax();
		}
	}
	heap_free(epoll->items);
	heap_free(epoll);
}

static int epoll_stat(struct file *file, struct stat *stat_out)
{
	(void)file;
	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_mode = 0600;
	stat_out->st_nlink = 1;
	return 0;
}

static const struct file_ops epoll_file_ops = {
	.stat = epoll_stat,
	.poll = epoll_poll,
	.pollhead = epoll_pollhead,
	.close = epoll_close,
};

int epoll_create1(int flags)
{
	struct epoll *epoll;
	struct file *file;
	int fd;

	if (flags & ~EPOLL_CLOEXEC)
		return (int)posix_result(-EINVAL);
	epoll = heap_alloc_zeroed(sizeof(*epoll));
	file = epoll ? file_create(&epoll_file_ops, O_RDWR) : NULL;
	if (!file) {
		heap_free(epoll);
		return (int)posix_result(-ENOMEM);
	}
	pollhead_init(&epoll->head);
	list_init(&epoll->ready);
	list_init(&epoll->silent);
	file->data = epoll;
	fd = fd_install(file, 0, flags & EPOLL_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return (int)posix_result(fd);
}

int epoll_create(int size)
{
	return size > 0 ? epoll_create1(0) : (int)posix_result(-EINVAL);
}

/* ---- Changing ---- */

/* ctl. Makes room for descriptor fd. */
static int grow(struct epoll *epoll, unsigned int fd)
{
	unsigned int count = epoll->items_count ? epoll->items_count : ITEMS_COUNT_MIN;
	struct epoll_item **items, **old;
	bool enabled;

	if (fd < epoll->items_count)
		return 0;
	while (count <= fd)
		count *= 2;
	items = heap_alloc_zeroed(count * sizeof(*items));
	if (!items)
		return -ENOMEM;
	enabled = spin_lock_events(&epoll->lock);
	old = epoll->items;
	if (old)
		memcpy(items, old, epoll->items_count * sizeof(*items));
	epoll->items = items;
	epoll->items_count = count;
	spin_unlock_events(&epoll->lock, enabled);
	heap_free(old);
	return 0;
}

/* ctl. */
static int add(struct epoll *epoll, struct file *file, int fd, const struct epoll_event *event)
{
	struct epoll_item *item = heap_alloc_zeroed(sizeof(*item));
	int error = item ? grow(epoll, (unsigned int)fd) : -ENOMEM;
	bool enabled;

	if (error) {
		heap_free(item);
		return error;
	}
	item->watch.fn = on_change;
	item->watch.owner = file;
	item->epoll = epoll;
	item->file = file;
	item->fd = fd;
	item->event = *event;
	item->event.events |= ALWAYS;
	item->head = file->ops->pollhead ? file->ops->pollhead(file) : NULL;
	list_init(&item->node);
	list_init(&item->watch.node);
	enabled = spin_lock_events(&epoll->lock);
	epoll->items[fd] = item;
	/* It may be ready already. */
	list_append(item->head ? &epoll->ready : &epoll->silent, &item->node);
	spin_unlock_events(&epoll->lock, enabled);
	if (item->head)
		pollhead_watch(item->head, &item->watch);
	pollhead_wake(&epoll->head);
	return 0;
}

/* ctl. */
static int change(struct epoll *epoll, struct epoll_item *item, const struct epoll_event *event)
{
	bool enabled = spin_lock_events(&epoll->lock);

	item->event = *event;
	item->event.events |= ALWAYS;
	mark_ready(item);
	spin_unlock_events(&epoll->lock, enabled);
	pollhead_wake(&epoll->head);
	return 0;
}

/* Nesting: an epoll in an epoll, and no deeper. ctl of the outer one. */
static int check_nesting(struct epoll *epoll, struct file *file)
{
	struct epoll *inner = file->data;

	if (file->ops != &epoll_file_ops)
		return 0;
	if (inner == epoll)
		return -EINVAL;
	if (epoll->is_watched || inner->has_epoll)
		return -ELOOP;
	epoll->has_epoll = true;
	inner->is_watched = true;
	return 0;
}

static int control(struct epoll *epoll, int operation, struct file *file, int fd,
		   const struct epoll_event *event)
{
	struct epoll_item *item = (unsigned int)fd < epoll->items_count ? epoll->items[fd] : NULL;
	int error;

	/* The descriptor was another file's, which lives on under another one. */
	if (item && item->file != file) {
		if (operation != EPOLL_CTL_ADD)
			return -ENOENT;
		if (!item->head || file_get_live(item->file)) {
			struct file *old = item->head ? item->file : NULL;

			remove_item(item);
			if (old)
				file_put(old);
		}
		item = NULL;
	}
	switch (operation) {
	case EPOLL_CTL_ADD:
		error = item ? -EEXIST : check_nesting(epoll, file);
		return error ? error : add(epoll, file, fd, event);
	case EPOLL_CTL_MOD:
		return item ? change(epoll, item, event) : -ENOENT;
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		remove_item(item);
		return 0;
	default:
		return -EINVAL;
	}
}

/* The epoll of a descriptor, with a reference to its file. */
static int epoll_get(int fd, struct file **file_out, struct epoll **epoll_out)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	if (file->ops != &epoll_file_ops) {
		file_put(file);
		return -EINVAL;
	}
	*file_out = file;
	*epoll_out = file->data;
	return 0;
}

int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	struct file *epoll_file, *file;
	struct epoll *epoll;
	int result = epoll_get(epoll_fd, &epoll_file, &epoll);

	if (result)
		return (int)posix_result(result);
	file = fd_get(fd);
	if (!file) {
		result = -EBADF;
	} else if (!event && operation != EPOLL_CTL_DEL) {
		result = -EFAULT;
	} else if (!file->ops->poll) {
		result = -EPERM;
	} else {
		sig_hold();
		sleeplock_lock(&epoll->ctl);
		result = control(epoll, operation, file, fd, event);
		sleeplock_unlock(&epoll->ctl);
		sig_release();
	}
	if (file)
		file_put(file);
	file_put(epoll_file);
	return (int)posix_result(result);
}

/* ---- Waiting ---- */

static int wait_until_ready(struct epoll *epoll, struct epoll_event *events, int count_max,
			    uint64_t deadline_ns)
{
	int count = 0, result;
	/* Files that tell nobody: anything may have changed them. */
	struct waitq *queue = list_empty(&epoll->silent) ? &epoll->head.queue : &waitq_any;

	result = waitq_wait(queue, (count = collect(epoll, events, count_max)) > 0, deadline_ns,
			    true);
	if (result == -EINTR)
		sig_deliver();
	return result == -EINTR ? result : count;
}

int epoll_pwait(int epoll_fd, struct epoll_event *events, int count_max, int timeout_ms,
		const sigset_t *mask)
{
	uint64_t deadline_ns = TIME_NEVER;
	sigset_t old = sig_blocked();
	struct epoll *epoll;
	struct file *file;
	int result;

	cancel_test();
	if (timeout_ms >= 0)
		deadline_ns = time_monotonic_ns() + (uint64_t)timeout_ms * NS_PER_MS;
	result = epoll_get(epoll_fd, &file, &epoll);
	if (result)
		return (int)posix_result(result);
	if (count_max <= 0) {
		file_put(file);
		return (int)posix_result(-EINVAL);
	}
	if (mask) {
		sig_hold();
		sig_set_blocked(*mask);
	}
	result = wait_until_ready(epoll, events, count_max, deadline_ns);
	if (mask) {
		sig_release();
		sig_set_blocked(old);
	}
	file_put(file);
	if (result == -EINTR)
		cancel_test();
	return (int)posix_result(result);
}

int epoll_wait(int epoll_fd, struct epoll_event *events, int count_max, int timeout_ms)
{
	return epoll_pwait(epoll_fd, events, count_max, timeout_ms, NULL);
}
