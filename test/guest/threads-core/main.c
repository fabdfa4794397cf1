/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's threads, all on vCPU 0: switching, waiting, preemption, priorities, vector
 * registers.
 */
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/fpu.h"
#include "core/futex.h"
#include "core/thread.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "test/guest/check.h"

#define STACK_BYTES 16384
#define MS          1000000ULL

struct worker {
	struct thread thread;
	volatile uint32_t gone;
	void *stack, *fpu;
};

static void on_gone(struct thread *thread)
{
	struct worker *worker = (struct worker *)thread->owner;

	worker->gone = 1;
	futex_wake((uint32_t *)&worker->gone, FUTEX_ALL);
}

static struct worker *start_as(void (*entry)(void *), void *arg, enum thread_policy policy,
			       unsigned int priority)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	struct thread_attr attr = {.stack_bytes = STACK_BYTES,
				   .policy = policy,
				   .priority = priority,
				   .affinity = 1,
				   .gone = on_gone};

	attr.stack = worker->stack = malloc(STACK_BYTES);
	attr.fpu_area = worker->fpu =
		aligned_alloc(FPU_STATE_ALIGN, (thread_fpu_bytes() + 63UL) & -64UL);
	CHECK(thread_create(&worker->thread, &attr, entry, arg) == 0);
	worker->thread.owner = worker;
	thread_start(&worker->thread);
	return worker;
}

static struct worker *start(void (*entry)(void *), void *arg)
{
	return start_as(entry, arg, THREAD_OTHER, 0);
}

static void join(struct worker *worker)
{
	while (!worker->gone)
		futex_wait((uint32_t *)&worker->gone, 0, TIME_NEVER, 0, "join");
	free(worker->stack);
	free(worker->fpu);
	free(worker);
}

/* ---- Turns ---- */

static volatile int turns;

static void take_turns(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		turns++;
		thread_yield();
	}
	(void)arg;
}

static void yielding(void)
{
	unsigned int before = thread_count();
	struct worker *a = start(take_turns, NULL), *b = start(take_turns, NULL);

	join(a);
	join(b);
	CHECK(turns == 2000);
	CHECK(thread_count() == before);
}

/* ---- Semaphores of futexes ---- */

static void sem_wait_(volatile uint32_t *sem)
{
	for (;;) {
		uint32_t value = *sem;

		if (value > 0) {
			if (__sync_bool_compare_and_swap(sem, value, value - 1))
				return;
		} else {
			futex_wait((uint32_t *)sem, 0, TIME_NEVER, 0, "semaphore");
		}
	}
}

static void sem_post_(volatile uint32_t *sem)
{
	__sync_fetch_and_add(sem, 1);
	futex_wake((uint32_t *)sem, 1);
}

static volatile uint32_t ping, pong;

static void ponger(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		sem_wait_(&ping);
		sem_post_(&pong);
	}
	(void)arg;
}

static void ping_pong(void)
{
	struct worker *worker = start(ponger, NULL);

	for (int i = 0; i < 1000; i++) {
		sem_post_(&ping);
		sem_wait_(&pong);
	}
	join(worker);
	CHECK(ping == 0 && pong == 0);
}

/* ---- Preemption: a thread that never waits does not keep others away, nor break their registers
 * ---- */

static volatile bool stop;
static volatile unsigned long spins[3];
static volatile bool broken;

static void spin(void *arg)
{
	unsigned long index = (unsigned long)arg;
	double a = (double)index + 1, b = 1;

	while (!stop) {
		spins[index]++;
		/* b stays in a vector register all the time. */
		__asm__ volatile("" : "+x"(b));
		b = b * a;
		b = b / a;
		if (b != 1)
			broken = true;
	}
}

/* What they have had of the processor so far, the least and the most. */
static void shares(struct worker *workers[3], uint64_t *least_ns_out, uint64_t *most_ns_out)
{
	uint64_t cpu_ns;

	*least_ns_out = UINT64_MAX;
	*most_ns_out = 0;
	for (int i = 0; i < 3; i++) {
		cpu_ns = thread_cpu_ns(&workers[i]->thread);
		if (cpu_ns < *least_ns_out)
			*least_ns_out = cpu_ns;
		if (cpu_ns > *most_ns_out)
			*most_ns_out = cpu_ns;
	}
}

static void preemption(void)
{
	struct worker *workers[3];
	uint64_t before_ns = thread_cpu_ns(thread_self()), begun_ns, least_ns, most_ns;

	for (unsigned long i = 0; i < 3; i++)
		workers[i] = start(spin, (void *)i);
	begun_ns = time_monotonic_ns();
	/* A busy machine stops a processor in the middle of somebody's turn, which no guest knows
	 * of: that evens out, while what is unfair grows. */
	for (int round = 0; round < 100; round++) {
		CHECK(wait_until(time_monotonic_ns() + 600 * MS, false) == 0);
		shares(workers, &least_ns, &most_ns);
		if (most_ns < 2 * least_ns)
			break;
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		CHECK(spins[i] > 0);
	printf("three spinning: %llu to %llu ms each in %llu ms; we %llu us\n",
	       (unsigned long long)(least_ns / MS), (unsigned long long)(most_ns / MS),
	       (unsigned long long)((time_monotonic_ns() - begun_ns) / MS),
	       (unsigned long long)(thread_cpu_ns(thread_self()) - before_ns) / 1000);
	CHECK(most_ns < 2 * least_ns);
	CHECK(!broken);
	for (int i = 0; i < 3; i++)
		join(workers[i]);
}

/* ---- Priorities ---- */

static volatile int log_at;
static volatile char log_text[16];

static void note(void *arg)
{
	log_text[log_at++] = (char)(uintptr_t)arg;
}

static void priorities(void)
{
	struct worker *low, *high, *middle;

	CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 20) == 0);
	low = start_as(note, (void *)'l', THREAD_FIFO, 5);
	middle = start_as(note, (void *)'m', THREAD_RR, 10);
	high = start_as(note, (void *)'h', THREAD_FIFO, 30);
	note((void *)'-');
	CHECK(log_at == 2);
	CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 7) == 0);
	note((void *)'-');
	CHECK(thread_set_policy(thread_self(), THREAD_OTHER, 0) == 0);
	note((void *)'-');
	CHECK(thread_set_policy(thread_self(), THREAD_OTHER, 1) == -EINVAL);
	CHECK(memcmp((const char *)log_text, "h-m-l-", 7) == 0);
	join(low);
	join(middle);
	join(high);
}

/* ---- Timeouts, interruption ---- */

static volatile int interrupted_result;

static void sleep_long(void *arg)
{
	uint32_t word = 0;

	interrupted_result = futex_wait(&word, 0, TIME_NEVER, FUTEX_INTERRUPTIBLE, "test");
	(void)arg;
}

static void timeouts(void)
{
	uint32_t word = 5;
	uint64_t now_ns = time_monotonic_ns();
	struct worker *worker;

	CHECK(futex_wait(&word, 4, TIME_NEVER, 0, "test") == -EAGAIN);
	CHECK(futex_wait(&word, 5, now_ns + 20 * MS, 0, "test") == -ETIMEDOUT);
	CHECK(time_monotonic_ns() >= now_ns + 20 * MS);
	CHECK(futex_wait(&word, 5, now_ns, 0, "test") == -ETIMEDOUT);
	CHECK(wait_until(time_monotonic_ns() + 5 * MS, true) == 0);
	worker = start(sleep_long, NULL);
	thread_yield();
	thread_interrupt(&worker->thread);
	join(worker);
	CHECK(interrupted_result == -EINTR);
}

/* ---- Inheritance ---- */

/* Lets the others run until it is so; the minute is against hanging. */
#define AWAIT(condition)                                                                           \
	do {                                                                                       \
		uint64_t end_ns = time_monotonic_ns() + 60000 * MS;                                \
                                                                                                   \
		while (!(condition) && time_monotonic_ns() < end_ns)                               \
			(void)wait_until(time_monotonic_ns() + MS, false);                         \
		CHECK(condition);                                                                  \
	} while (0)

static uint32_t pi_lock;
static volatile uint32_t go;

static void pi_enter(uint32_t *lock)
{
	uint32_t free = 0;

	if (!__atomic_compare_exchange_n(lock, &free, thread_self()->id, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		CHECK(futex_lock_pi(lock, TIME_NEVER, 0, "test") == 0);
}

static void pi_leave(uint32_t *lock)
{
	uint32_t mine = thread_self()->id;

	if (!__atomic_compare_exchange_n(lock, &mine, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		CHECK(futex_unlock_pi(lock) == 0);
}

static void pi_low(void *arg)
{
	(void)arg;
	pi_enter(&pi_lock);
	sem_wait_(&go);
	note((void *)'0' + thread_self()->priority / 10);
	pi_leave(&pi_lock);
	note((void *)'l');
}

static void pi_high(void *arg)
{
	(void)arg;
	pi_enter(&pi_lock);
	note((void *)'h');
	pi_leave(&pi_lock);
}

static void inheritance(void)
{
	struct worker *low, *middle, *high;

	log_at = 0;
	memset((char *)log_text, 0, sizeof(log_text));
	CHECK(thread_set_policy(thread_self(), THREAD_FIFO, 40) == 0);
	low = start_as(pi_low, NULL, THREAD_FIFO, 10);
	AWAIT(READ_ONCE(pi_lock) == low->thread.id);
	high = start_as(pi_high, NULL, THREAD_FIFO, 30);
	AWAIT(READ_ONCE(low->thread.priority) == 30);
	middle = start_as(note, (void *)'m', THREAD_FIFO, 20);
	sem_post_(&go);
	CHECK(thread_set_policy(thread_self(), THREAD_OTHER, 0) == 0);
	CHECK(memcmp((const char *)log_text, "3hml", 5) == 0);
	join(low);
	join(middle);
	join(high);
	CHECK(pi_lock == 0);
	pi_enter(&pi_lock);
	CHECK(futex_lock_pi(&pi_lock, TIME_NEVER, 0, "test") == -EDEADLK);
	pi_leave(&pi_lock);
	CHECK(futex_unlock_pi(&pi_lock) == -EPERM);
}

int main(void)
{
	CHECK(thread_set_affinity(thread_self(), 1) == 0);
	CHECK(thread_vcpu() == 0);
	yielding();
	ping_pong();
	timeouts();
	preemption();
	priorities();
	inheritance();
	return check_done();
}
