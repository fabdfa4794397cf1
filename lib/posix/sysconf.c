/* SPDX-License-Identifier: BSD-2-Clause */
/* sysconf(): limits and options. Where <limits.h> or <unistd.h> have a number, this is the same. */
#include <errno.h>
#include <limits.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "arch/x86_64/pv/boot.h"
#include "core/page.h"
#include "core/sched.h"
#include "core/smp.h"

#define CLOCK_TICKS_PER_S 100
#define NO_LIMIT	  (-1)
#define NOT_THERE	  (-1)

/* Absent in programs that create no thread: they have no use for a second vCPU. */
#pragma weak smp_online
#pragma weak smp_possible
#pragma weak sched_started

/* Those that are up, or will be when the first thread is created. */
int get_nprocs(void)
{
	if (!smp_online)
		return 1;
	return __builtin_popcountl(sched_started ? smp_online() : smp_possible());
}

int get_nprocs_conf(void)
{
	return smp_possible ? __builtin_popcountl(smp_possible()) : 1;
}

static const struct {
	short name;
	int value;
} values[] = {
	/* Limits. */
	{_SC_AIO_LISTIO_MAX, AIO_LISTIO_MAX},
	{_SC_AIO_MAX, AIO_MAX},
	{_SC_AIO_PRIO_DELTA_MAX, AIO_PRIO_DELTA_MAX},
	{_SC_ARG_MAX, ARG_MAX},
	{_SC_ATEXIT_MAX, INT_MAX},
	{_SC_CHILD_MAX, CHILD_MAX},
	{_SC_CLK_TCK, CLOCK_TICKS_PER_S},
	{_SC_DELAYTIMER_MAX, DELAYTIMER_MAX},
	{_SC_GETGR_R_SIZE_MAX, 256},
	{_SC_GETPW_R_SIZE_MAX, 256},
	{_SC_HOST_NAME_MAX, HOST_NAME_MAX},
	{_SC_IOV_MAX, IOV_MAX},
	{_SC_LINE_MAX, LINE_MAX},
	{_SC_LOGIN_NAME_MAX, LOGIN_NAME_MAX},
	{_SC_MQ_OPEN_MAX, MQ_OPEN_MAX},
	{_SC_MQ_PRIO_MAX, MQ_PRIO_MAX},
	{_SC_NGROUPS_MAX, NGROUPS_MAX},
	{_SC_OPEN_MAX, OPEN_MAX},
	{_SC_PAGESIZE, PAGESIZE},
	{_SC_RE_DUP_MAX, RE_DUP_MAX},
	{_SC_RTSIG_MAX, RTSIG_MAX},
	{_SC_SEM_NSEMS_MAX, SEM_NSEMS_MAX},
	{_SC_SEM_VALUE_MAX, SEM_VALUE_MAX},
	{_SC_SIGQUEUE_MAX, SIGQUEUE_MAX},
	{_SC_STREAM_MAX, STREAM_MAX},
	{_SC_SYMLOOP_MAX, SYMLOOP_MAX},
	{_SC_THREAD_DESTRUCTOR_ITERATIONS, PTHREAD_DESTRUCTOR_ITERATIONS},
	{_SC_THREAD_KEYS_MAX, PTHREAD_KEYS_MAX},
	{_SC_THREAD_STACK_MIN, PTHREAD_STACK_MIN},
	{_SC_THREAD_THREADS_MAX, NO_LIMIT},
	{_SC_TIMER_MAX, TIMER_MAX},
	{_SC_TTY_NAME_MAX, TTY_NAME_MAX},
	{_SC_TZNAME_MAX, TZNAME_MAX},
	/* Options. */
	{_SC_BARRIERS, _POSIX_BARRIERS},
	{_SC_CLOCK_SELECTION, _POSIX_CLOCK_SELECTION},
	{_SC_CPUTIME, _POSIX_CPUTIME},
	{_SC_FSYNC, _POSIX_FSYNC},
	{_SC_JOB_CONTROL, NOT_THERE},
	{_SC_MAPPED_FILES, _POSIX_MAPPED_FILES},
	{_SC_MEMLOCK, _POSIX_MEMLOCK},
	{_SC_MEMLOCK_RANGE, _POSIX_MEMLOCK_RANGE},
	{_SC_MEMORY_PROTECTION, _POSIX_MEMORY_PROTECTION},
	{_SC_MESSAGE_PASSING, _POSIX_MESSAGE_PASSING},
	{_SC_MONOTONIC_CLOCK, _POSIX_MONOTONIC_CLOCK},
	{_SC_PRIORITY_SCHEDULING, _POSIX_PRIORITY_SCHEDULING},
	{_SC_READER_WRITER_LOCKS, _POSIX_READER_WRITER_LOCKS},
	{_SC_REALTIME_SIGNALS, _POSIX_REALTIME_SIGNALS},
	{_SC_SAVED_IDS, NOT_THERE},
	{_SC_SEMAPHORES, _POSIX_SEMAPHORES},
	{_SC_SPIN_LOCKS, _POSIX_SPIN_LOCKS},
	{_SC_THREADS, _POSIX_THREADS},
	{_SC_THREAD_ATTR_STACKADDR, _POSIX_THREAD_ATTR_STACKADDR},
	{_SC_THREAD_ATTR_STACKSIZE, _POSIX_THREAD_ATTR_STACKSIZE},
	{_SC_THREAD_CPUTIME, _POSIX_THREAD_CPUTIME},
	{_SC_THREAD_PRIORITY_SCHEDULING, _POSIX_THREAD_PRIORITY_SCHEDULING},
	{_SC_THREAD_PRIO_INHERIT, _POSIX_THREAD_PRIO_INHERIT},
	{_SC_THREAD_PRIO_PROTECT, _POSIX_THREAD_PRIO_PROTECT},
	{_SC_THREAD_PROCESS_SHARED, _POSIX_THREAD_PROCESS_SHARED},
	{_SC_THREAD_SAFE_FUNCTIONS, _POSIX_THREAD_SAFE_FUNCTIONS},
	{_SC_TIMEOUTS, _POSIX_TIMEOUTS},
	{_SC_TIMERS, _POSIX_TIMERS},
	{_SC_VERSION, (int)_POSIX_VERSION},
};

long sysconf(int name)
{
	struct page_stats pages;

	switch (name) {
	case _SC_NPROCESSORS_CONF:
		return get_nprocs_conf();
	case _SC_NPROCESSORS_ONLN:
		return get_nprocs();
	case _SC_PHYS_PAGES:
		return (long)boot_info.pages_count;
	case _SC_AVPHYS_PAGES:
		page_get_stats(&pages);
		return (long)(pages.free + pages.untouched);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (values[i].name == name)
			return values[i].value;
	if (name < 0 || name > _SC_POSIX_26_VERSION)
		errno = EINVAL;
	return -1;
}
