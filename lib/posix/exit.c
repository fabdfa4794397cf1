/* SPDX-License-Identifier: BSD-2-Clause */
/* How the domain ends, whoever ends it: the program, a signal, the toolstack. */
#include "lib/posix/exit.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/log.h"
#include "core/panic.h"
#include "core/sleeplock.h"
#include "core/threads_report.h"
#include "core/time.h"
#include "drivers/control.h"
#include "lib/base/format.h"
#include "lib/posix/mount.h"
#include "lib/posix/sig.h"
#include "lib/posix/tty.h"
#include "xen/abi.h"

/* Absent in programs that create no thread. */
#pragma weak threads_report

/* Nobody may hold the end up for longer: neither a console nobody reads nor a busy xenstore. */
#define DRAIN_NS  (10 * NS_PER_S)
#define REPORT_NS (2 * NS_PER_S)

/* What the toolstack asked for; event context writes, the end reads. */
static struct {
	unsigned int reason; /* SHUTDOWN_* */
	uint64_t grace_ns;
	struct timer grace_timer;
} end = {.reason = SHUTDOWN_poweroff};

/* word: how the status is called in xenstore; line: on the console. */
static _Noreturn void end_domain(const char *word, const char *line, int number)
{
	static struct sleeplock ending;
	char text[64];
	uint64_t now;

	/* Nothing interrupts the end any more; other threads run on, but one end is enough. */
	sig_hold();
	sleeplock_lock(&ending);
	if (mounts_end)
		mounts_end();
	now = time_monotonic_ns();
	timer_cancel(&end.grace_timer);
	format_text(text, sizeof(text), "%s %d", word, number);
	control_report(text, now + REPORT_NS);
	format_text(text, sizeof(text), "stardust: %s %d", line, number);
	tty_seize(&tty_console, now + DRAIN_NS);
	tty_write_line(&tty_console, text, now + DRAIN_NS);
	console_drain(now + DRAIN_NS);
	panic_shutdown(end.reason);
}

void _exit(int status)
{
	end_domain("exit", "exit", status & 0xff);
}

void exit_before_main(int status, const char *format, ...)
{
	char text[160];
	va_list arguments;

	va_start(arguments, format);
	format_text_v(text, sizeof(text), format, arguments);
	va_end(arguments);
	tty_write_line(&tty_console, text, time_monotonic_ns() + DRAIN_NS);
	_exit(status);
}

static const char *crash_reason(int signal)
{
	switch (signal) {
	case SIGABRT:
		return "abort() was called";
	case SIGQUIT:
		return "SIGQUIT (^\\)";
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
	case SIGSYS:
		return "a crash signal was sent";
	default:
		return NULL;
	}
}

void exit_by_signal(int signal, const ucontext_t *context)
{
	const char *reason = crash_reason(signal);

	(void)context;
	if (reason) {
		uint64_t deadline_ns = time_monotonic_ns() + DRAIN_NS;

		/* The report does not wait for the ring: what the program wrote goes first. */
		tty_seize(&tty_console, deadline_ns);
		tty_end_line(&tty_console, deadline_ns);
		console_drain(deadline_ns);
		if (signal == SIGQUIT && threads_report)
			threads_report();
		panic_signal(reason, signal);
	}
	end_domain("signal", "killed by signal", signal);
}

/* Event context: nothing here may wait. */
static void on_grace_over(struct timer *timer)
{
	static const char text[] = "\nstardust: the program did not end in time\n"
				   "stardust: killed by signal 9\n";
	size_t skip = tty_console.line_start ? 1 : 0;

	(void)timer;
	panic_alone();
	boot_emergency_write(text + skip, sizeof(text) - 1 - skip);
	panic_report_status(SIGKILL);
	panic_shutdown(end.reason);
}

static void on_request(enum control_request request, void *arg)
{
	(void)arg;
	if (request == CONTROL_SUSPEND) {
		log_warn("suspend was requested: not supported yet");
		return;
	}
	end.reason = request == CONTROL_REBOOT ? SHUTDOWN_reboot : SHUTDOWN_poweroff;
	if (end.grace_ns && !end.grace_timer.armed)
		timer_arm(&end.grace_timer, time_monotonic_ns() + end.grace_ns);
	sig_send(SIGTERM, SI_KERNEL);
}

void exit_watch_toolstack(uint64_t grace_ns)
{
	end.grace_ns = grace_ns;
	timer_init(&end.grace_timer, on_grace_over);
	control_init(on_request, NULL);
}
