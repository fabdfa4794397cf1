/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>

#include "lib/posix/tcb.h"

pthread_t pthread_self(void)
{
	return tcb_self()->handle;
}

int pthread_equal(pthread_t one, pthread_t two)
{
	return one == two;
}
