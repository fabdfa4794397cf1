/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <time.h>

#include "test/posix/driver.h"

static void undo(uintptr_t timer)
{
	timer_delete((timer_t)timer);
}

int posixtest_timer_create(clockid_t clock, struct sigevent *event, timer_t *timer_out)
{
	int result = timer_create(clock, event, timer_out);

	if (result == 0)
		posixtest_undo_later(undo, (uintptr_t)*timer_out);
	return result;
}
