/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler, futexes, priority inheritance and wait queues with host threads for vCPUs, and the
 * kernel's own switching between its threads, which ThreadSanitizer knows as fibers. What the
 * locks under test guard is plain memory: a lock that does not order is a race. Kicks arrive where
 * a thread looks for them, and there is no clock: simulated interleavings are test_sched's matter.
 *
 * The first argument is how many rounds of OPS_PER_ROUND operations.
 *
 * Links: core/sched.c core/sched_smp.c core/sched_wait.c core/thread.c core/wait.c
 * Links: core/futex.c core/futex_pi.c xen/spinlock.c xen/spinlock_slow.c arch/x86_64/switch.S
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arch/x86_64/hypercall.h"
#include "core/futex.h"
#include "core/page.h"
#include "core/sched.h"
#include "core/vm.h"
#include "test/host/tsan/tsan.h"
#include "xen/hypercall.h"

#define VCPUS         4u
#define THREADS       8u
#define OPS_PER_ROUND 100000u
#define STACK_BYTES   65536u
#define LOCKS         3u

void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned int flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned int flags);

/* Questions that are asked without a lock, whose answers may be old: core/sched.h says how each is
 * asked again. The words of event counts and futexes are read so too. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:^load$\n"
	       "race:^least_level$\n"
	       "race:^better_elsewhere$\n"
	       "race:^allowed_vcpus$\n"
	       "race:^sched_is_smp$\n"
	       "race:^kick$\n"; /* xen/spinlock_slow.c */
}

static struct vcpu vcpus[VCPUS];
struct vcpu vcpu0;
struct vcpu *vcpu_by_id[VCPUS_MAX];
__thread struct vcpu *vcpu_host;

static uint32_t kicked[VCPUS];
static bool finished;
static pthread_t hosts[VCPUS];

/* ---- What the kernel calls ---- */

void switch_fiber(void *thread)
{
	struct thread *to = thread;

	if (!to->owner)
		to->owner = __tsan_create_fiber(0);
	__tsan_switch_to_fiber(to->owner, 0);
}

static void upcall(void)
{
	struct vcpu *v = vcpu_host;

	v->info.evtchn_upcall_mask = 1;
	v->info.evtchn_upcall_pending = 0;
	if (__atomic_exchange_n(&kicked[v->id], 0, __ATOMIC_RELAXED))
		v->work_pending = true;
	if (v->work_pending && !v->blocking) {
		v->work_pending = false;
		thread_preempt();
	}
	vcpu_host->info.evtchn_upcall_mask = 0;
}

void events_deliver(void)
{
	upcall();
}

void events_block(void)
{
	struct vcpu *v = vcpu_host;

	while (!__atomic_load_n(&kicked[v->id], __ATOMIC_RELAXED) &&
	       !v->info.evtchn_upcall_pending) {
		if (__atomic_load_n(&finished, __ATOMIC_RELAXED) && v->id > 0)
			pthread_exit(NULL);
		sched_yield();
	}
	upcall();
	v->info.evtchn_upcall_mask = 1;
}

void smp_kick(unsigned int id)
{
	__atomic_store_n(&kicked[id], 1, __ATOMIC_RELAXED);
}

/* A waiter for a spinlock has no port to sleep on: it lets others run. */
int evtchn_bind_kick(uint32_t vcpu, evtchn_port_t *port_out)
{
	(void)vcpu;
	*port_out = 0;
	return 0;
}

void spin_kick_clear(evtchn_port_t port)
{
	(void)port;
}

void smp_leave(void)
{
	fail("a vCPU was asked to leave");
}

static void *vcpu_main(void *arg)
{
	vcpu_host = arg;
	vcpu_host->runq->idle.owner = __tsan_get_current_fiber();
	sched_vcpu_run();
}

void smp_start(void)
{
	for (unsigned int id = 1; id < VCPUS; id++) {
		struct vcpu *v = &vcpus[id];

		v->id = id;
		v->self = v;
		v->info.evtchn_upcall_mask = 1;
		vcpu_by_id[id] = v;
		if (sched_vcpu_prepare(v) || pthread_create(&hosts[id], NULL, vcpu_main, v))
			fail("no vCPU");
		sched_vcpu_undrain(v);
	}
}

uint64_t time_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t time_wall_ns(void)
{
	return time_monotonic_ns();
}

uint64_t time_cpu_ns(void)
{
	return 0;
}

uint64_t cpu_rdtsc(void)
{
	return __builtin_ia32_rdtsc();
}

uint64_t time_scale_ticks(uint64_t ticks, uint32_t mul, int shift)
{
	(void)mul;
	(void)shift;
	return ticks;
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	timer->fn = fn;
}

/* Slices never end; nobody waits for a time. */
void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
	(void)timer;
	(void)deadline_ns;
}

void timer_arm_wall(struct timer *timer, uint64_t wall_ns)
{
	timer_arm(timer, wall_ns);
}

bool timer_cancel(struct timer *timer)
{
	(void)timer;
	return false;
}

void timer_wake_at(uint64_t deadline_ns)
{
	(void)deadline_ns;
}

long arch_hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	(void)op;
	(void)a1;
	(void)a2;
	(void)a3;
	(void)a4;
	(void)a5;
	sched_yield();
	return 0;
}

int hypercall_errno(long xen_result)
{
	return (int)xen_result;
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	(void)flags;
	return memset(aligned_alloc(PAGE_BYTES, PAGE_BYTES << order), 0, PAGE_BYTES << order);
}

void page_free(void *block, unsigned int order)
{
	(void)order;
	free(block);
}

int vm_alloc(size_t bytes, size_t align_bytes, unsigned int prot, const char *name,
	     void **vaddr_out)
{
	(void)align_bytes;
	(void)prot;
	(void)name;
	*vaddr_out = aligned_alloc(PAGE_BYTES, bytes < STACK_BYTES ? STACK_BYTES : bytes);
	return 0;
}

/* ---- Operations ---- */

static struct {
	uint32_t mutex, semaphore, pi;
	unsigned long guarded; /* by mutex */
	unsigned long posted;  /* written before a post, read after a wait */
	unsigned long owned;   /* by pi */
} locks[LOCKS];

static struct waitq queue;
static uint32_t arrived;
static unsigned long done_count, ops_each;
static uint32_t gone_count;

static void mutex_lock(uint32_t *mutex)
{
	uint32_t value = 0;

	if (__atomic_compare_exchange_n(mutex, &value, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	while (__atomic_exchange_n(mutex, 2, __ATOMIC_ACQUIRE) != 0)
		(void)futex_wait(mutex, 2, TIME_NEVER, 0, "mutex");
}

static void mutex_unlock(uint32_t *mutex)
{
	if (__atomic_exchange_n(mutex, 0, __ATOMIC_RELEASE) == 2)
		futex_wake(mutex, 1);
}

static void pi_lock(uint32_t *lock)
{
	uint32_t value = 0;

	if (!__atomic_compare_exchange_n(lock, &value, thread_self()->id, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED) &&
	    futex_lock_pi(lock, TIME_NEVER, 0, "lock"))
		fail("a lock with inheritance was not given");
}

static void pi_unlock(uint32_t *lock)
{
	uint32_t value = thread_self()->id;

	if (!__atomic_compare_exchange_n(lock, &value, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED) &&
	    futex_unlock_pi(lock))
		fail("a lock with inheritance was not ours");
}

static void semaphore_post(unsigned int i)
{
	__atomic_fetch_add(&locks[i].semaphore, 1, __ATOMIC_RELEASE);
	futex_wake(&locks[i].semaphore, 1);
}

static void semaphore_wait(unsigned int i)
{
	for (;;) {
		uint32_t value = __atomic_load_n(&locks[i].semaphore, __ATOMIC_RELAXED);

		if (value == 0)
			(void)futex_wait(&locks[i].semaphore, 0, TIME_NEVER, 0, "semaphore");
		else if (__atomic_compare_exchange_n(&locks[i].semaphore, &value, value - 1, false,
						     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
	}
}

/* A semaphore of one as a lock; a queue that somebody else surely wakes. */
static void operate(unsigned int what, unsigned int i, bool first)
{
	uint32_t seen;

	switch (what) {
	case 0:
	case 1:
		mutex_lock(&locks[i].mutex);
		locks[i].guarded++;
		if (what)
			thread_yield();
		mutex_unlock(&locks[i].mutex);
		break;
	case 2:
		semaphore_wait(i);
		locks[i].posted++;
		semaphore_post(i);
		break;
	case 3:
		pi_lock(&locks[i].pi);
		locks[i].owned++;
		pi_unlock(&locks[i].pi);
		break;
	case 4:
		__atomic_fetch_add(&arrived, 1, __ATOMIC_RELEASE);
		waitq_wake_all(&queue);
		break;
	case 5:
		/* The first worker never waits here; when it is done, nobody does. */
		seen = __atomic_load_n(&arrived, __ATOMIC_ACQUIRE);
		(void)waitq_wait(&queue,
				 __atomic_load_n(&arrived, __ATOMIC_ACQUIRE) != seen ||
					 __atomic_load_n(&gone_count, __ATOMIC_RELAXED) > 0 ||
					 first,
				 TIME_NEVER, false);
		break;
	default:
		thread_yield();
	}
}

static void worker(void *arg)
{
	uint64_t random = (uintptr_t)arg * 0x9e3779b97f4a7c15ULL + 1;

	for (unsigned long op = 0; op < ops_each; op++) {
		bool enabled;

		random ^= random >> 12;
		random ^= random << 25;
		random ^= random >> 27;
		operate((unsigned int)(random >> 33) % 7, (unsigned int)(random >> 40) % LOCKS,
			(uintptr_t)arg == 1);
		/* A place where this vCPU's events arrive. */
		enabled = events_disable();
		if (__atomic_load_n(&kicked[VCPU(id)], __ATOMIC_RELAXED))
			VCPU(info.evtchn_upcall_pending) = 1;
		events_restore(enabled);
	}
	__atomic_fetch_add(&done_count, ops_each, __ATOMIC_RELAXED);
	__atomic_fetch_add(&gone_count, 1, __ATOMIC_RELEASE);
	waitq_wake_all(&queue);
	futex_wake(&gone_count, FUTEX_ALL);
}

int main(int argc, char **argv)
{
	static struct thread threads[THREADS];
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 1, sum = 0;
	struct vcpu *v = &vcpus[0];
	uint32_t gone;

	ops_each = rounds * OPS_PER_ROUND / THREADS;
	v->self = v;
	v->info.time.tsc_to_system_mul = 0x80000000u;
	v->info.time.tsc_shift = 1;
	v->info.evtchn_upcall_mask = 1;
	v->current = &thread_first;
	vcpu_by_id[0] = vcpu_host = v;
	thread_first.id = 1;
	thread_first.owner = __tsan_get_current_fiber();
	if (sched_boot())
		fail("no memory");
	v->info.evtchn_upcall_mask = 0;
	for (unsigned int i = 0; i < LOCKS; i++)
		locks[i].semaphore = 1;
	for (unsigned int i = 0; i < THREADS; i++) {
		struct thread_attr attr = {.stack_bytes = STACK_BYTES,
					   .policy = i < 2 ? THREAD_FIFO : THREAD_OTHER,
					   .priority = i < 2 ? i + 1 : 0};

		attr.stack = aligned_alloc(64, STACK_BYTES);
		attr.fpu_area = aligned_alloc(64, (thread_fpu_bytes() + 63) & -64UL);
		if (thread_create(&threads[i], &attr, worker, (void *)(uintptr_t)(i + 1)))
			fail("no thread");
		thread_start(&threads[i]);
	}
	while ((gone = __atomic_load_n(&gone_count, __ATOMIC_ACQUIRE)) < THREADS)
		(void)futex_wait(&gone_count, gone, TIME_NEVER, 0, "workers");
	for (unsigned int i = 0; i < LOCKS; i++)
		sum += locks[i].guarded + locks[i].posted + locks[i].owned;
	if (done_count != ops_each * THREADS || !sum)
		fail("operations are missing");
	printf("%lu operations of %u threads on %u vCPUs\n", done_count, THREADS, VCPUS);
	fflush(stdout);
	_exit(0);
}
