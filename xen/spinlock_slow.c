/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The slow path of spinlocks; linked together with the other vCPUs.
 *
 * Only the first of the queue looks at the lock's word, and sets SPIN_WANTED and SPIN_ASLEEP. It
 * leaves the queue when it has the lock: the next one comes awake while the lock is held. A sleeper
 * says what it sleeps for in its vCPU, then in the lock, and looks once more; whoever changes the
 * lock learns in the same instruction whether somebody sleeps: so one of the two sees the other.
 */
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

/* Looks before a waiter sleeps: some ten microseconds, about what going to sleep and being woken
 * costs. */
#define SPINS_MAX 1000u
/* Looks during which newcomers may still be faster than the first of the queue. */
#define SPINS_POLITE 20u

/* In first_sleepers; what overflows the upper half falls off. */
#define FIRST_ONE 0x10000u
/* In place of a ticket: the first of the queue sleeps. */
#define FIRST 0x10000u

static uint16_t first_of(const struct spinlock *lock)
{
	return (uint16_t)(__atomic_load_n(&lock->first_sleepers, __ATOMIC_SEQ_CST) / FIRST_ONE);
}

/* What comes before the lock is told. A kick that was meant for an earlier sleep is forgotten. */
static void sleep_begin(const struct spinlock *lock, uint32_t ticket)
{
	struct vcpu *self = vcpu_this();

	if (self->spin_port)
		spin_kick_clear(self->spin_port);
	__atomic_store_n(&self->spin_ticket, ticket, __ATOMIC_RELAXED);
	__atomic_store_n(&self->spin_lock, lock, __ATOMIC_RELEASE);
}

static void sleep_end(void)
{
	__atomic_store_n(&vcpu_this()->spin_lock, NULL, __ATOMIC_RELAXED);
}

static void sleep_until_kick(void)
{
	evtchn_port_t port = VCPU(spin_port);

	if (port)
		(void)hypercall_sched_poll(&port, 1, 0);
	else
		hypercall_sched_yield();
}

/* Somebody found the lock made anew at the same address is woken for nothing. */
static void kick(const struct spinlock *lock, uint32_t ticket)
{
	for (unsigned int id = 0; id < VCPUS_MAX; id++) {
		const struct vcpu *vcpu = READ_ONCE(vcpu_by_id[id]);

		if (vcpu && __atomic_load_n(&vcpu->spin_lock, __ATOMIC_ACQUIRE) == lock &&
		    __atomic_load_n(&vcpu->spin_ticket, __ATOMIC_RELAXED) == ticket) {
			struct evtchn_send send = {.port = vcpu->spin_port};

			(void)hypercall_event_channel_op(EVTCHNOP_send, &send);
		}
	}
}

/* Until the ticket is the queue's first. */
static void queue_wait(struct spinlock *lock, uint16_t ticket)
{
	unsigned int spins = 0;

	while (first_of(lock) != ticket) {
		cpu_relax();
		if (++spins % SPINS_MAX)
			continue;
		sleep_begin(lock, ticket);
		__atomic_fetch_add(&lock->first_sleepers, 1, __ATOMIC_SEQ_CST);
		if (first_of(lock) != ticket)
			sleep_until_kick();
		sleep_end();
		__atomic_fetch_sub(&lock->first_sleepers, 1, __ATOMIC_SEQ_CST);
	}
}

/* The lock is ours, so it stays. */
static void queue_leave(struct spinlock *lock, uint16_t ticket)
{
	uint32_t before = __atomic_fetch_add(&lock->first_sleepers, FIRST_ONE, __ATOMIC_SEQ_CST);

	if ((uint16_t)before)
		kick(lock, (uint16_t)(ticket + 1));
}

/* The first of the queue takes the lock if it is free, and the flags with it: they are its own. */
static bool take_as_first(struct spinlock *lock)
{
	uint8_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	return !(word & SPIN_LOCKED) &&
	       __atomic_compare_exchange_n(&lock->word, &word, SPIN_LOCKED, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static bool take_within(struct spinlock *lock, unsigned int spins_max)
{
	for (unsigned int spins = 0; spins < spins_max; spins++) {
		if (take_as_first(lock))
			return true;
		cpu_relax();
	}
	return false;
}

/* While it sleeps the lock may be taken by who is there. */
static void sleep_as_first(struct spinlock *lock)
{
	sleep_begin(lock, FIRST);
	__atomic_fetch_and(&lock->word, (uint8_t)~SPIN_WANTED, __ATOMIC_SEQ_CST);
	if (__atomic_fetch_or(&lock->word, SPIN_ASLEEP, __ATOMIC_SEQ_CST) & SPIN_LOCKED)
		sleep_until_kick();
	sleep_end();
	__atomic_fetch_and(&lock->word, (uint8_t)~SPIN_ASLEEP, __ATOMIC_SEQ_CST);
}

void spin_lock_wait(struct spinlock *lock)
{
	uint16_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_SEQ_CST);

	queue_wait(lock, ticket);
	if (!take_within(lock, SPINS_POLITE)) {
		for (;;) {
			__atomic_fetch_or(&lock->word, SPIN_WANTED, __ATOMIC_SEQ_CST);
			if (take_within(lock, SPINS_MAX))
				break;
			sleep_as_first(lock);
		}
	}
	queue_leave(lock, ticket);
}

/* Frees it; flags but SPIN_ASLEEP stay. */
void spin_unlock_kick(struct spinlock *lock)
{
	uint8_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(&lock->word, &word, word & ~(SPIN_LOCKED | SPIN_ASLEEP),
					    false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	if (word & SPIN_ASLEEP)
		kick(lock, FIRST);
}

int spin_vcpu_prepare(struct vcpu *vcpu)
{
	return vcpu->spin_port ? 0 : evtchn_bind_kick(vcpu->id, &vcpu->spin_port);
}
