/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Barriers. Each arrival draws a number; count of them make a round, and the last of a round begins
 * the next one, which is what the others wait for. There may be more threads than a round has
 * places. Who has seen its round end still counts as inside for a moment: pthread_barrier_destroy()
 * may follow at once, and waits until nobody is.
 */
#include <errno.h>
#include <pthread.h>

#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

#define LEAVING   0x80000000u /* in inside: somebody waits for the last */
#define COUNT_MAX (1u << 24)  /* leaves enough rounds before their numbers come again */

int pthread_barrier_init(pthread_barrier_t *restrict barrier,
			 const pthread_barrierattr_t *restrict attr, unsigned int count)
{
	(void)attr;
	if (count == 0 || count > COUNT_MAX)
		return EINVAL;
	*barrier = (pthread_barrier_t){.__count = count};
	return 0;
}

/* The barrier may be gone afterwards. */
static void leave(pthread_barrier_t *barrier)
{
	uint32_t *inside = &barrier->__inside;

	if (__atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST) == LEAVING)
		sync_wake(inside, FUTEX_ALL);
}

/* Numbers and rounds begin anew together, after the last round that fits in a word. */
static uint32_t rounds_of(const pthread_barrier_t *barrier)
{
	return UINT32_MAX / barrier->__count;
}

static uint32_t draw_number(pthread_barrier_t *barrier)
{
	uint32_t number = mutex_load(&barrier->__arrived), end = rounds_of(barrier);

	for (;;) {
		uint32_t next = number + 1 == end * barrier->__count ? 0 : number + 1;

		if (mutex_change(&barrier->__arrived, number, next))
			return number;
		number = mutex_load(&barrier->__arrived);
	}
}

/* now is the round that runs; rounds may end in another order than they were filled. */
static bool round_over(const pthread_barrier_t *barrier, uint32_t mine, uint32_t now)
{
	uint32_t rounds = rounds_of(barrier);
	uint32_t ahead = now >= mine ? now - mine : now + (rounds - mine);

	return ahead != 0 && ahead <= rounds / 2;
}

static void begin_round(pthread_barrier_t *barrier)
{
	uint32_t *round = &barrier->__round, now;

	do
		now = mutex_load(round);
	while (!mutex_change(round, now, now + 1 == rounds_of(barrier) ? 0 : now + 1));
	sync_wake(round, FUTEX_ALL);
}

int pthread_barrier_wait(pthread_barrier_t *barrier)
{
	uint32_t number, now;

	if (barrier->__count == 0)
		return EINVAL;
	__atomic_fetch_add(&barrier->__inside, 1, __ATOMIC_SEQ_CST);
	number = draw_number(barrier);
	if ((number + 1) % barrier->__count == 0) {
		begin_round(barrier);
		leave(barrier);
		return PTHREAD_BARRIER_SERIAL_THREAD;
	}
	while (!round_over(barrier, number / barrier->__count, now = mutex_load(&barrier->__round)))
		if (sync_wait(&barrier->__round, now, SYNC_NEVER, "barrier") == -EINTR &&
		    sync_release()) {
			leave(barrier);
			sync_cancel_look();
		}
	leave(barrier);
	return 0;
}

int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
	uint32_t *inside = &barrier->__inside, left;

	if (barrier->__count == 0)
		return EINVAL;
	if (mutex_load(&barrier->__arrived) % barrier->__count)
		return EBUSY;
	left = __atomic_or_fetch(inside, LEAVING, __ATOMIC_SEQ_CST);
	while (left != LEAVING) {
		if (sync_wait(inside, left, SYNC_NEVER, "barrier") == -EINTR)
			sig_release();
		left = mutex_load(inside);
	}
	barrier->__count = 0;
	return 0;
}
