/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals that carry more than their number, and real-time signals, of which each instance counts.
 * Order: by number first (sig_take()), then as they came. */
#include <errno.h>
#include <limits.h>
#include <signal.h>

#include "core/heap.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

#define THIS_PROCESS 1

static unsigned int queued_count; /* of those in heap memory; lock: sig_lock */

bool sig_post_entry(struct thread *thread, struct sig_entry *entry)
{
	struct sig_pending *pending = thread ? &thread->signals->pending : &sig_process;

	if (!sig_post(thread, entry->info.si_signo, entry->info.si_code))
		return false;
	if (!pending->queue.next)
		list_init(&pending->queue);
	list_append(&pending->queue, &entry->node);
	entry->in = pending;
	return true;
}

bool sig_send_entry(struct thread *thread, struct sig_entry *entry)
{
	bool enabled = spin_lock_events(&sig_lock), posted = sig_post_entry(thread, entry);

	spin_unlock_events(&sig_lock, enabled);
	waitq_wake_all(&sig_queue);
	return posted;
}

static struct sig_entry *entry_of(struct list_node *node)
{
	return container_of(node, struct sig_entry, node);
}

/* The pending bit stays while entries of the signal wait. */
static void leave(struct sig_entry *entry)
{
	struct sig_pending *pending = entry->in;
	struct list_node *node;

	list_remove(&entry->node);
	list_for_each (node, &pending->queue) {
		if (entry_of(node)->info.si_signo == entry->info.si_signo)
			return;
	}
	pending->set &= ~SIG_BIT(entry->info.si_signo);
}

bool sig_queue_take(struct sig_pending *pending, int signal, siginfo_t *info_out)
{
	struct list_node *node;

	if (!pending->queue.next)
		return false;
	list_for_each (node, &pending->queue) {
		struct sig_entry *entry = entry_of(node);

		if (entry->info.si_signo == signal) {
			leave(entry);
			*info_out = entry->info;
			entry->taken(entry, info_out);
			return true;
		}
	}
	return false;
}

void sig_queue_discard(struct sig_pending *pending, sigset_t set)
{
	struct list_node *node, *after;

	if (!pending->queue.next)
		return;
	list_for_each_safe (node, after, &pending->queue) {
		struct sig_entry *entry = entry_of(node);

		if (set & SIG_BIT(entry->info.si_signo)) {
			leave(entry);
			entry->taken(entry, NULL);
		}
	}
}

bool sig_queue_cancel(struct sig_entry *entry)
{
	bool enabled = spin_lock_events(&sig_lock), waited = sig_queue_waits(entry);

	if (waited)
		leave(entry);
	spin_unlock_events(&sig_lock, enabled);
	return waited;
}

static void release(struct sig_entry *entry, siginfo_t *info_out)
{
	(void)info_out;
	queued_count--;
	heap_free(entry);
}

static bool count_one(void)
{
	bool enabled = spin_lock_events(&sig_lock), room = queued_count < SIGQUEUE_MAX;

	if (room)
		queued_count++;
	spin_unlock_events(&sig_lock, enabled);
	return room;
}

static void count_back(void)
{
	bool enabled = spin_lock_events(&sig_lock);

	queued_count--;
	spin_unlock_events(&sig_lock, enabled);
}

int sig_queue_info(struct thread *thread, const siginfo_t *info)
{
	struct sig_entry *entry;

	if (!count_one())
		return -EAGAIN;
	entry = heap_alloc(sizeof(*entry));
	if (!entry) {
		count_back();
		return -EAGAIN;
	}
	*entry = (struct sig_entry){.info = *info, .taken = release};
	list_init(&entry->node);
	if (!sig_send_entry(thread, entry)) {
		count_back();
		heap_free(entry);
	}
	return 0;
}

int sig_queue_code(struct thread *thread, int signal, int si_code)
{
	siginfo_t info = {
		.si_signo = signal,
		.si_code = si_code,
		.si_pid = si_code == SI_KERNEL ? 0 : THIS_PROCESS,
	};

	return sig_queue_info(thread, &info);
}

int sigqueue(pid_t pid, int signal, const union sigval value)
{
	siginfo_t info = {
		.si_signo = signal,
		.si_code = SI_QUEUE,
		.si_pid = THIS_PROCESS,
	};
	int result = 0;

	if (signal < 0 || signal >= NSIG)
		return (int)posix_result(-EINVAL);
	if (pid != THIS_PROCESS)
		return (int)posix_result(-ESRCH);
	info.si_value = value;
	if (signal) {
		result = sig_queue_info(NULL, &info);
		sig_deliver();
	}
	return (int)posix_result(result);
}
