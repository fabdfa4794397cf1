/* SPDX-License-Identifier: BSD-2-Clause */
/* CPU-time clocks of single threads. */
#include <errno.h>

#include "lib/posix/clock.h"
#include "lib/posix/sig.h"

#pragma weak thread_for_each
#pragma weak thread_cpu_ns

struct reading {
	uint32_t id;
	uint64_t ns;
	bool found;
};

static bool read_one(struct thread *thread, void *arg)
{
	struct reading *reading = arg;

	if (thread->id != reading->id)
		return true;
	reading->ns = thread_cpu_ns(thread);
	if (thread->signals)
		reading->ns += (uint64_t)thread->signals->cpu_offset_ns;
	reading->found = true;
	return false;
}

clockid_t clock_of_thread(const struct thread *thread)
{
	return (clockid_t)thread->id << CLOCK_THREAD_SHIFT | CLOCK_THREAD_CPUTIME_ID;
}

/* The locked list keeps the thread from going. */
int clock_read_thread(clockid_t clock, uint64_t *ns_out)
{
	struct reading reading = {.id = (uint32_t)(clock >> CLOCK_THREAD_SHIFT)};

	if ((clock & CLOCK_KIND_MASK) != CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	if (reading.id == thread_first.id && !thread_for_each)
		return clock_read(CLOCK_THREAD_CPUTIME_ID, ns_out);
	if (thread_for_each)
		thread_for_each(read_one, &reading);
	*ns_out = reading.ns;
	return reading.found ? 0 : -EINVAL;
}
