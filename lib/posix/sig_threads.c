/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals where there is more than one thread: who takes one that is for the process. */
#include "core/thread.h"

#include <string.h>

#include "lib/posix/sig.h"
#include "lib/posix/threads_dump.h"
#include "xen/vcpu.h"

/* Threads may have to leave what they do without a handler: cancellation. */
SIG_WANT_HANDLERS();

struct choice {
	sigset_t bit;
	struct thread *found;
};

/* One that waits is woken; to one that runs on another vCPU it would be an interruption. */
static bool consider(struct thread *thread, void *arg)
{
	struct choice *choice = arg;

	if (!thread->signals || (thread->signals->blocked & choice->bit))
		return true;
	choice->found = thread;
	return READ_ONCE(thread->state) != THREAD_WAITING;
}

struct thread *sig_choose(sigset_t bit)
{
	struct choice choice = {.bit = bit};

	thread_for_each(consider, &choice);
	return choice.found;
}

void sig_hand_over(sigset_t set)
{
	for (; set; set &= set - 1) {
		struct thread *thread = sig_choose(set & -set);

		if (thread)
			thread_interrupt(thread);
	}
}

struct addressed {
	uint32_t id;
	struct sig_entry *entry;
	bool posted;
};

static bool post_to(struct thread *thread, void *arg)
{
	struct addressed *addressed = arg;

	if (thread->id != addressed->id)
		return true;
	addressed->posted = thread->signals && sig_post_entry(thread, addressed->entry);
	return false;
}

bool sig_send_entry_to(uint32_t id, struct sig_entry *entry)
{
	struct addressed addressed = {id, entry, false};
	bool enabled = spin_lock_events(&sig_lock);

	/* The locked list keeps the thread from going. */
	thread_for_each(post_to, &addressed);
	spin_unlock_events(&sig_lock, enabled);
	waitq_wake_all(&sig_queue);
	return addressed.posted;
}

static bool discard_one(struct thread *thread, void *arg)
{
	sigset_t set = *(const sigset_t *)arg;

	if (thread->signals) {
		if (sig_queue_discard)
			sig_queue_discard(&thread->signals->pending, set);
		thread->signals->pending.set &= ~set;
	}
	return true;
}

void sig_discard_threads(sigset_t set)
{
	thread_for_each(discard_one, &set);
}

void sig_thread_init(struct sig_thread *signals)
{
	threads_dump_start();
	memset(signals, 0, sizeof(*signals));
	signals->blocked = sig_blocked();
}

void sig_thread_end(void)
{
	struct thread *thread = thread_self();
	bool enabled = spin_lock_events(&sig_lock);
	sigset_t others = sig_process.set & ~thread->signals->blocked;

	thread->signals->blocked = SIG_ENDED;
	discard_one(thread, &(sigset_t){~0UL});
	sig_hand_over(others);
	spin_unlock_events(&sig_lock, enabled);
}
