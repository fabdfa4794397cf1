/* SPDX-License-Identifier: BSD-2-Clause */
/* sysconf(): limits and options. Where <limits.h> or <unistd.h> have a number, this is the same. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "arch/x86_64/pv/boot.h"
#include "core/page.h"
#include "core/sched.h"
#include "core/smp.h"
#include "lib/base/bits.h"
#include "xen/hypercall.h"

#define CLOCK_TICKS_PER_S 100
#define NO_LIMIT          (-1)

/* Absent in programs that create no thread: they have no use for a second vCPU. */
#pragma weak smp_online
#pragma weak sched_started

int get_nprocs_conf(void)
{
	int count = 0;

	while (count < (int)VCPUS_MAX &&
	       hypercall_vcpu_op(VCPUOP_is_up, (unsigned int)count, NULL) >= 0)
		count++;
	return count;
}

/* Those that are up, or will be when the first thread is created. */
int get_nprocs(void)
{
	if (!smp_online)
		return 1;
	return sched_started ? (int)bits_count(smp_online()) : get_nprocs_conf();
}

/* Numbers. */
#define LIMITS(X)                                                                                  \
	X(_SC_AIO_LISTIO_MAX, AIO_LISTIO_MAX)                                                      \
	X(_SC_AIO_MAX, AIO_MAX)                                                                    \
	X(_SC_AIO_PRIO_DELTA_MAX, AIO_PRIO_DELTA_MAX)                                              \
	X(_SC_ARG_MAX, ARG_MAX)                                                                    \
	X(_SC_ATEXIT_MAX, INT_MAX)                                                                 \
	X(_SC_CHILD_MAX, CHILD_MAX)                                                                \
	X(_SC_CLK_TCK, CLOCK_TICKS_PER_S)                                                          \
	X(_SC_DELAYTIMER_MAX, DELAYTIMER_MAX)                                                      \
	X(_SC_GETGR_R_SIZE_MAX, 256)                                                               \
	X(_SC_GETPW_R_SIZE_MAX, 256)                                                               \
	X(_SC_HOST_NAME_MAX, HOST_NAME_MAX)                                                        \
	X(_SC_IOV_MAX, IOV_MAX)                                                                    \
	X(_SC_LINE_MAX, LINE_MAX)                                                                  \
	X(_SC_LOGIN_NAME_MAX, LOGIN_NAME_MAX)                                                      \
	X(_SC_MQ_OPEN_MAX, MQ_OPEN_MAX)                                                            \
	X(_SC_MQ_PRIO_MAX, MQ_PRIO_MAX)                                                            \
	X(_SC_NGROUPS_MAX, NGROUPS_MAX)                                                            \
	X(_SC_OPEN_MAX, OPEN_MAX)                                                                  \
	X(_SC_PAGESIZE, PAGESIZE)                                                                  \
	X(_SC_RE_DUP_MAX, RE_DUP_MAX)                                                              \
	X(_SC_RTSIG_MAX, RTSIG_MAX)                                                                \
	X(_SC_REGEXP, _POSIX_REGEXP)                                                               \
	X(_SC_SEM_NSEMS_MAX, -1)                                                                   \
	X(_SC_SEM_VALUE_MAX, SEM_VALUE_MAX)                                                        \
	X(_SC_SIGQUEUE_MAX, SIGQUEUE_MAX)                                                          \
	X(_SC_STREAM_MAX, STREAM_MAX)                                                              \
	X(_SC_SYMLOOP_MAX, SYMLOOP_MAX)                                                            \
	X(_SC_THREAD_DESTRUCTOR_ITERATIONS, PTHREAD_DESTRUCTOR_ITERATIONS)                         \
	X(_SC_THREAD_KEYS_MAX, PTHREAD_KEYS_MAX)                                                   \
	X(_SC_THREAD_STACK_MIN, PTHREAD_STACK_MIN)                                                 \
	X(_SC_THREAD_THREADS_MAX, NO_LIMIT)                                                        \
	X(_SC_TIMER_MAX, TIMER_MAX)                                                                \
	X(_SC_TTY_NAME_MAX, TTY_NAME_MAX)                                                          \
	X(_SC_TZNAME_MAX, TZNAME_MAX)

/* Options whose value is the version of the standard; what is not named here is not there. */
#define OPTIONS(X)                                                                                 \
	X(BARRIERS)                                                                                \
	X(CLOCK_SELECTION)                                                                         \
	X(CPUTIME)                                                                                 \
	X(FSYNC)                                                                                   \
	X(IPV6)                                                                                    \
	X(MAPPED_FILES)                                                                            \
	X(MEMLOCK)                                                                                 \
	X(MEMLOCK_RANGE)                                                                           \
	X(MEMORY_PROTECTION)                                                                       \
	X(MESSAGE_PASSING)                                                                         \
	X(MONOTONIC_CLOCK)                                                                         \
	X(PRIORITY_SCHEDULING)                                                                     \
	X(RAW_SOCKETS)                                                                             \
	X(READER_WRITER_LOCKS)                                                                     \
	X(REALTIME_SIGNALS)                                                                        \
	X(SEMAPHORES)                                                                              \
	X(SPIN_LOCKS)                                                                              \
	X(THREADS)                                                                                 \
	X(THREAD_ATTR_STACKADDR)                                                                   \
	X(THREAD_ATTR_STACKSIZE)                                                                   \
	X(THREAD_CPUTIME)                                                                          \
	X(THREAD_PRIORITY_SCHEDULING)                                                              \
	X(THREAD_PRIO_INHERIT)                                                                     \
	X(THREAD_PRIO_PROTECT)                                                                     \
	X(THREAD_PROCESS_SHARED)                                                                   \
	X(THREAD_SAFE_FUNCTIONS)                                                                   \
	X(TIMEOUTS)                                                                                \
	X(TIMERS)                                                                                  \
	X(VERSION)

#define NAME(name, value)  name,
#define VALUE(name, value) value,
#define OPTION(option)     _SC_##option,
#define IS_VERSION(option)                                                                         \
	static_assert(_POSIX_##option == _POSIX_VERSION, "an option like the others");
OPTIONS(IS_VERSION)
static const uint8_t limit_names[] = {LIMITS(NAME)};
static const int limit_values[] = {LIMITS(VALUE)};
static const uint8_t options[] = {OPTIONS(OPTION)};

static_assert(_SC_POSIX_26_VERSION <= UINT8_MAX, "names fit");

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
	for (size_t i = 0; i < sizeof(limit_names); i++)
		if (limit_names[i] == name)
			return limit_values[i];
	for (size_t i = 0; i < sizeof(options); i++)
		if (options[i] == name)
			return _POSIX_VERSION;
	if (name < 0 || name > _SC_POSIX_26_VERSION)
		errno = EINVAL;
	return -1;
}
