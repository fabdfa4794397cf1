/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/cancel.h"

/* Only pthread_cancel() makes a cancellation due, and brings this along. */
#pragma weak cancel_act

void cancel_test(void)
{
	if (cancel_due())
		cancel_act();
}
