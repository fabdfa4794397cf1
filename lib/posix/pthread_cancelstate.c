/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether and when a thread lets itself be cancelled. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "lib/posix/cancel.h"

/* Sets or clears a flag of the running thread; yields whether it was set. */
static bool change(uint32_t flag, bool set)
{
	uint32_t *word = &tcb_self()->cancel, old;

	old = set ? __atomic_fetch_or(word, flag, __ATOMIC_SEQ_CST)
		  : __atomic_fetch_and(word, ~flag, __ATOMIC_SEQ_CST);
	/* What came before takes effect at once if it may at any time. */
	if ((tcb_self()->cancel & CANCEL_ASYNC) && !set)
		cancel_test();
	return old & flag;
}

int pthread_setcancelstate(int state, int *old_out)
{
	bool was_disabled;

	if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
		return EINVAL;
	was_disabled = tcb_self()->cancel & CANCEL_DISABLED;
	if (old_out)
		*old_out = was_disabled ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
	change(CANCEL_DISABLED, state == PTHREAD_CANCEL_DISABLE);
	return 0;
}

int pthread_setcanceltype(int type, int *old_out)
{
	bool was_async;

	if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
		return EINVAL;
	was_async = tcb_self()->cancel & CANCEL_ASYNC;
	if (old_out)
		*old_out = was_async ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
	change(CANCEL_ASYNC, type == PTHREAD_CANCEL_ASYNCHRONOUS);
	if (type == PTHREAD_CANCEL_ASYNCHRONOUS)
		cancel_test();
	return 0;
}

void pthread_testcancel(void)
{
	cancel_test();
}
