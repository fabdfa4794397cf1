/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiters of all words with the same hash stand in one list, by priority and then by their coming.
 *
 * wait_word is not NULL exactly while the thread is in the list; a waker clears it as the last
 * thing it does to the thread, which may be gone afterwards.
 */
#include "core/futex.h"

#include "core/sched_inline.h"
#include "lib/base/error.h"

#define BUCKET_BITS 10

struct futex_bucket {
	struct spinlock lock;
	struct list_node waiters;
} __attribute__((aligned(32)));

static struct futex_bucket buckets[1U << BUCKET_BITS];

static inline struct futex_bucket *bucket_of(const uint32_t *word)
{
	/* The golden ratio's fraction: neighbouring words land far apart. */
	return &buckets[((uintptr_t)word * 0x9e3779b97f4a7c15ULL) >> (64 - BUCKET_BITS)];
}

static inline struct thread *waiter_of(struct list_node *node)
{
	return container_of(node, struct thread, wait_node);
}

void futex_boot(void)
{
	for (unsigned int i = 0; i < 1U << BUCKET_BITS; i++)
		list_init(&buckets[i].waiters);
}

/* ---- The list; locked ---- */

/* Behind the last whose priority is not lower. */
static __attribute__((noinline)) struct list_node *place_of(struct list_node *head,
							    uint8_t priority)
{
	struct list_node *at = head;

	while (at->prev != head && waiter_of(at->prev)->wait_priority < priority)
		at = at->prev;
	return at;
}

/* Yields the priority by which it stands there. */
static inline uint8_t insert(struct futex_bucket *bucket, struct thread *thread,
			     const uint32_t *word)
{
	struct list_node *head = &bucket->waiters, *at = head;
	uint8_t priority = READ_ONCE(thread->priority);

	thread->wait_priority = priority;
	if (__builtin_expect(at->prev != head, 0))
		at = place_of(head, priority);
	list_insert_before(at, &thread->wait_node);
	WRITE_ONCE(thread->wait_word, word);
	return priority;
}

/* Before others of its priority. */
static uint8_t insert_first(struct futex_bucket *bucket, struct thread *thread,
			    const uint32_t *word)
{
	struct list_node *head = &bucket->waiters, *at = head->next;
	uint8_t priority = READ_ONCE(thread->priority);

	thread->wait_priority = priority;
	while (at != head && waiter_of(at)->wait_priority > priority)
		at = at->next;
	list_insert_before(at, &thread->wait_node);
	WRITE_ONCE(thread->wait_word, word);
	return priority;
}

static inline void unlink(struct thread *thread)
{
	struct list_node *next = thread->wait_node.next, *prev = thread->wait_node.prev;

	prev->next = next;
	next->prev = prev;
}

static inline __attribute__((always_inline)) void wake_waiter(struct thread *thread, bool many,
							      bool keeps)
{
	unlink(thread);
	wake_how(thread, many, keeps);
	/* Pairs with the load in futex_wait(). */
	__atomic_store_n(&thread->wait_word, NULL, __ATOMIC_RELEASE);
}

/* The bucket where the thread stands, locked; NULL when it waits for no word. */
static struct futex_bucket *lock_bucket_of(const struct thread *thread)
{
	const uint32_t *word;

	while ((word = READ_ONCE(thread->wait_word)) != NULL) {
		struct futex_bucket *bucket = bucket_of(word);

		sched_spin_lock(&bucket->lock);
		if (READ_ONCE(thread->wait_word) == word)
			return bucket;
		sched_spin_unlock(&bucket->lock);
	}
	return NULL;
}

/* ---- Waiting ---- */

static bool is_over(uint64_t deadline_ns, unsigned int flags)
{
	if (deadline_ns == TIME_NEVER)
		return false;
	return (flags & FUTEX_WALL ? time_wall_ns() : time_monotonic_ns()) >= deadline_ns;
}

/* Yields the deadline that is still to come, or one that is past. */
static __attribute__((noinline)) uint64_t block_until(uint64_t deadline_ns, unsigned int flags)
{
	if (deadline_ns != TIME_NEVER && (flags & FUTEX_WALL))
		return sched_block_wall(deadline_ns);
	thread_block(deadline_ns);
	return deadline_ns;
}

/* Something else than a waker let the thread run. Waits on while that is no reason to stop. */
static __attribute__((noinline)) int wait_on(struct thread *self, const uint32_t *word,
					     uint64_t deadline_ns, unsigned int flags)
{
	for (;;) {
		struct futex_bucket *bucket;
		int result = 0;

		/* Before the lock: a waker that comes after it finds us waiting. */
		thread_wait_prepare();
		bucket = lock_bucket_of(self);
		if (!bucket) {
			thread_wait_cancel();
			return 0;
		}
		if (self->wait_word != word)
			/* Moved to another word. */
			deadline_ns = TIME_NEVER;
		else if ((flags & FUTEX_INTERRUPTIBLE) && thread_is_interrupted(self))
			result = -EINTR;
		else if (is_over(deadline_ns, flags))
			result = -ETIMEDOUT;
		if (result) {
			unlink(self);
			self->wait_word = NULL;
		}
		sched_spin_unlock(&bucket->lock);
		if (result) {
			thread_wait_cancel();
			return result;
		}
		deadline_ns = block_until(deadline_ns, flags);
		if (!__atomic_load_n(&self->wait_word, __ATOMIC_ACQUIRE))
			return 0;
	}
}

/* Why the thread need not wait at all, 0: it must. Locked. */
static inline int refusal(struct thread *self, const uint32_t *word, uint32_t expected,
			  uint64_t deadline_ns, unsigned int flags)
{
	if (__atomic_load_n(word, __ATOMIC_RELAXED) != expected)
		return -EAGAIN;
	if ((flags & FUTEX_INTERRUPTIBLE) && thread_is_interrupted(self))
		return -EINTR;
	if (__builtin_expect(deadline_ns != TIME_NEVER, 0) && is_over(deadline_ns, flags))
		return -ETIMEDOUT;
	return 0;
}

/* False when its priority changed meanwhile: whoever changed it may not have found it here. */
static inline bool insert_as_asked(struct futex_bucket *bucket, struct thread *self,
				   const uint32_t *word, unsigned int flags)
{
	uint8_t priority;

	if (__builtin_expect(flags & FUTEX_FIRST, 0))
		priority = insert_first(bucket, self, word);
	else
		priority = insert(bucket, self, word);
	/* Pairs with futex_reorder(): it finds us, or we find the new priority. */
	smp_mb();
	return __builtin_expect(READ_ONCE(self->priority) == priority, 1);
}

static __attribute__((noinline, cold)) void insert_again(struct futex_bucket *bucket,
							 struct thread *self, const uint32_t *word,
							 unsigned int flags)
{
	do
		unlink(self);
	while (!insert_as_asked(bucket, self, word, flags));
}

/* Where whoever changed the priority meanwhile would have put it. Locked. */
static inline void insert_surely(struct futex_bucket *bucket, struct thread *self,
				 const uint32_t *word, unsigned int flags)
{
	if (!insert_as_asked(bucket, self, word, flags))
		insert_again(bucket, self, word, flags);
}

int futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline_ns, unsigned int flags,
	       const char *what)
{
	struct futex_bucket *bucket = bucket_of(word);
	bool enabled = events_disable();
	struct thread *self = thread_self();
	int result;

	/* A full barrier, before the lock and the looks. */
	thread_wait_prepare();
	sched_spin_lock(&bucket->lock);
	result = refusal(self, word, expected, deadline_ns, flags);
	if (result) {
		sched_spin_unlock(&bucket->lock);
		thread_wait_cancel();
		events_restore(enabled);
		return result;
	}
	insert_surely(bucket, self, word, flags);
	sched_spin_unlock(&bucket->lock);
	self->wait.what = what;
	deadline_ns = block_until(deadline_ns, flags);
	if (__atomic_load_n(&self->wait_word, __ATOMIC_ACQUIRE))
		result = wait_on(self, word, deadline_ns, flags);
	events_restore(enabled);
	return result;
}

int futex_sleep(const uint32_t *word, uint32_t expected, const char *what)
{
	struct thread *self = VCPU(current);
	int result = 0;

	if (__builtin_expect(sched_many || READ_ONCE(*word) != expected || self->interrupted, 0))
		return futex_wait(word, expected, TIME_NEVER, FUTEX_INTERRUPTIBLE, what);
	/* One vCPU, events disabled: nobody is here but us, and no lock is needed. */
	self->state = THREAD_WAITING;
	insert(bucket_of(word), self, word);
	self->wait.what = what;
	self = switch_away(VCPU(runq), self, false);
	if (__builtin_expect(self->wait_word != NULL, 0))
		result = wait_on(self, word, TIME_NEVER, FUTEX_INTERRUPTIBLE);
	return result;
}

/* ---- Waking ---- */

/* Locked. */
static inline unsigned int wake_some(struct futex_bucket *bucket, const uint32_t *word,
				     unsigned int count, bool many, bool keeps)
{
	struct list_node *head = &bucket->waiters, *node = head->next, *after;
	unsigned int woken = 0;

	for (; node != head && woken < count; node = after) {
		after = node->next;
		if (waiter_of(node)->wait_word == word) {
			wake_waiter(waiter_of(node), many, keeps);
			woken++;
		}
	}
	return woken;
}

static __attribute__((noinline)) unsigned int wake_any(const uint32_t *word, unsigned int count,
						       bool keeps)
{
	bool enabled = events_disable();
	struct futex_bucket *bucket = bucket_of(word);
	unsigned int woken;

	sched_spin_lock(&bucket->lock);
	woken = wake_some(bucket, word, count, sched_many, keeps);
	sched_spin_unlock(&bucket->lock);
	restore(enabled);
	return woken;
}

static __attribute__((noinline)) unsigned int deliver_after_one(void)
{
	events_deliver();
	return 1;
}

unsigned int futex_wake(const uint32_t *word, unsigned int count)
{
	uint8_t mask = events_save();
	struct runq *rq = VCPU(runq);
	struct list_node *head = &bucket_of(word)->waiters, *node;
	struct thread *thread;

	__asm__("" : "+r"(head));
	if (__builtin_expect(sched_many || count != 1 || !rq->tick_armed, 0))
		goto any;
	/* The most frequent case alone, without calls: one waiter, nothing better than us, and one
	 * vCPU, so that no lock is needed, and no waiter can be about to leave its stack. */
	for (node = head->next; node != head; node = node->next)
		if (waiter_of(node)->wait_word == word)
			goto found;
	goto any;
found:
	thread = waiter_of(node);
	if (__builtin_expect(
		    thread->level > rq->level || READ_SHARED(thread->state) != THREAD_WAITING, 0))
		goto any;
	unlink(thread);
	thread->wait_word = NULL;
	thread->slice_ticks = 0;
	put_ready(rq, thread, false, false);
	return events_release(mask) ? deliver_after_one() : 1;
any:
	events_restore(!mask);
	return wake_any(word, count, false);
}

unsigned int futex_wake_behind(const uint32_t *word)
{
	return wake_any(word, 1, true);
}

/* Both locked. */
static unsigned int move_some(struct futex_bucket *from, const uint32_t *word,
			      struct futex_bucket *bucket, const uint32_t *to, unsigned int count)
{
	struct list_node *head = &from->waiters, *node = head->next, *after;
	unsigned int moved = 0;

	for (; node != head && moved < count; node = after) {
		struct thread *thread = waiter_of(node);

		after = node->next;
		if (thread->wait_word != word)
			continue;
		unlink(thread);
		insert(bucket, thread, to);
		moved++;
	}
	return moved;
}

int futex_requeue(const uint32_t *word, uint32_t expected, unsigned int wake_count,
		  const uint32_t *to, unsigned int move_count)
{
	bool enabled = events_disable();
	struct futex_bucket *from = bucket_of(word), *bucket = bucket_of(to);
	struct futex_bucket *first = from < bucket ? from : bucket;
	struct futex_bucket *second = from < bucket ? bucket : from;
	unsigned int done;
	int result = -EAGAIN;

	sched_spin_lock(&first->lock);
	if (first != second)
		sched_spin_lock(&second->lock);
	if (__atomic_load_n(word, __ATOMIC_RELAXED) == expected) {
		done = wake_some(from, word, wake_count, sched_many, false);
		done += move_some(from, word, bucket, to, move_count);
		result = (int)done;
	}
	if (first != second)
		sched_spin_unlock(&second->lock);
	sched_spin_unlock(&first->lock);
	restore(enabled);
	return result;
}

void futex_reorder(struct thread *thread)
{
	struct futex_bucket *bucket;

	/* Pairs with insert_surely(): the priority is written, now see whether the thread waits. */
	smp_mb();
	bucket = lock_bucket_of(thread);
	if (!bucket)
		return;
	unlink(thread);
	insert(bucket, thread, thread->wait_word);
	sched_spin_unlock(&bucket->lock);
}
