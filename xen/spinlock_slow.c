/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slow path of spinlocks; linked together with the other vCPUs.
 *
 * A waiter that goes to sleep says so in three steps: in its vCPU what it waits for, in the lock
 * that somebody sleeps, and then it looks at the lock once more. Whoever unlocks hands the turn on
 * and learns in the same instruction whether somebody sleeps: so one of the two sees the other.
 * After that instruction the lock is not touched any more: the next holder may free it.
 */
#include "xen/spinlock.h"

#include "xen/evtchn.h"
#include "xen/hypercall.h"

/* Looks before a waiter sleeps: some ten microseconds, about what going to sleep and being woken
 * costs. */
#define SPINS_MAX 1000u

/* Until our ticket is called or somebody kicks us. */
static void sleep_for_turn(struct spinlock *lock, uint16_t ticket)
{
	evtchn_port_t port = VCPU(spin_port);

	if (!port) {
		hypercall_sched_yield();
		return;
	}
	VCPU(spin_ticket) = ticket;
	VCPU(spin_lock) = lock;
	__atomic_fetch_add(&lock->owner_sleepers, 1, __ATOMIC_SEQ_CST);
	/* A kick that was meant for an earlier sleep; one for this sleep comes after our turn. */
	spin_kick_clear(port);
	if (spin_owner(lock) != ticket)
		(void)hypercall_sched_poll(&port, 1, 0);
	VCPU(spin_lock) = NULL;
	__atomic_fetch_sub(&lock->owner_sleepers, 1, __ATOMIC_SEQ_CST);
}

void spin_lock_wait(struct spinlock *lock, uint16_t ticket)
{
	for (;;) {
		for (unsigned int spins = 0; spins < SPINS_MAX; spins++) {
			if (spin_owner(lock) == ticket)
				return;
			cpu_relax();
		}
		sleep_for_turn(lock, ticket);
	}
}

/* Only an address by now. A vCPU that waits for the same ticket of a lock that was made anew at
 * this address is woken for nothing. */
void spin_kick(const void *lock, uint16_t ticket)
{
	for (unsigned int id = 0; id < VCPUS_MAX; id++) {
		const struct vcpu *vcpu = READ_ONCE(vcpu_by_id[id]);

		if (vcpu && READ_ONCE(vcpu->spin_lock) == lock &&
		    READ_ONCE(vcpu->spin_ticket) == ticket) {
			struct evtchn_send send = {.port = vcpu->spin_port};

			(void)hypercall_event_channel_op(EVTCHNOP_send, &send);
		}
	}
}

int spin_vcpu_prepare(struct vcpu *vcpu)
{
	return vcpu->spin_port ? 0 : evtchn_bind_kick(vcpu->id, &vcpu->spin_port);
}
