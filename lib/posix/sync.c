/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/sync.h"

#include "core/wait.h"
#include "lib/posix/clock.h"

int sync_limit_from(struct sync_limit *limit_out, clockid_t clock, const struct timespec *time)
{
	*limit_out = SYNC_NEVER;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	if (!time)
		return 0;
	if (time->tv_nsec < 0 || time->tv_nsec >= (long)NS_PER_S)
		return -EINVAL;
	/* What was before 1970 is over. */
	limit_out->deadline_ns = 0;
	if (time->tv_sec >= 0)
		clock_to_ns(time, &limit_out->deadline_ns);
	limit_out->flags = clock == CLOCK_REALTIME ? FUTEX_WALL : 0;
	return 0;
}

int sync_wait_alone(const uint32_t *word, uint32_t expected, struct sync_limit limit)
{
	uint64_t deadline_ns = limit.deadline_ns;

	if (limit.deadline_ns != TIME_NEVER && (limit.flags & FUTEX_WALL)) {
		uint64_t now = time_wall_ns();

		deadline_ns = time_monotonic_ns();
		if (limit.deadline_ns > now)
			deadline_ns += limit.deadline_ns - now;
	}
	/* Handlers run while events are enabled: none comes between the look and the sleep. */
	if (READ_ONCE(*word) != expected)
		return -EAGAIN;
	return wait_until(deadline_ns, true) ? -EINTR : -ETIMEDOUT;
}
