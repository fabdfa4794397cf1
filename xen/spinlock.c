/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A waiter that goes to sleep says so in three steps: in its vCPU what it waits for, in the lock
 * that somebody sleeps, and then it looks at the lock once more. Whoever unlocks hands the turn on
 * and learns in the same instruction whether somebody sleeps: so one of the two sees the other.
 * After that instruction the lock is not touched any more: the next holder may free it.
 */
#include "xen/spinlock.h"

#include "xen/hypercall.h"

/* Looks before a waiter sleeps: some ten microseconds, about what going to sleep and being woken
 * costs. */
#define SPINS_MAX 1000u

static inline uint16_t owner_now(const struct spinlock *lock)
{
	return (uint16_t)(__atomic_load_n(&lock->owner_sleepers, __ATOMIC_SEQ_CST) / SPIN_OWNER_ONE);
}

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
	if (owner_now(lock) != ticket)
		(void)hypercall_sched_poll(&port, 1, 0);
	VCPU(spin_lock) = NULL;
	__atomic_fetch_sub(&lock->owner_sleepers, 1, __ATOMIC_SEQ_CST);
}

void spin_lock_wait(struct spinlock *lock, uint16_t ticket)
{
	for (;;) {
		for (unsigned int spins = 0; spins < SPINS_MAX; spins++) {
			if (owner_now(lock) == ticket)
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

/* Acquire: what the last holder wrote is seen from here on. */
void spin_lock(struct spinlock *lock)
{
	uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_ACQUIRE);

	if (__builtin_expect(owner_now(lock) != ticket, 0))
		spin_lock_wait(lock, ticket);
}

bool spin_trylock(struct spinlock *lock)
{
	uint16_t ticket = owner_now(lock);

	return __atomic_compare_exchange_n(&lock->next, &ticket, (uint16_t)(ticket + 1), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Release: what we wrote is seen by the next holder. */
void spin_unlock(struct spinlock *lock)
{
	uint32_t before = __atomic_fetch_add(&lock->owner_sleepers, SPIN_OWNER_ONE, __ATOMIC_SEQ_CST);

	if (__builtin_expect((uint16_t)before != 0, 0))
		spin_kick(lock, (uint16_t)(before / SPIN_OWNER_ONE + 1));
}

bool spin_lock_events(struct spinlock *lock)
{
	bool enabled = events_disable();

	spin_lock(lock);
	return enabled;
}

void spin_unlock_events(struct spinlock *lock, bool enabled_before)
{
	spin_unlock(lock);
	events_restore(enabled_before);
}
