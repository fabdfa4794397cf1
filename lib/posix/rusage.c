/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program used. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "core/page.h"
#include "core/thread.h"
#include "core/time.h"
#include "lib/posix/clock.h"
#include "lib/posix/posix.h"

#define KIB 1024U

#pragma weak thread_for_each

static uint64_t process_cpu_ns(void)
{
	uint64_t ns = 0;

	(void)clock_read(CLOCK_PROCESS_CPUTIME_ID, &ns);
	return ns;
}

clock_t clock(void)
{
	return (clock_t)(process_cpu_ns() / (NS_PER_S / CLOCKS_PER_SEC));
}

/* Kernel and program are one: all time is the program's. */
clock_t times(struct tms *times_out)
{
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);

	if (times_out)
		*times_out = (struct tms){.tms_utime = (clock_t)(process_cpu_ns() / tick_ns)};
	return (clock_t)((time_monotonic_ns() - time_boot_ns()) / tick_ns);
}

/* Of threads that are still there. */
static bool add_switches(struct thread *thread, void *arg)
{
	struct rusage *usage = arg;

	usage->ru_nvcsw += (long)(thread->switches - thread->preemptions);
	usage->ru_nivcsw += (long)thread->preemptions;
	return true;
}

int getrusage(int who, struct rusage *usage_out)
{
	struct page_stats pages;
	uint64_t ns = 0;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return (int)posix_result(-EINVAL);
	*usage_out = (struct rusage){0};
	if (who == RUSAGE_CHILDREN)
		return 0;
	if (who == RUSAGE_THREAD) {
		(void)clock_read(CLOCK_THREAD_CPUTIME_ID, &ns);
		add_switches(thread_self(), usage_out);
	} else {
		ns = process_cpu_ns();
		if (thread_for_each)
			thread_for_each(add_switches, usage_out);
	}
	usage_out->ru_utime = clock_timeval_from_ns(ns);
	page_get_stats(&pages);
	usage_out->ru_maxrss =
		(long)((pages.total - pages.free - pages.untouched) * (PAGE_BYTES / KIB));
	return 0;
}
