/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel timers on real Xen; a sleeping guest uses next to no processor time. */
#include <stdlib.h>
#include <unistd.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "test/guest/check.h"
#include "xen/vcpu.h"

#define TIMERS 50
#define MS     1000000ULL

static struct timer timers[TIMERS];
static uint64_t late_ns_max;
static volatile int fired, early;
static struct waitq queue;

static void fire(struct timer *timer)
{
	uint64_t now_ns = time_monotonic_ns();

	early += now_ns < timer->deadline_ns;
	if (now_ns - timer->deadline_ns > late_ns_max)
		late_ns_max = now_ns - timer->deadline_ns;
	fired++;
	waitq_wake_all(&queue);
}

static void many_timers(void)
{
	/* None fires before the first is cancelled, however long that takes. */
	bool enabled = events_disable();
	uint64_t now_ns = time_monotonic_ns();

	for (int i = 0; i < TIMERS; i++) {
		timer_init(&timers[i], fire);
		timer_arm(&timers[i], now_ns + 20 * MS + i * 17 % TIMERS * MS);
	}
	CHECK(timer_cancel(&timers[0]));
	CHECK(!timer_cancel(&timers[0]));
	events_restore(enabled);
	CHECK(waitq_wait(&queue, fired == TIMERS - 1, now_ns + 10 * NS_PER_S, false) == 0);
	CHECK(early == 0);
	printf("latest %llu us after its time\n", (unsigned long long)late_ns_max / 1000);
	CHECK(waitq_wait(&queue, fired == TIMERS, time_monotonic_ns() + 100 * MS, false) ==
	      -ETIMEDOUT);
}

static void idle(void)
{
	uint64_t cpu_ns, now_ns;

	/* Microseconds really; but the machine may take the processor away while we run. */
	for (int round = 0; round < 10; round++) {
		cpu_ns = time_cpu_ns();
		now_ns = time_monotonic_ns();
		sleep(3);
		cpu_ns = time_cpu_ns() - cpu_ns;
		now_ns = time_monotonic_ns() - now_ns;
		printf("asleep %llu ms, ran %llu ms\n", (unsigned long long)(now_ns / MS),
		       (unsigned long long)(cpu_ns / MS));
		CHECK(now_ns >= 3 * NS_PER_S);
		if (cpu_ns < NS_PER_S)
			break;
	}
	CHECK(cpu_ns < NS_PER_S);
}

int main(void)
{
	many_timers();
	idle();
	return check_done();
}
