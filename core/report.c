/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/report.h"

#include <stdarg.h>

#include "arch/x86_64/pv/boot.h"
#include "core/console.h"
#include "core/time.h"
#include "lib/base/format.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

#define LINE_BYTES 200
#define WAIT_NS    1000000ULL
/* So long without a byte taken: nobody reads. A busy dom0 may take two seconds. */
#define DEAF_NS (10 * NS_PER_S)

static struct spinlock lock;
static bool is_deaf; /* nobody reads the console; lock */

bool report_begin(void)
{
	if (!spin_trylock(&lock))
		return false;
	is_deaf = false;
	return true;
}

void report_end(void)
{
	spin_unlock(&lock);
}

static void write_bytes(const char *bytes, size_t bytes_count)
{
	struct console *console = console_get();
	uint64_t deadline_ns = TIME_NEVER;

	if (!console) {
		boot_emergency_write(bytes, bytes_count);
		return;
	}
	while (bytes_count && !is_deaf) {
		size_t taken = console->ops->write(console, bytes, bytes_count);

		bytes += taken;
		bytes_count -= taken;
		if (taken) {
			deadline_ns = TIME_NEVER;
			continue;
		}
		if (deadline_ns == TIME_NEVER)
			deadline_ns = time_monotonic_ns() + DEAF_NS;
		/* It returns at once while some event waits, however often it is asked. */
		(void)hypercall_sched_poll(NULL, 0, time_monotonic_ns() + WAIT_NS);
		is_deaf = time_monotonic_ns() >= deadline_ns;
	}
}

bool report_line(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;
	size_t bytes;

	va_start(arguments, format);
	bytes = format_line_v(line, sizeof(line), "\r\n", sizeof("\r\n"), format, arguments);
	va_end(arguments);
	write_bytes(line, bytes);
	return !is_deaf;
}
