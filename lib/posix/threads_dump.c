/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at the threads from outside: `xl sysrq DOMAIN t`. */
#include "lib/posix/threads_dump.h"

#include <signal.h>

#include "arch/x86_64/cpu.h"
#include "core/log.h"
#include "core/threads_report.h"
#include "drivers/sysrq.h"
#include "lib/posix/sig.h"

/* A program that handles SIGQUIT says by itself what it is doing. */
static void on_key(void)
{
	_sig_func_ptr handler = sig_actions[SIGQUIT].sa_handler;

	if (handler == SIG_DFL || handler == SIG_IGN)
		threads_report();
	else
		sig_send(SIGQUIT, SI_KERNEL);
}

void threads_dump_start(void)
{
	static struct sysrq_key key = {.key = 't', .what = "the threads", .fn = on_key};
	static bool started;
	int error;

	if (__atomic_exchange_n(&started, true, __ATOMIC_RELAXED))
		return;
	error = sysrq_add(&key);
	if (error)
		log_warn("sysrq: not watched: error %d", error);
}
