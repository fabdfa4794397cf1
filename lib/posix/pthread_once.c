/* SPDX-License-Identifier: BSD-2-Clause */
/* pthread_once(): the first to come runs the routine, the others wait until it is done, or until it
 * was cancelled and one of them begins anew. */
#include <pthread.h>

#include "lib/posix/mutex.h"
#include "lib/posix/sig.h"

enum { ONCE_NOT_BEGUN, ONCE_RUNS, ONCE_AWAITED, ONCE_DONE };

static void end(pthread_once_t *once, uint32_t state)
{
	if (__atomic_exchange_n(once, state, __ATOMIC_ACQ_REL) == ONCE_AWAITED)
		sync_wake(once, FUTEX_ALL);
}

static void undo(void *arg)
{
	end(arg, ONCE_NOT_BEGUN);
}

static int run_or_wait(pthread_once_t *once, void (*routine)(void))
{
	for (;;) {
		uint32_t state = mutex_load(once);

		if (state == ONCE_DONE)
			return 0;
		if (state == ONCE_NOT_BEGUN && mutex_change(once, state, ONCE_RUNS)) {
			pthread_cleanup_push(undo, once);
			routine();
			pthread_cleanup_pop(0);
			end(once, ONCE_DONE);
			return 0;
		}
		if (state == ONCE_RUNS && !mutex_change(once, state, ONCE_AWAITED))
			continue;
		if (state != ONCE_NOT_BEGUN &&
		    sync_wait(once, ONCE_AWAITED, SYNC_NEVER, "once") == -EINTR && sync_release())
			sync_cancel_look();
	}
}

int pthread_once(pthread_once_t *once, void (*routine)(void))
{
	return mutex_load(once) == ONCE_DONE ? 0 : run_or_wait(once, routine);
}
