/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of <threads.h> that need more than one thread. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <threads.h>

#include "lib/posix/threads.h"

int thrd_create(thrd_t *thread_out, thrd_start_t start, void *arg)
{
	int error = threads_create(thread_out, NULL, NULL, start, arg);

	return error == 0 ? thrd_success : error == EAGAIN ? thrd_nomem : thrd_error;
}

int thrd_join(thrd_t thread, int *result_out)
{
	void *result;

	if (pthread_join(thread, &result))
		return thrd_error;
	if (result_out)
		*result_out = (int)(intptr_t)result;
	return thrd_success;
}

int thrd_detach(thrd_t thread)
{
	return pthread_detach(thread) ? thrd_error : thrd_success;
}
