/* SPDX-License-Identifier: BSD-2-Clause */
/* Robust mutexes and ones with a priority ceiling: each thread has a list of those it holds. */
#include <errno.h>
#include <stddef.h>

#include "core/thread.h"
#include "lib/posix/mutex.h"

#pragma weak thread_set_ceiling

void mutex_init_listed(pthread_mutex_t *mutex, unsigned int kind, int ceiling)
{
	mutex->__kind = kind;
	mutex->__ceiling = (short)ceiling;
}

/* It runs with the highest ceiling of what it holds. */
void mutex_ceiling_changed(void)
{
	struct tcb *self = tcb_self();
	unsigned int highest = 0;

	for (const pthread_mutex_t *held = self->held; held; held = held->__next)
		if ((held->__kind & MUTEX_PROTECT) && (unsigned int)held->__ceiling > highest)
			highest = (unsigned int)held->__ceiling;
	if (thread_set_ceiling && self->thread->ceiling != highest)
		thread_set_ceiling(self->thread, highest);
}

int mutex_taken(pthread_mutex_t *mutex)
{
	struct tcb *self = tcb_self();

	if (mutex->__state == MUTEX_LOST) {
		mutex_let_go(mutex);
		return ENOTRECOVERABLE;
	}
	mutex->__next = self->held;
	mutex->__link = &self->held;
	if (self->held)
		self->held->__link = &mutex->__next;
	self->held = mutex;
	if (mutex->__kind & MUTEX_PROTECT)
		mutex_ceiling_changed();
	if (mutex->__state != MUTEX_DIED)
		return 0;
	mutex->__state = MUTEX_INCONSISTENT;
	return EOWNERDEAD;
}

void mutex_releasing(pthread_mutex_t *mutex)
{
	if (mutex->__state == MUTEX_INCONSISTENT)
		mutex->__state = MUTEX_LOST;
	*mutex->__link = mutex->__next;
	if (mutex->__next)
		mutex->__next->__link = mutex->__link;
	mutex->__next = NULL;
	mutex->__link = NULL;
}

/* Only now, so that it is not preempted with the mutex and without the priority. */
void mutex_released(void)
{
	if (tcb_self()->thread->ceiling)
		mutex_ceiling_changed();
}

void mutex_abandon(void)
{
	struct tcb *self = tcb_self();

	while (self->held) {
		pthread_mutex_t *mutex = self->held;

		mutex_releasing(mutex);
		if (!(mutex->__kind & MUTEX_ROBUST))
			continue;
		mutex->__depth = 0;
		mutex->__state = MUTEX_DIED;
		mutex_let_go(mutex);
	}
	mutex_released();
}

int pthread_mutex_consistent(pthread_mutex_t *mutex)
{
	if (!(mutex->__kind & MUTEX_ROBUST) || mutex->__state != MUTEX_INCONSISTENT)
		return EINVAL;
	mutex->__state = MUTEX_CONSISTENT;
	return 0;
}

int pthread_mutex_consistent_np(pthread_mutex_t *mutex)
{
	return pthread_mutex_consistent(mutex);
}

int pthread_mutex_getprioceiling(const pthread_mutex_t *restrict mutex, int *restrict ceiling_out)
{
	if (!(mutex->__kind & MUTEX_PROTECT) || (mutex->__kind & MUTEX_DESTROYED))
		return EINVAL;
	*ceiling_out = mutex->__ceiling;
	return 0;
}

int pthread_mutex_setprioceiling(pthread_mutex_t *restrict mutex, int ceiling,
				 int *restrict old_out)
{
	bool held = (mutex_load(&mutex->__word) & MUTEX_OWNER) == mutex_self();
	int error = 0;

	if (!(mutex->__kind & MUTEX_PROTECT) || (mutex->__kind & MUTEX_DESTROYED) || ceiling < 1 ||
	    ceiling > THREAD_PRIORITY_MAX)
		return EINVAL;
	/* Without regard to the ceiling it has (POSIX). */
	if (!held)
		error = -mutex_word_lock(mutex, CLOCK_REALTIME, NULL, false);
	if (error == 0 && !held)
		error = mutex_taken(mutex);
	if (error)
		return error;
	if (old_out)
		*old_out = mutex->__ceiling;
	mutex->__ceiling = (short)ceiling;
	if (held)
		mutex_ceiling_changed();
	else
		mutex_unlock_slow(mutex);
	return 0;
}
