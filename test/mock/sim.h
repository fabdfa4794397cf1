/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several simulated vCPUs in one thread of the host, for the scheduler and what waits on it.
 *
 * The kernel's files under test are compiled so that each access to memory calls the simulator
 * (test/host/host.mk, interleaved/): there another vCPU may go on instead, an event may come, the
 * virtual clock moves. A seed decides all of it, and a run repeats exactly. What it does not show
 * are the store buffers of real processors: accesses happen in the order of the program.
 *
 * One run is one process: the kernel's static variables are used once.
 */
#ifndef TEST_MOCK_SIM_H
#define TEST_MOCK_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "core/thread.h"

struct sim_config {
	uint64_t seed;
	unsigned int vcpus;
	/* At one in so many points another vCPU goes on; 0: chosen by the seed. */
	unsigned int switch_one_in;
	uint64_t point_ns; /* what a point costs; 0: 20 */
};

/* Boots the scheduler and runs fn(arg) as the first thread, with all vCPUs up. Returns when fn has.
 */
void sim_run(const struct sim_config *config, void (*fn)(void *arg), void *arg);

uint64_t sim_random(void);
/* 0 … bound - 1. */
unsigned int sim_below(unsigned int bound);
uint64_t sim_now_ns(void);

/* A place where something else may happen; tests call it in code of their own. */
void sim_point(void);
/* The code under test is about to access memory: a point, if others can see it. */
void sim_access(const volatile void *address);
/* The thread computes for so long. */
void sim_compute_ns(uint64_t ns);
/* Calls fn(arg) in event context on some vCPU at a time. */
void sim_event_at(uint64_t ns, void (*fn)(void *arg), void *arg);

/* A thread with a stack of its own, which goes back when it is gone. */
struct sim_thread {
	struct thread thread;
	uint32_t gone; /* futex: 1 when it is */
	void *stack, *fpu;
};
void sim_thread_start(struct sim_thread *thread, void (*entry)(void *arg), void *arg,
		      enum thread_policy policy, unsigned int priority, uint64_t affinity);
void sim_thread_join(struct sim_thread *thread);

/* Prints what all vCPUs and threads do, and the seed, and ends the process. */
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define SIM_CHECK(condition)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			sim_fail("%s:%d: %s", __FILE__, __LINE__, #condition);                     \
	} while (0)

/* Pages that the kernel holds. */
extern unsigned int sim_pages;
extern uint64_t sim_points;

#endif
