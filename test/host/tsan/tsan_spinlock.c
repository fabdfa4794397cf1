/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks by more vCPUs than there are processors, under ThreadSanitizer: nobody is inside
 * together with another, what one wrote the next one sees, no kick is lost. Xen's part, polling and
 * sending, is played with condition variables. A million turns in each round.
 *
 * Links: xen/spinlock.c xen/spinlock_slow.c
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "arch/x86_64/hypercall.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

#define VCPUS         6u
#define TURNS         1000000u
#define LOCKS         3u
#define SECONDS_MAX   1800u /* a lost kick is a wait for ever */
#define OUTSIDE_LOOPS 50u
#define SLOW_TURNS    1000u /* in one of so many the holder loses its processor */
#define LOST_US       50u

__thread struct vcpu *vcpu_host;
struct vcpu *vcpu_by_id[VCPUS_MAX];

static struct vcpu vcpus[VCPUS];
static unsigned int rounds;

/* ---- Xen ---- */

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t sent;
	bool pending;
} ports[VCPUS + 1];
static unsigned long polls, sends;

void spin_kick_clear(evtchn_port_t port)
{
	pthread_mutex_lock(&ports[port].mutex);
	ports[port].pending = false;
	pthread_mutex_unlock(&ports[port].mutex);
}

int evtchn_bind_kick(uint32_t vcpu, evtchn_port_t *port_out)
{
	*port_out = vcpu + 1;
	return 0;
}

static void poll(evtchn_port_t port)
{
	pthread_mutex_lock(&ports[port].mutex);
	while (!ports[port].pending)
		pthread_cond_wait(&ports[port].sent, &ports[port].mutex);
	pthread_mutex_unlock(&ports[port].mutex);
	__atomic_fetch_add(&polls, 1, __ATOMIC_RELAXED);
}

static void send(evtchn_port_t port)
{
	pthread_mutex_lock(&ports[port].mutex);
	ports[port].pending = true;
	pthread_cond_broadcast(&ports[port].sent);
	pthread_mutex_unlock(&ports[port].mutex);
	__atomic_fetch_add(&sends, 1, __ATOMIC_RELAXED);
}

long arch_hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	(void)a3;
	(void)a4;
	(void)a5;
	if (op == __HYPERVISOR_sched_op && a1 == SCHEDOP_poll)
		poll(((struct sched_poll *)a2)->ports.p[0]);
	else if (op == __HYPERVISOR_event_channel_op && a1 == EVTCHNOP_send)
		send(((struct evtchn_send *)a2)->port);
	else
		abort();
	return 0;
}

int hypercall_errno(long xen_result)
{
	return (int)xen_result;
}

void events_deliver(void)
{
}

/* ---- The guest ---- */

static struct guarded {
	struct spinlock lock;
	unsigned long count; /* no atomic: the lock's */
	unsigned int inside;
} guarded[LOCKS];
static unsigned long tries_failed;

static void loop(unsigned int loops)
{
	for (volatile unsigned int i = 0; i < loops; i++)
		;
}

static void turn(struct guarded *one, unsigned int number)
{
	if (one->inside++ != 0) {
		fprintf(stderr, "two are inside\n");
		abort();
	}
	one->count++;
	if (number % SLOW_TURNS == 0)
		usleep(LOST_US);
	one->inside--;
}

static void *run(void *arg)
{
	struct vcpu *self = arg;
	unsigned int seed = self->id + 1;

	vcpu_host = self;
	for (unsigned int i = 0; i < rounds * (TURNS / VCPUS); i++) {
		struct guarded *one = &guarded[rand_r(&seed) % LOCKS];
		bool enabled;

		if (i % 16 == 0) {
			enabled = events_disable();
			while (!spin_trylock(&one->lock)) {
				__atomic_fetch_add(&tries_failed, 1, __ATOMIC_RELAXED);
				loop(OUTSIDE_LOOPS);
			}
		} else {
			enabled = spin_lock_events(&one->lock);
		}
		turn(one, i);
		spin_unlock_events(&one->lock, enabled);
		if (seed % 4 == 0)
			loop(OUTSIDE_LOOPS);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[VCPUS];
	unsigned long sum = 0;

	rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 1;
	alarm(SECONDS_MAX + 60 * rounds);
	for (unsigned int id = 0; id < VCPUS; id++) {
		vcpus[id].self = &vcpus[id];
		vcpus[id].id = id;
		pthread_mutex_init(&ports[id + 1].mutex, NULL);
		pthread_cond_init(&ports[id + 1].sent, NULL);
		if (spin_vcpu_prepare(&vcpus[id]))
			abort();
		vcpu_by_id[id] = &vcpus[id];
	}
	for (unsigned int id = 0; id < VCPUS; id++)
		pthread_create(&threads[id], NULL, run, &vcpus[id]);
	for (unsigned int id = 0; id < VCPUS; id++)
		pthread_join(threads[id], NULL);
	for (unsigned int i = 0; i < LOCKS; i++) {
		sum += guarded[i].count;
		if (spin_locked(&guarded[i].lock))
			abort();
	}
	if (sum != (unsigned long)rounds * (TURNS / VCPUS) * VCPUS)
		abort();
	printf("%lu turns, %lu sleeps, %lu kicks, %lu tries failed\n", sum, polls, sends,
	       tries_failed);
	return 0;
}
