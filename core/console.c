/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/console.h"

static struct console *the_console;

void console_register(struct console *console)
{
	the_console = console;
}

struct console *console_get(void)
{
	return the_console;
}

bool console_drain(uint64_t deadline_ns)
{
	struct console *console = the_console;

	if (!console)
		return true;
	return waitq_wait(&console->queue, console->ops->drained(console), deadline_ns, false) == 0;
}
