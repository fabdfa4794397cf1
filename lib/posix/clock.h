/* SPDX-License-Identifier: BSD-2-Clause */
/* Between POSIX's time structures and the kernel's nanoseconds. */
#ifndef LIB_POSIX_CLOCK_H
#define LIB_POSIX_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include "core/thread.h"

/* Nanoseconds of a valid, non-negative time, saturating below TIME_NEVER. 0 or -EINVAL. */
int clock_to_ns(const struct timespec *time, uint64_t *ns_out);
struct timespec clock_from_ns(uint64_t ns);
struct timeval clock_timeval_from_ns(uint64_t ns);
/* Monotonic time that lies timeout from now. 0 or -EINVAL. */
int clock_deadline(const struct timespec *timeout, uint64_t *deadline_out);

/* What the clock says. -EINVAL: there is no such clock, or its thread has ended. Any context. */
int clock_read(clockid_t clock, uint64_t *ns_out);
/* The same for one thread's time of the processor; clock_cpu.c, absent until something makes such a
 * clock. */
int clock_read_thread(clockid_t clock, uint64_t *ns_out) __attribute__((weak));
clockid_t clock_of_thread(const struct thread *thread);

/* The thread's id (28 bits) above CLOCK_THREAD_CPUTIME_ID. */
#define CLOCK_THREAD_SHIFT 4
#define CLOCK_KIND_MASK    0xfU

static inline bool clock_counts_cpu(clockid_t clock)
{
	return clock == CLOCK_PROCESS_CPUTIME_ID ||
	       (clock & CLOCK_KIND_MASK) == CLOCK_THREAD_CPUTIME_ID;
}
/* How long to wait until left_ns of the clock may have passed. */
uint64_t clock_wait_ns(clockid_t clock, uint64_t left_ns);

#endif
