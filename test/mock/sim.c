/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated vCPUs. Each has a context of the host: where it is in sim_point() while another one
 * goes on, on whatever stack the thread has that it runs. The kernel switches between its threads
 * itself, with the instructions it uses in a guest.
 */
#include "test/mock/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/hypercall.h"
#include "arch/x86_64/switch.h"
#include "core/futex.h"
#include "core/page.h"
#include "core/sched.h"
#include "core/smp.h"
#include "core/vm.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

#define STACK_BYTES 32768U
#define TIMERS_MAX  64
#define EVENTS_MAX  64
/* Points after which a run that does not end has failed. */
#define POINTS_MAX   20000000U
#define CHECK_ONE_IN 16U

static struct sim_vcpu {
	struct vcpu vcpu;
	uintptr_t sp;   /* of its context while it does not run */
	bool up;        /* has begun */
	bool blocked;   /* in the hypervisor */
	bool in_upcall; /* handlers run */
	bool ipi;
	const struct spinlock *spins; /* waits for it */
	char stack[STACK_BYTES] __attribute__((aligned(64)));
} vcpus[VCPUS_MAX];

struct vcpu vcpu0; /* the kernel's name for the first; unused here */
struct vcpu *vcpu_by_id[VCPUS_MAX];
__thread struct vcpu *vcpu_host;

static struct sim_config config;
static unsigned int here; /* the vCPU that runs */
static uint64_t random_state, now_ns;
static unsigned int quiet; /* above 0: no points */
static uintptr_t host_sp;
static bool finished;
static void (*main_fn)(void *arg);
static void *main_arg;

uint64_t sim_points;
void (*sim_check)(void);
void (*sim_on_interrupt)(void);
unsigned int sim_pages;

static struct armed {
	struct timer *timer;
	unsigned int vcpu;
} armed[TIMERS_MAX];
static unsigned int armed_count;
static struct timer *running[VCPUS_MAX]; /* whose fn runs there */

static struct {
	uint64_t ns;
	void (*fn)(void *arg);
	void *arg;
} events[EVENTS_MAX];
static unsigned int events_count;

/* ---- Randomness ---- */

uint64_t sim_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL;
}

unsigned int sim_below(unsigned int bound)
{
	return (unsigned int)((sim_random() >> 33) % bound);
}

uint64_t sim_now_ns(void)
{
	return now_ns;
}

/* ---- Failure ---- */

static const char *state_name(const struct thread *thread)
{
	static const char *const names[] = {"running", "ready", "waiting", "moving", "gone"};

	return names[thread->state];
}

static bool print_thread(struct thread *thread, void *arg)
{
	(void)arg;
	fprintf(stderr,
		"  thread %u: %s on vCPU %u, priority %u (base %u, inherited %u), affinity %llx, "
		"waits for %s\n",
		thread->id, state_name(thread), thread->vcpu, thread->priority,
		thread->base_priority, thread->inherited, (unsigned long long)thread->affinity,
		thread->wait.what ? thread->wait.what : "nothing");
	return true;
}

void sim_fail(const char *format, ...)
{
	va_list arguments;

	quiet++;
	fprintf(stderr, "SEED=%llu: ", (unsigned long long)config.seed);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (point %llu, vCPU %u, %llu ns)\n", (unsigned long long)sim_points, here,
		(unsigned long long)now_ns);
	for (unsigned int id = 0; id < config.vcpus; id++) {
		const struct sim_vcpu *v = &vcpus[id];

		fprintf(stderr, "  vCPU %u: %s%s%s%s%s, runs thread %u, ready %llx\n", id,
			v->blocked ? "blocked" : "up", v->in_upcall ? ", in upcall" : "",
			v->spins ? ", spins" : "",
			v->vcpu.runq && v->vcpu.runq->is_online ? "" : ", takes no threads",
			v->vcpu.info.evtchn_upcall_pending ? ", pending" : "",
			v->vcpu.current ? v->vcpu.current->id : 0,
			v->vcpu.runq ? (unsigned long long)v->vcpu.runq->ready_bits : 0ULL);
	}
	vcpus[here].vcpu.info.evtchn_upcall_mask = 1;
	thread_for_each(print_thread, NULL);
	fflush(NULL);
	_Exit(1);
}

/* ---- Spinlocks: one word says who holds it ---- */

static uint32_t *holder_of(const struct spinlock *lock)
{
	_Static_assert(sizeof(struct spinlock) >= sizeof(uint32_t), "room for a word");
	return (uint32_t *)lock;
}

static bool is_held(const struct spinlock *lock)
{
	return *holder_of(lock) != 0;
}

/* ---- Switching between vCPUs ---- */

static bool can_run(const struct sim_vcpu *v)
{
	if (!v->up || (v->spins && is_held(v->spins)))
		return false;
	return !v->blocked || v->vcpu.info.evtchn_upcall_pending;
}

static void go_to(unsigned int id)
{
	struct sim_vcpu *from = &vcpus[here];

	if (id == here)
		return;
	here = id;
	vcpu_host = &vcpus[id].vcpu;
	switch_stacks(&from->sp, vcpus[id].sp);
}

/* Another vCPU that can go on, or the same. */
static unsigned int choose(void)
{
	unsigned int start = sim_below(config.vcpus);

	for (unsigned int i = 0; i < config.vcpus; i++) {
		unsigned int id = (start + i) % config.vcpus;

		if (can_run(&vcpus[id]))
			return id;
	}
	return here;
}

/* ---- The clock ---- */

static void raise_due(void)
{
	for (unsigned int i = 0; i < armed_count; i++)
		if (armed[i].timer->deadline_ns <= now_ns)
			vcpus[armed[i].vcpu].vcpu.info.evtchn_upcall_pending = 1;
	for (unsigned int i = 0; i < events_count; i++)
		if (events[i].ns <= now_ns)
			vcpus[sim_below(config.vcpus)].vcpu.info.evtchn_upcall_pending = 1;
}

static uint64_t next_due_ns(void)
{
	uint64_t due = UINT64_MAX;

	for (unsigned int i = 0; i < armed_count; i++)
		if (armed[i].timer->deadline_ns < due)
			due = armed[i].timer->deadline_ns;
	for (unsigned int i = 0; i < events_count; i++)
		if (events[i].ns < due)
			due = events[i].ns;
	return due;
}

static void move_clock(uint64_t ns)
{
	now_ns += ns;
	if (next_due_ns() <= now_ns)
		raise_due();
}

/* ---- Upcalls ---- */

static void run_due(void)
{
	for (unsigned int i = 0; i < armed_count; i++) {
		struct timer *timer = armed[i].timer;

		if (armed[i].vcpu != here || timer->deadline_ns > now_ns)
			continue;
		armed[i] = armed[--armed_count];
		timer->armed = false;
		running[here] = timer;
		timer->fn(timer);
		running[here] = NULL;
		i = (unsigned int)-1;
	}
	for (unsigned int i = 0; i < events_count; i++) {
		void (*fn)(void *arg) = events[i].fn;
		void *arg = events[i].arg;

		if (events[i].ns > now_ns)
			continue;
		events[i] = events[--events_count];
		fn(arg);
		i = (unsigned int)-1;
	}
}

/* As entry.S and traps.c: events are masked during, and the thread may leave from here. */
static void upcall(void)
{
	struct vcpu *v = vcpu_host;

	v->info.evtchn_upcall_mask = 1;
	vcpus[here].in_upcall = true;
	while (vcpu_host->info.evtchn_upcall_pending) {
		vcpu_host->info.evtchn_upcall_pending = 0;
		if (vcpus[here].ipi) {
			vcpus[here].ipi = false;
			vcpu_host->work_pending = true;
		}
		run_due();
	}
	vcpus[here].in_upcall = false;
	if (vcpu_host->work_pending && !vcpu_host->blocking) {
		vcpu_host->work_pending = false;
		thread_preempt();
	}
	if (sim_on_interrupt && vcpu_host->current->interrupted && !vcpu_host->blocking)
		sim_on_interrupt();
	/* Perhaps another vCPU than before. */
	vcpu_host->info.evtchn_upcall_mask = 0;
}

void events_deliver(void)
{
	while (vcpu_host->info.evtchn_upcall_pending && !vcpu_host->info.evtchn_upcall_mask)
		upcall();
}

/* ---- Invariants ---- */

static void check_stack(void)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	const struct thread *thread = vcpu_host->current;

	/* Else perhaps in the middle of a switch. */
	if (vcpu_host->info.evtchn_upcall_mask)
		return;
	if (sp - thread->stack_start >= thread->stack_bytes)
		sim_fail("thread %u runs on a stack that is not its own", thread->id);
}

/* Not offered to others yet, but that has an end. */
static bool is_kept(const struct runq *rq, const struct thread *thread)
{
	return thread == rq->kept &&
	       cpu_rdtsc() - thread->ready_ticks <
		       3 * sched_slice_ticks / (THREAD_SLICE_NS / SCHED_KEEP_NS);
}

/* Nothing is on its way: then nobody runs where it may not, and no ready thread may be better than
 * one that runs where it could. */
static void check_priorities(void)
{
	uint64_t online = sched_online;

	for (unsigned int id = 0; id < config.vcpus; id++) {
		const struct sim_vcpu *v = &vcpus[id];

		if (!v->up || !v->vcpu.runq)
			return;
		if (v->vcpu.info.evtchn_upcall_pending || v->vcpu.work_pending ||
		    is_held(&v->vcpu.runq->lock) || v->vcpu.runq->resched || v->in_upcall ||
		    (v->vcpu.info.evtchn_upcall_mask && !v->blocked))
			return;
	}
	if (sim_check)
		sim_check();
	for (unsigned int id = 0; id < config.vcpus; id++) {
		struct runq *rq = vcpus[id].vcpu.runq;
		struct list_node *node;

		if (rq->level > 0 && !sched_allowed(rq->current, id))
			sim_fail("thread %u may not run on vCPU %u", rq->current->id, id);

		for (unsigned int priority = 0; priority < THREAD_PRIORITIES; priority++)
			list_for_each (node, &rq->ready[priority]) {
				const struct thread *thread =
					container_of(node, struct thread, run_node);
				uint64_t allowed = thread->affinity & online;

				if (is_kept(rq, thread))
					continue;
				if (!allowed)
					allowed = online;
				for (unsigned int other = 0; other < config.vcpus; other++)
					if ((allowed >> other & 1) &&
					    vcpus[other].vcpu.current->level < thread->level)
						sim_fail("thread %u (level %u) is ready while vCPU "
							 "%u runs level %u",
							 thread->id, thread->level, other,
							 vcpus[other].vcpu.current->level);
			}
	}
}

/* ---- Points ---- */

void sim_point(void)
{
	if (quiet)
		return;
	quiet++;
	if (++sim_points > POINTS_MAX)
		sim_fail("the run does not end");
	move_clock(config.point_ns);
	if (sim_points % CHECK_ONE_IN == 0)
		check_priorities();
	if (sim_below(config.switch_one_in) == 0)
		go_to(choose());
	check_stack();
	quiet--;
	if (vcpu_host->info.evtchn_upcall_pending && !vcpu_host->info.evtchn_upcall_mask &&
	    !vcpus[here].blocked && sim_below(2) == 0)
		upcall();
}

void sim_compute_ns(uint64_t ns)
{
	uint64_t until_ns = now_ns + ns;

	while (now_ns < until_ns) {
		quiet++;
		move_clock(ns < 20000 ? ns : 20000);
		quiet--;
		sim_point();
	}
}

/* The vCPU waits for something: others go on; when there are none, time passes. */
static void give_up(const char *why)
{
	unsigned int id;

	quiet++;
	id = choose();
	if (!can_run(&vcpus[id])) {
		uint64_t due = next_due_ns();

		if (due == UINT64_MAX)
			sim_fail("nothing will ever happen: %s", why);
		if (due > now_ns)
			now_ns = due;
		raise_due();
	} else {
		go_to(id);
	}
	quiet--;
}

void events_block(void)
{
	struct sim_vcpu *v = &vcpus[here];

	v->vcpu.info.evtchn_upcall_mask = 0;
	v->blocked = true;
	sim_point();
	while (!v->vcpu.info.evtchn_upcall_pending)
		give_up("all vCPUs sleep");
	v->blocked = false;
	upcall();
	v->vcpu.info.evtchn_upcall_mask = 1;
}

/* ---- Accesses ---- */

void sim_access(const volatile void *address)
{
	uintptr_t a = (uintptr_t)address;

	/* %gs:member is one instruction: nobody is moved in the middle of it. A thread's own stack
	 * is nobody else's business. */
	if (a - (uintptr_t)vcpus < sizeof(vcpus) || a == (uintptr_t)&vcpu_host ||
	    a - (uintptr_t)__builtin_frame_address(0) < STACK_BYTES)
		return;
	sim_point();
}

/* ---- What the scheduler calls ---- */

void spin_lock(struct spinlock *lock)
{
	if (!vcpu_host->info.evtchn_upcall_mask)
		sim_fail("a lock is taken with events enabled");
	sim_point();
	while (is_held(lock)) {
		if (*holder_of(lock) == here + 1)
			sim_fail("a lock is taken twice");
		vcpus[here].spins = lock;
		give_up("a lock is never given back");
		vcpus[here].spins = NULL;
	}
	*holder_of(lock) = here + 1;
}

void spin_unlock(struct spinlock *lock)
{
	/* A run queue's lock is given back by the thread that runs after a switch, on the same
	 * vCPU. */
	if (*holder_of(lock) != here + 1)
		sim_fail("a lock is given back that is not ours");
	*holder_of(lock) = 0;
	sim_point();
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

void smp_kick(unsigned int id)
{
	sim_point();
	vcpus[id].ipi = true;
	vcpus[id].vcpu.info.evtchn_upcall_pending = 1;
}

void smp_leave(void)
{
	sim_fail("no vCPU was asked to leave");
}

static void vcpu_begin(void *arg)
{
	(void)arg;
	/* Inside go_to(), inside sim_point() or give_up(), of whoever came first. */
	quiet--;
	sched_vcpu_run();
}

void smp_start(void)
{
	for (unsigned int id = 1; id < config.vcpus; id++) {
		struct vcpu *v = &vcpus[id].vcpu;

		v->id = id;
		v->self = v;
		v->info.evtchn_upcall_mask = 1;
		v->string_vectors = true;
		vcpu_by_id[id] = v;
		if (sched_vcpu_prepare(v))
			sim_fail("no memory for vCPU %u", id);
		vcpus[id].sp = switch_prepare(sched_idle_stack_top(v), vcpu_begin, NULL);
		vcpus[id].up = true;
		sched_vcpu_undrain(v);
	}
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	memset(timer, 0, sizeof(*timer));
	timer->fn = fn;
}

static void disarm(struct timer *timer)
{
	for (unsigned int i = 0; i < armed_count; i++)
		if (armed[i].timer == timer)
			armed[i--] = armed[--armed_count];
	timer->armed = false;
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
	sim_point();
	disarm(timer);
	if (armed_count == TIMERS_MAX)
		sim_fail("too many timers");
	armed[armed_count].timer = timer;
	armed[armed_count++].vcpu = here;
	timer->deadline_ns = deadline_ns;
	timer->armed = true;
	if (deadline_ns <= now_ns)
		vcpu_host->info.evtchn_upcall_pending = 1;
}

void timer_arm_wall(struct timer *timer, uint64_t wall_ns)
{
	timer_arm(timer, wall_ns);
}

bool timer_cancel(struct timer *timer)
{
	bool was_armed = timer->armed;

	sim_point();
	disarm(timer);
	for (unsigned int id = 0; id < config.vcpus; id++)
		while (id != here && running[id] == timer)
			give_up("a timer's function does not end");
	return was_armed;
}

void sim_event_at(uint64_t ns, void (*fn)(void *arg), void *arg)
{
	if (events_count == EVENTS_MAX)
		sim_fail("too many events");
	events[events_count].ns = ns;
	events[events_count].fn = fn;
	events[events_count++].arg = arg;
}

uint64_t time_monotonic_ns(void)
{
	sim_point();
	return now_ns;
}

uint64_t time_wall_ns(void)
{
	return now_ns;
}

uint64_t time_cpu_ns(void)
{
	return now_ns;
}

uint64_t cpu_rdtsc(void)
{
	return now_ns;
}

void timer_wake_at(uint64_t deadline_ns)
{
	(void)deadline_ns;
	sim_fail("somebody waits without the scheduler");
}

uint64_t time_scale_ticks(uint64_t ticks, uint32_t mul, int shift)
{
	(void)mul;
	(void)shift;
	return ticks;
}

long arch_hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	(void)a1;
	(void)a2;
	(void)a3;
	(void)a4;
	(void)a5;
	sim_fail("hypercall %u", op);
}

int hypercall_errno(long xen_result)
{
	return (int)xen_result;
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	(void)flags;
	sim_pages += 1U << order;
	return memset(aligned_alloc(PAGE_BYTES, PAGE_BYTES << order), 0, PAGE_BYTES << order);
}

void page_free(void *block, unsigned int order)
{
	sim_pages -= 1U << order;
	free(block);
}

int vm_alloc(size_t bytes, size_t align_bytes, unsigned int prot, const char *name,
	     void **vaddr_out)
{
	(void)align_bytes;
	(void)prot;
	(void)name;
	*vaddr_out = aligned_alloc(PAGE_BYTES, bytes);
	return 0;
}

/* ---- Threads of tests ---- */

static void on_gone(struct thread *thread)
{
	struct sim_thread *gone = container_of(thread, struct sim_thread, thread);

	__atomic_store_n(&gone->gone, 1, __ATOMIC_RELEASE);
	sim_point();
	futex_wake(&gone->gone, FUTEX_ALL);
}

void sim_thread_start(struct sim_thread *thread, void (*entry)(void *arg), void *arg,
		      enum thread_policy policy, unsigned int priority, uint64_t affinity)
{
	struct thread_attr attr = {.stack_bytes = STACK_BYTES,
				   .policy = policy,
				   .priority = priority,
				   .affinity = affinity,
				   .gone = on_gone};
	size_t fpu_bytes = (thread_fpu_bytes() + 63) & -64UL;

	quiet++;
	attr.stack = thread->stack = aligned_alloc(64, STACK_BYTES);
	attr.fpu_area = thread->fpu = aligned_alloc(64, fpu_bytes);
	memset(thread->fpu, 0, fpu_bytes);
	quiet--;
	thread->gone = 0;
	SIM_CHECK(thread_create(&thread->thread, &attr, entry, arg) == 0);
	thread_start(&thread->thread);
}

void sim_thread_join(struct sim_thread *thread)
{
	while (!__atomic_load_n(&thread->gone, __ATOMIC_ACQUIRE))
		futex_wait(&thread->gone, 0, TIME_NEVER, 0, "join");
	quiet++;
	memset(thread->stack, 0xcc, STACK_BYTES);
	free(thread->stack);
	free(thread->fpu);
	memset(&thread->thread, 0xcc, sizeof(thread->thread));
	quiet--;
}

/* ---- A run ---- */

static void run_main(void *arg)
{
	(void)arg;
	quiet--;
	main_fn(main_arg);
	quiet++;
	finished = true;
	switch_stacks(&vcpus[here].sp, host_sp);
}

void sim_run(const struct sim_config *wanted, void (*fn)(void *arg), void *arg)
{
	static char first_stack[STACK_BYTES] __attribute__((aligned(64)));
	struct vcpu *v = &vcpus[0].vcpu;

	config = *wanted;
	random_state = config.seed * 0x9e3779b97f4a7c15ULL + 1;
	(void)sim_random();
	if (!config.switch_one_in)
		config.switch_one_in = 1U << (1 + sim_below(7));
	if (!config.point_ns)
		config.point_ns = 20;
	now_ns = 1000000;
	v->self = v;
	v->info.evtchn_upcall_mask = 1;
	v->info.time.tsc_to_system_mul = 0x80000000U;
	v->info.time.tsc_shift = 1;
	v->string_vectors = true;
	vcpu_by_id[0] = v;
	vcpu_host = v;
	vcpus[0].up = true;
	here = 0;
	quiet = 1;
	main_fn = fn;
	main_arg = arg;
	thread_first.id = 1;
	thread_first.stack_start = (uintptr_t)first_stack;
	thread_first.stack_bytes = STACK_BYTES;
	v->current = &thread_first;
	if (sched_boot())
		sim_fail("no memory");
	v->info.evtchn_upcall_mask = 0;
	switch_stacks(&host_sp,
		      switch_prepare((uintptr_t)first_stack + STACK_BYTES, run_main, NULL));
	if (!finished)
		sim_fail("came back too early");
}
