/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams and the C library's locks among several threads. */
#include <errno.h>
#include <reent.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/posix/cancel.h"
#include "lib/posix/lock.h"
#include "lib/posix/newlib.h"
#include "lib/posix/sig.h"
#include "lib/posix/stdio_exit.h"
#include "lib/posix/sync.h"

/* There if the program uses streams. */
#pragma weak __sinit
#pragma weak _fwalk_reent
#pragma weak _fclose_r

void lock_wait(struct __lock *lock)
{
	struct tcb *self = tcb_self();

	for (;;) {
		uint32_t word = __atomic_load_n(&lock->__word, __ATOMIC_RELAXED);
		uint32_t new = word ? word | LOCK_WAITERS : self->id | LOCK_WAITERS;

		if (!__atomic_compare_exchange_n(&lock->__word, &word, new, false, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
			continue;
		if (!word)
			break;
		if (sync_wait(&lock->__word, new, SYNC_NEVER, "C library") == -EINTR)
			sig_release();
	}
	self->holds++;
}

void lock_wake(const struct __lock *lock)
{
	sync_wake(&lock->__word, 1);
}

/* Calls fn for each open stream the running thread has locked. */
static void for_each_held(void (*fn)(struct __lock *lock, void *arg), void *arg)
{
	uint32_t id = tcb_self()->id;

	for (struct _glue *glue = &_GLOBAL_REENT->__sglue; glue; glue = glue->_next)
		for (int i = 0; i < glue->_niobs; i++) {
			struct __lock *lock = &glue->_iobs[i]._lock;

			if ((lock->__word & ~LOCK_WAITERS) == id)
				fn(lock, arg);
		}
}

static void count(struct __lock *lock, void *arg)
{
	*(uint32_t *)arg += lock->__depth + 1;
}

static void unlock(struct __lock *lock, void *arg)
{
	(void)arg;
	tcb_self()->holds -= lock->__depth;
	lock->__depth = 0;
	__libc_unlock(lock);
}

bool cancel_streams_only(void)
{
	uint32_t locks = 0;

	for_each_held(count, &locks);
	return locks == tcb_self()->holds;
}

void cancel_free_streams(void)
{
	for_each_held(unlock, NULL);
}

/* One that another thread reads from may be locked for ever: nothing is lost in it. */
static int end_stream(struct _reent *reent, FILE *file)
{
	int result;

	if (__libc_trylock(&file->_lock)) {
		if (file->_flags & __SRD)
			return 0;
		__libc_lock(&file->_lock);
	}
	result = _fclose_r(reent, file);
	__libc_unlock(&file->_lock);
	return result;
}

static void end_streams(struct _reent *reent)
{
	_fwalk_reent(reent, end_stream);
}

void stdio_exit_prepare(void)
{
	if (!__sinit || _GLOBAL_REENT->__cleanup == end_streams)
		return;
	__sinit(_GLOBAL_REENT);
	_GLOBAL_REENT->__cleanup = end_streams;
}
