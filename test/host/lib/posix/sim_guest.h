/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What locks of lib/posix need of the guest when they run on simulated vCPUs (sim_cases.h).
 * Included by one file of a test program.
 */
#ifndef TEST_HOST_LIB_POSIX_SIM_GUEST_H
#define TEST_HOST_LIB_POSIX_SIM_GUEST_H

#define TCB_HOST
#include "lib/posix/tcb.h"
#include "test/host/core/sim_cases.h"

/* Any of them, zero at first. */
struct object {
	_Alignas(16) uint32_t words[16];
};

int sync_limit_from(void *limit_out, unsigned long clock, const void *time);
int sync_wait_alone(const uint32_t *word, uint32_t expected, uint64_t deadline_ns,
		    unsigned int flags);
int sig_release(void);
void sig_hold(void);

static struct tcb tcbs[THREADS_MAX + 2];

struct tcb *tcb_host(void)
{
	struct thread *self = thread_self();
	struct tcb *tcb = &tcbs[self->id % (THREADS_MAX + 2)];

	tcb->id = self->id;
	tcb->thread = self;
	return tcb;
}

/* time: the deadline; NULL: none. */
int sync_limit_from(void *limit_out, unsigned long clock, const void *time)
{
	uint64_t *limit = limit_out;

	(void)clock;
	limit[0] = time ? *(const uint64_t *)time : TIME_NEVER;
	limit[1] = 0;
	return 0;
}

int sync_wait_alone(const uint32_t *word, uint32_t expected, uint64_t deadline_ns,
		    unsigned int flags)
{
	(void)word;
	(void)expected;
	(void)deadline_ns;
	(void)flags;
	sim_fail("somebody waits alone");
	return 0;
}

int sig_release(void)
{
	return 0;
}

void sig_hold(void)
{
}

#endif
