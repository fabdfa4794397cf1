/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that come, go, are cancelled, get signals, move, sleep; and what each has of its own. */
#define _GNU_SOURCE /* affinity */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/torture/torture.h"

#define CHILDREN_MAX 5
#define LATE_NS      60000000000LL /* nothing takes that long on any machine */
#define BYTES_MAX    50000
#define SUM_ROUNDS   4000
#define KEYS         3

static __thread uint64_t own;
static __thread volatile sig_atomic_t own_signals;
static pthread_key_t keys[KEYS];
static unsigned long keys_set, keys_destroyed;
static unsigned long timers_set, timers_rung;

/* --- coming and going --- */

static void destroy_key(void *value)
{
	MUST(*(uint64_t *)value == own);
	__atomic_fetch_add(&keys_destroyed, 1, __ATOMIC_RELAXED);
}

static void *child(void *arg)
{
	struct dice dice = {(uintptr_t)arg};

	MUST(own == 0 && own_signals == 0);
	own = dice.state;
	for (int i = 0; i < KEYS; i++) {
		MUST(pthread_getspecific(keys[i]) == NULL);
		MUST(pthread_setspecific(keys[i], &own) == 0);
		__atomic_fetch_add(&keys_set, 1, __ATOMIC_RELAXED);
	}
	if (dice_roll(&dice, 2))
		sched_yield();
	else
		torture_spin(1 + dice_roll(&dice, 10000));
	if (dice_roll(&dice, 4) == 0)
		torture_sleep_ns(dice_roll(&dice, 1000000));
	MUST(own == (uintptr_t)arg && pthread_getspecific(keys[0]) == &own);
	if (dice_roll(&dice, 2))
		pthread_exit(arg);
	return arg;
}

static void do_children(struct dice *dice)
{
	unsigned int count = 1 + dice_roll(dice, CHILDREN_MAX);
	uintptr_t args[CHILDREN_MAX];
	pthread_t threads[CHILDREN_MAX];
	pthread_attr_t attr;
	void *result;

	MUST(pthread_attr_init(&attr) == 0);
	MUST(pthread_attr_setstacksize(&attr, (16 + dice_roll(dice, 8) * 16) << 10) == 0);
	for (unsigned int i = 0; i < count; i++) {
		args[i] = 1 + dice_roll(dice, UINT32_MAX);
		MUST(pthread_create(&threads[i], &attr, child, (void *)args[i]) == 0);
	}
	MUST(pthread_attr_destroy(&attr) == 0);
	for (unsigned int i = 0; i < count; i++) {
		MUST(pthread_join(threads[i], &result) == 0);
		MUST((uintptr_t)result == args[i]);
	}
}

static void do_detached(struct dice *dice)
{
	uintptr_t arg = 1 + dice_roll(dice, UINT32_MAX);
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, child, (void *)arg) == 0);
	MUST(pthread_detach(thread) == 0);
}

/* --- cancellation --- */

struct victim {
	unsigned int how;
	sem_t ready, never;
	pthread_mutex_t lock;
	pthread_cond_t condition;
	bool cleaned;
};

static void clean(void *arg)
{
	struct victim *victim = arg;

	/* A wait for a condition ends with the mutex locked. */
	if (victim->how == 2)
		MUST(pthread_mutex_unlock(&victim->lock) == 0);
	victim->cleaned = true;
}

static void wait_for_end(struct victim *victim)
{
	switch (victim->how) {
	case 0:
		for (;;)
			sem_wait(&victim->never);
	case 1:
		for (;;)
			torture_sleep_ns(LATE_NS);
	case 2:
		MUST(pthread_mutex_lock(&victim->lock) == 0);
		for (;;)
			pthread_cond_wait(&victim->condition, &victim->lock);
	case 3:
		for (;;)
			pthread_testcancel();
	default:
		/* At any instruction. */
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
		for (;;)
			torture_spin(1000);
	}
}

static void *be_cancelled(void *arg)
{
	struct victim *victim = arg;

	pthread_cleanup_push(clean, victim);
	sem_post(&victim->ready);
	wait_for_end(victim);
	pthread_cleanup_pop(0);
	return NULL;
}

static void do_cancel(struct dice *dice)
{
	struct victim victim = {.how = dice_roll(dice, 5)};
	pthread_t thread;
	void *result;

	MUST(sem_init(&victim.ready, 0, 0) == 0 && sem_init(&victim.never, 0, 0) == 0);
	MUST(pthread_mutex_init(&victim.lock, NULL) == 0);
	MUST(pthread_cond_init(&victim.condition, NULL) == 0);
	MUST(pthread_create(&thread, NULL, be_cancelled, &victim) == 0);
	while (sem_wait(&victim.ready))
		MUST(errno == EINTR);
	if (dice_roll(dice, 2))
		torture_spin(1 + dice_roll(dice, 20000));
	MUST(pthread_cancel(thread) == 0);
	MUST(pthread_join(thread, &result) == 0);
	MUST(result == PTHREAD_CANCELED && victim.cleaned);
	MUST(pthread_mutex_lock(&victim.lock) == 0 && pthread_mutex_unlock(&victim.lock) == 0);
	MUST(pthread_cond_destroy(&victim.condition) == 0);
	MUST(pthread_mutex_destroy(&victim.lock) == 0);
	sem_destroy(&victim.ready);
	sem_destroy(&victim.never);
}

/* --- signals and timers --- */

static void count_signal(int number)
{
	(void)number;
	own_signals++;
}

static void do_own_signal(struct dice *dice)
{
	sig_atomic_t before = own_signals;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (dice_roll(dice, 2)) {
		MUST(pthread_kill(pthread_self(), SIGUSR1) == 0);
		MUST(own_signals == before + 1);
		return;
	}
	MUST(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
	MUST(pthread_kill(pthread_self(), SIGUSR1) == 0);
	MUST(own_signals == before);
	MUST(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
	MUST(own_signals == before + 1);
}

struct listener {
	sem_t ready;
	bool done; /* atomic */
};

static void *wait_for_signals(void *arg)
{
	struct listener *listener = arg;

	sem_post(&listener->ready);
	while (own_signals < 3) /* of the same number: some may become one */
		sched_yield();
	__atomic_store_n(&listener->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* It may be gone when the last ones are sent, but is not joined: its number stays good. */
static void do_others_signal(struct dice *dice)
{
	struct listener listener = {.done = false};
	pthread_t thread;

	MUST(sem_init(&listener.ready, 0, 0) == 0);
	MUST(pthread_create(&thread, NULL, wait_for_signals, &listener) == 0);
	while (sem_wait(&listener.ready))
		MUST(errno == EINTR);
	while (!__atomic_load_n(&listener.done, __ATOMIC_ACQUIRE)) {
		MUST(pthread_kill(thread, SIGUSR1) == 0);
		torture_spin(1 + dice_roll(dice, 5000));
		sched_yield();
	}
	MUST(pthread_join(thread, NULL) == 0);
	sem_destroy(&listener.ready);
}

static void ring(union sigval value)
{
	MUST(value.sival_int > 0);
	__atomic_fetch_add(&timers_rung, 1, __ATOMIC_RELAXED);
}

static void do_timer(struct dice *dice)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = ring};
	struct itimerspec when = {.it_value = {.tv_nsec = 1 + dice_roll(dice, 3000000)}};
	timer_t timer;

	event.sigev_value.sival_int = 1 + (int)dice_roll(dice, 1000);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer)) {
		MUST(errno == EAGAIN);
		return;
	}
	MUST(timer_settime(timer, 0, &when, NULL) == 0);
	__atomic_fetch_add(&timers_set, 1, __ATOMIC_RELAXED);
	torture_sleep_ns(dice_roll(dice, 3000000));
	/* In time or not. */
	MUST(timer_delete(timer) == 0);
}

static void do_sleep(struct dice *dice)
{
	int64_t ns = dice_roll(dice, 3000000), begin_ns = torture_now_ns();

	torture_sleep_ns(ns);
	MUST(torture_now_ns() - begin_ns >= ns);
	MUST(torture_now_ns() - begin_ns < LATE_NS);
}

/* --- where and how it runs --- */

static void do_yield(struct dice *dice)
{
	for (uint32_t i = dice_roll(dice, 50); i > 0; i--)
		sched_yield();
}

static void do_priority(struct dice *dice)
{
	static const int policies[] = {SCHED_FIFO, SCHED_RR};
	struct sched_param param = {.sched_priority = 1 + (int)dice_roll(dice, 5)}, now;
	int policy = policies[dice_roll(dice, 2)], policy_now;

	MUST(pthread_setschedparam(pthread_self(), policy, &param) == 0);
	MUST(pthread_getschedparam(pthread_self(), &policy_now, &now) == 0);
	MUST(policy_now == policy && now.sched_priority == param.sched_priority);
	torture_spin(1 + dice_roll(dice, 20000));
	sched_yield();
	param.sched_priority = 0;
	MUST(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param) == 0);
}

/* dom0 may have taken the vCPU away. */
static void do_affinity(struct dice *dice)
{
	cpu_set_t where, all;

	CPU_ZERO(&where);
	CPU_ZERO(&all);
	for (int i = 0; i < 8; i++)
		CPU_SET(i, &all);
	CPU_SET(dice_roll(dice, 8), &where);
	if (pthread_setaffinity_np(pthread_self(), sizeof(where), &where))
		return;
	torture_spin(1 + dice_roll(dice, 20000));
	MUST(pthread_setaffinity_np(pthread_self(), sizeof(all), &all) == 0);
}

static double add_up(uint32_t first)
{
	double sum = first, term = 1;

	for (int i = 1; i < SUM_ROUNDS; i++) {
		term = term * 0.999 + 1.0 / i;
		sum += term / (first + (unsigned int)i);
	}
	return sum;
}

/* Whoever comes in between, the same numbers come out. */
static void do_numbers(struct dice *dice)
{
	uint32_t first = 1 + dice_roll(dice, 1000);
	double once = add_up(first), again = add_up(first);

	MUST(memcmp(&once, &again, sizeof(once)) == 0);
}

static void do_memory(struct dice *dice)
{
	size_t bytes = 1 + dice_roll(dice, BYTES_MAX);
	unsigned char fill = (unsigned char)dice_roll(dice, 256);
	bool mapped = dice_roll(dice, 8) == 0;
	unsigned char *block;

	block = mapped ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0)
		       : malloc(bytes);
	MUST(block && block != MAP_FAILED);
	MUST(!mapped || (block[0] == 0 && block[bytes - 1] == 0));
	memset(block, fill, bytes);
	if (dice_roll(dice, 4) == 0)
		sched_yield();
	for (size_t i = 0; i < bytes; i++)
		MUST(block[i] == fill);
	if (mapped)
		MUST(munmap(block, bytes) == 0);
	else
		free(block);
}

void torture_lives_prepare(void)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	for (int i = 0; i < KEYS; i++)
		MUST(pthread_key_create(&keys[i], destroy_key) == 0);
}

void torture_lives_conclude(void)
{
	int64_t end_ns = torture_now_ns() + LATE_NS;

	/* Detached ones may be on their way. */
	while (__atomic_load_n(&keys_destroyed, __ATOMIC_RELAXED) <
	       __atomic_load_n(&keys_set, __ATOMIC_RELAXED)) {
		MUST(torture_now_ns() < end_ns);
		torture_sleep_ns(1000000);
	}
	MUST(keys_destroyed == keys_set && timers_rung <= timers_set);
	printf("torture: %lu keys destroyed, %lu of %lu timers rung\n", keys_destroyed, timers_rung,
	       timers_set);
}

const struct torture torture_lives[] = {
	{"children", do_children, 5},
	{"detached", do_detached, 2},
	{"cancel", do_cancel, 3},
	{"own signal", do_own_signal, 10},
	{"others' signal", do_others_signal, 2},
	{"timer", do_timer, 5},
	{"sleep", do_sleep, 10},
	{"yield", do_yield, 10},
	{"priority", do_priority, 10},
	{"affinity", do_affinity, 5},
	{"numbers", do_numbers, 20},
	{"memory", do_memory, 20},
};
const unsigned int torture_lives_count = sizeof(torture_lives) / sizeof(torture_lives[0]);
