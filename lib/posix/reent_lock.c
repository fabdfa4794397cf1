/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C library's own locks: free or not, they are one exchange. Waiting for one needs another
 * thread, and comes with pthread_create() (pthread_stdio.c).
 */
#include <reent.h>
#include <sys/lock.h>

#include "lib/posix/lock.h"
#include "lib/posix/tcb.h"

#pragma weak lock_wait
#pragma weak lock_wake

int __libc_trylock(struct __lock *lock)
{
	struct tcb *self = tcb_self();
	uint32_t word = 0;

	if (!__atomic_compare_exchange_n(&lock->__word, &word, self->id, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED)) {
		if ((word & ~LOCK_WAITERS) != self->id)
			return -1;
		lock->__depth++;
	}
	self->holds++;
	return 0;
}

void __libc_lock(struct __lock *lock)
{
	if (__libc_trylock(lock))
		lock_wait(lock);
}

void __libc_unlock(struct __lock *lock)
{
	struct tcb *self = tcb_self();
	uint32_t word = self->id;

	/* A clean-up handler may release what a cancellation has released already. */
	if ((lock->__word & ~LOCK_WAITERS) != word)
		return;
	self->holds--;
	if (lock->__depth)
		lock->__depth--;
	else if (__atomic_exchange_n(&lock->__word, 0, __ATOMIC_RELEASE) != word)
		lock_wake(lock);
}
