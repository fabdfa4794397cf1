/* SPDX-License-Identifier: BSD-2-Clause */
/* Between POSIX's time structures and the kernel's nanoseconds. */
#ifndef LIB_POSIX_CLOCK_H
#define LIB_POSIX_CLOCK_H

#include <stdint.h>
#include <sys/time.h>
#include <time.h>

/* Nanoseconds of a valid, non-negative time, saturating below TIME_NEVER. 0 or -EINVAL. */
int clock_to_ns(const struct timespec *time, uint64_t *ns_out);
struct timespec clock_from_ns(uint64_t ns);
struct timeval clock_timeval_from_ns(uint64_t ns);
/* Monotonic time that lies timeout from now. 0 or -EINVAL. */
int clock_deadline(const struct timespec *timeout, uint64_t *deadline_out);

#endif
