/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other vCPUs: bringing them up and taking them down, and calling them. A program without
 * threads links none of this. vCPU 0 is always up; which of the others the domain has Xen says,
 * and which should be up the toolstack (drivers/cpu.c).
 *
 * A vCPU that is taken down stays where it is, in its idle loop, until it is brought up again.
 */
#ifndef CORE_SMP_H
#define CORE_SMP_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/vcpu.h"

/* Brings up the vCPUs that should be up, and goes on doing as the toolstack says. Once, when the
 * scheduler has started on this vCPU; thread context, no lock held. A vCPU that cannot be brought
 * up is logged and left alone. */
void smp_start(void);

/* vCPU id's upcall runs soon, with work_pending set. Nothing for one that is down. Any context. */
void smp_kick(unsigned int id);

/* Bit n: the domain has vCPU n; vCPU n is up. */
uint64_t smp_possible(void);
uint64_t smp_online(void);

/* Make vCPU id (not 0) take part, or stop taking part after its threads, timers and events were
 * moved away. Return when it is so. Thread context.
 * 0, -EINVAL (no such vCPU, vCPU 0), -ENOMEM, -EAGAIN (the domain is being suspended), or what the
 * scheduler says. */
int smp_vcpu_up(unsigned int id);
/* The first part of smp_vcpu_up(), which waits for nothing: where several go up, all start before
 * one is waited for. */
int smp_vcpu_start(unsigned int id);
int smp_vcpu_down(unsigned int id);

/* Goes down, see smp_idle(). Events disabled. */
void smp_leave(void);

/* The idle loop of each vCPU calls this before it blocks, with events disabled: a vCPU that has to
 * go down does so here, and returns when it is up again. */
static inline void smp_idle(void)
{
	if (__builtin_expect(VCPU(leaving), 0))
		smp_leave();
}

/* Stops all other vCPUs for good, wherever they are, and returns when none runs any more. For the
 * end, by one vCPU only: two that stop each other would end the domain. No lock, no memory; events
 * disabled. */
void smp_stop_others(void);

/* Provided by drivers/cpu.c: calls smp_vcpu_up() and smp_vcpu_down() for what the toolstack wants,
 * now and whenever it wants something else. Thread context. */
void core_smp_follow(void);

#endif
