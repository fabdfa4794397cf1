/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks with priority inheritance: the ways to them are taken only when somebody has to wait, so
 * one lock guards all of it. Each waiter stands in a list hashed by its word, by priority; the
 * first of each word also stands in its owner's list pi_waiters, whose first lends the owner its
 * priority.
 *
 * pi_word is not NULL exactly while a thread stands in the lists. Who hands it the lock clears
 * pi_waiting as the last thing it does to the thread.
 */
#include "core/futex.h"

#include "arch/x86_64/cpu.h"
#include "core/sched.h"
#include "lib/base/error.h"

#define LIST_BITS 6
/* Longer chains of owners do not exist: somebody lets go and takes while we look. */
#define CHAIN_MAX 4096U

static struct spinlock lock;
static struct list_node lists[1U << LIST_BITS];

static struct list_node *list_of(const uint32_t *word)
{
	struct list_node *head =
		&lists[((uintptr_t)word * 0x9e3779b97f4a7c15ULL) >> (64 - LIST_BITS)];

	if (!head->next)
		list_init(head);
	return head;
}

static struct thread *waiter_of(struct list_node *node)
{
	return container_of(node, struct thread, wait_node);
}

static struct thread *lender_of(struct list_node *node)
{
	return container_of(node, struct thread, pi_node);
}

/* All below: locked. */

static struct thread *owner_of(const uint32_t *word)
{
	uint32_t id = __atomic_load_n(word, __ATOMIC_RELAXED) & FUTEX_OWNER_MASK;

	return id ? thread_find(id) : NULL;
}

static struct thread *first_waiter(const uint32_t *word)
{
	struct list_node *head = list_of(word), *node;

	list_for_each (node, head)
		if (waiter_of(node)->pi_word == word)
			return waiter_of(node);
	return NULL;
}

static void insert_waiter(struct thread *thread, uint32_t *word)
{
	struct list_node *head = list_of(word), *at = head;

	/* Whoever changes a priority comes here only afterwards (futex_priority_changed): until
	 * then the thread counts for what it did, or this list would not be in order. */
	thread->wait_priority = READ_ONCE(thread->priority);
	while (at->prev != head && waiter_of(at->prev)->wait_priority < thread->wait_priority)
		at = at->prev;
	list_insert_before(at, &thread->wait_node);
}

/* Whoever is first among the word's waiters now lends to its owner, and nobody else of them. owner
 * may be NULL: gone. */
static void set_lender(struct thread *owner, const uint32_t *word)
{
	struct thread *lender = first_waiter(word);
	struct list_node *node, *after, *at;

	if (!owner)
		return;
	list_for_each_safe (node, after, &owner->pi_waiters)
		if (lender_of(node)->pi_word == word)
			list_remove(node);
	if (!lender)
		return;
	at = &owner->pi_waiters;
	while (at->prev != &owner->pi_waiters &&
	       lender_of(at->prev)->wait_priority < lender->wait_priority)
		at = at->prev;
	list_insert_before(at, &lender->pi_node);
}

/* Gives the thread what is lent to it now, and the owner of what it waits for, and so on. */
static void lend(struct thread *thread)
{
	for (unsigned int i = 0; thread && i < CHAIN_MAX; i++) {
		uint8_t before = thread->priority, inherited = 0;
		uint32_t *word;

		if (!list_empty(&thread->pi_waiters))
			inherited = lender_of(thread->pi_waiters.next)->wait_priority;
		if (inherited == thread->inherited)
			return;
		thread_set_inherited(thread, inherited);
		if (thread->priority == before)
			return;
		futex_reorder(thread);
		word = thread->pi_word;
		if (!word)
			return;
		list_remove(&thread->wait_node);
		insert_waiter(thread, word);
		thread = owner_of(word);
		set_lender(thread, word);
	}
}

void futex_priority_changed(struct thread *thread)
{
	uint32_t *word;

	futex_reorder(thread);
	spin_lock(&lock);
	word = thread->pi_word;
	if (word) {
		struct thread *owner = owner_of(word);

		list_remove(&thread->wait_node);
		insert_waiter(thread, word);
		set_lender(owner, word);
		lend(owner);
	}
	spin_unlock(&lock);
}

void futex_owner_gone(struct thread *thread)
{
	spin_lock(&lock);
	while (!list_empty(&thread->pi_waiters))
		list_remove(thread->pi_waiters.next);
	spin_unlock(&lock);
}

/* ---- Taking ---- */

static bool is_over(uint64_t deadline_ns, unsigned int flags)
{
	if (deadline_ns == TIME_NEVER)
		return false;
	return (flags & FUTEX_WALL ? time_wall_ns() : time_monotonic_ns()) >= deadline_ns;
}

/* Takes the word when it is free (0), else marks it as waited for (-EAGAIN), or -EDEADLK. */
static int take_or_mark(struct thread *self, uint32_t *word)
{
	uint32_t value = __atomic_load_n(word, __ATOMIC_RELAXED), wanted;

	do {
		uint32_t owner = value & FUTEX_OWNER_MASK;

		if (owner == self->id)
			return -EDEADLK;
		if (!owner)
			wanted = (value & (FUTEX_KEPT | FUTEX_WAITERS)) | self->id;
		else
			wanted = value | FUTEX_WAITERS;
	} while (!__atomic_compare_exchange_n(word, &value, wanted, false, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return (wanted & FUTEX_OWNER_MASK) == self->id ? 0 : -EAGAIN;
}

/* The chain of owners from the word on must not lead to self. */
static int check_chain(const struct thread *self, const struct thread *owner)
{
	for (unsigned int i = 0; owner && i < CHAIN_MAX; i++) {
		if (owner == self)
			return -EDEADLK;
		if (!owner->pi_word)
			return 0;
		owner = owner_of(owner->pi_word);
	}
	return owner ? -EDEADLK : 0;
}

/* Still waiting, but not woken: is there a reason to stop? Takes the lock. */
static int stop_waiting(struct thread *self, uint32_t *word, uint64_t deadline_ns,
			unsigned int flags)
{
	int result = 0;

	spin_lock(&lock);
	if (self->pi_word) {
		if ((flags & FUTEX_INTERRUPTIBLE) && thread_is_interrupted(self))
			result = -EINTR;
		else if (is_over(deadline_ns, flags))
			result = -ETIMEDOUT;
	}
	if (result) {
		struct thread *owner = owner_of(word);

		list_remove(&self->wait_node);
		list_remove(&self->pi_node);
		self->pi_word = NULL;
		self->pi_waiting = false;
		set_lender(owner, word);
		lend(owner);
	}
	spin_unlock(&lock);
	return result;
}

/* In the list already, state THREAD_WAITING. */
static int wait_for_handover(struct thread *self, uint32_t *word, uint64_t deadline_ns,
			     unsigned int flags)
{
	for (;;) {
		int result;

		if (deadline_ns != TIME_NEVER && (flags & FUTEX_WALL))
			deadline_ns = sched_block_wall(deadline_ns);
		else
			thread_block(deadline_ns);
		if (!__atomic_load_n(&self->pi_waiting, __ATOMIC_ACQUIRE))
			return 0;
		thread_wait_prepare();
		result = stop_waiting(self, word, deadline_ns, flags);
		if (!self->pi_waiting) {
			thread_wait_cancel();
			return result;
		}
	}
}

int futex_lock_pi(uint32_t *word, uint64_t deadline_ns, unsigned int flags, const char *what)
{
	bool enabled = events_disable();
	struct thread *self = thread_self(), *owner;
	int result;

	thread_wait_prepare();
	spin_lock(&lock);
	result = take_or_mark(self, word);
	if (result == -EAGAIN) {
		owner = owner_of(word);
		result = owner ? check_chain(self, owner) : -ESRCH;
		if (result == 0 && (flags & FUTEX_INTERRUPTIBLE) && thread_is_interrupted(self))
			result = -EINTR;
		if (result == 0) {
			self->wait.where = word;
			self->wait.owner = owner->id;
			self->wait.what = what;
			list_init(&self->pi_node);
			self->pi_word = word;
			self->pi_waiting = true;
			insert_waiter(self, word);
			set_lender(owner, word);
			lend(owner);
			spin_unlock(&lock);
			result = wait_for_handover(self, word, deadline_ns, flags);
			sched_restore(enabled);
			return result;
		}
	}
	spin_unlock(&lock);
	thread_wait_cancel();
	events_restore(enabled);
	return result;
}

/* ---- Giving ---- */

/* The first waiter owns the word from here on. */
static void hand_over(struct thread *self, uint32_t *word, struct thread *next)
{
	uint32_t kept = __atomic_load_n(word, __ATOMIC_RELAXED) & FUTEX_KEPT;

	list_remove(&next->wait_node);
	list_remove(&next->pi_node);
	next->pi_word = NULL;
	__atomic_store_n(word, next->id | kept | (first_waiter(word) ? FUTEX_WAITERS : 0),
			 __ATOMIC_RELEASE);
	set_lender(next, word);
	lend(next);
	lend(self);
	sched_wake(next);
	__atomic_store_n(&next->pi_waiting, false, __ATOMIC_RELEASE);
}

int futex_unlock_pi(uint32_t *word)
{
	bool enabled = events_disable();
	struct thread *self = thread_self(), *next;
	int result = 0;

	spin_lock(&lock);
	next = first_waiter(word);
	if ((__atomic_load_n(word, __ATOMIC_RELAXED) & FUTEX_OWNER_MASK) != self->id)
		result = -EPERM;
	else if (next)
		hand_over(self, word, next);
	else
		__atomic_fetch_and(word, FUTEX_KEPT, __ATOMIC_RELEASE);
	spin_unlock(&lock);
	sched_restore(enabled);
	return result;
}
