/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals and threads: who gets a signal for the process, signals for one thread, masks, waiting
 * for signals, queues, handlers in calls that wait and in loops that do not, alternate stacks.
 */
#define _GNU_SOURCE /* pthread_sigqueue() */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

#define STORM_SIGNALS 2000

static pthread_t handled_by;
static volatile int handled, handled_code, handled_value, handled_pid;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	handled_by = pthread_self();
	handled_code = info->si_code;
	handled_value = info->si_value.sival_int;
	handled_pid = info->si_pid;
	handled++;
}

static void handle(int signal, int flags)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};

	CHECK(sigaction(signal, &action, NULL) == 0);
	handled = 0;
}

static sigset_t set_of(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return set;
}

static void block(int how, int signal)
{
	sigset_t set = set_of(signal);

	CHECK(pthread_sigmask(how, &set, NULL) == 0);
}

static void wait_until_handled(int count)
{
	while (handled < count)
		usleep(1000);
}

/* --- a thread of each kind of waiting --- */

static sem_t ready, go;
static volatile bool stop;

static void *sleeps(void *arg)
{
	struct timespec left = {0}, time = {.tv_sec = 100};

	(void)arg;
	sem_post(&ready);
	return (void *)(intptr_t)(nanosleep(&time, &left) == -1 && errno == EINTR &&
				  left.tv_sec > 50);
}

static void *waits_for_semaphore(void *arg)
{
	intptr_t result;

	(void)arg;
	sem_post(&ready);
	result = sem_wait(&go) == -1 && errno == EINTR;
	return (void *)result;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *waits_for_mutex(void *arg)
{
	(void)arg;
	sem_post(&ready);
	if (pthread_mutex_lock(&mutex))
		return NULL;
	pthread_mutex_unlock(&mutex);
	return (void *)1;
}

static void *spins(void *arg)
{
	(void)arg;
	sem_post(&ready);
	while (!stop)
		;
	return (void *)1;
}

/* pthread_kill() reaches a thread wherever it is; true: its function yields 1. */
static void test_kill(void *(*function)(void *), bool holds_mutex)
{
	pthread_t thread;
	void *result = NULL;

	handle(SIGUSR1, 0);
	stop = false;
	if (holds_mutex)
		pthread_mutex_lock(&mutex);
	CHECK(pthread_create(&thread, NULL, function, NULL) == 0);
	sem_wait(&ready);
	usleep(20000);
	CHECK(pthread_kill(thread, SIGUSR1) == 0);
	wait_until_handled(1);
	CHECK(handled == 1 && pthread_equal(handled_by, thread));
	CHECK(handled_code == SI_TKILL && handled_pid == getpid());
	if (holds_mutex)
		pthread_mutex_unlock(&mutex);
	stop = true;
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
	CHECK(pthread_kill(thread, 0) == ESRCH);
	CHECK(pthread_kill(pthread_self(), NSIG) == EINVAL);
}

/* --- for the process: not the one that blocks it --- */

static void *sleeps_open(void *arg)
{
	(void)arg;
	block(SIG_UNBLOCK, SIGUSR2);
	sem_post(&ready);
	sem_wait(&go);
	while (sem_wait(&go))
		;
	return NULL;
}

static void test_process_signal(void)
{
	pthread_t thread;
	sigset_t pending;

	handle(SIGUSR2, 0);
	block(SIG_BLOCK, SIGUSR2);
	CHECK(kill(getpid(), SIGUSR2) == 0);
	CHECK(handled == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR2));
	/* The mask is inherited; the first to unblock it gets it. */
	CHECK(pthread_create(&thread, NULL, sleeps_open, NULL) == 0);
	sem_wait(&ready);
	wait_until_handled(1);
	CHECK(handled == 1 && pthread_equal(handled_by, thread));
	CHECK(handled_code == SI_USER && handled_pid == getpid());
	CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
	/* And the next, while it waits. */
	CHECK(kill(getpid(), SIGUSR2) == 0);
	wait_until_handled(2);
	CHECK(handled == 2 && pthread_equal(handled_by, thread));
	sem_post(&go);
	sem_post(&go);
	pthread_join(thread, NULL);
	while (sem_trywait(&go) == 0)
		;
	block(SIG_UNBLOCK, SIGUSR2);
}

/* --- a blocked signal of a thread is that thread's own --- */

static void *has_pending(void *arg)
{
	sigset_t pending, set = set_of(SIGUSR1);
	int signal = 0;

	(void)arg;
	sem_post(&ready);
	sem_wait(&go);
	if (sigpending(&pending) || !sigismember(&pending, SIGUSR1))
		return NULL;
	return (void *)(intptr_t)(sigwait(&set, &signal) == 0 && signal == SIGUSR1);
}

static void test_pending(void)
{
	pthread_t thread;
	sigset_t pending;
	void *result;

	handle(SIGUSR1, 0);
	block(SIG_BLOCK, SIGUSR1);
	CHECK(pthread_create(&thread, NULL, has_pending, NULL) == 0);
	sem_wait(&ready);
	CHECK(pthread_kill(thread, SIGUSR1) == 0);
	CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1));
	sem_post(&go);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
	CHECK(handled == 0);
	block(SIG_UNBLOCK, SIGUSR1);
}

/* --- one of several that wait for a signal takes it --- */

static volatile int waiters_done;

static void *waits_for_signal(void *arg)
{
	sigset_t set = set_of(SIGUSR1);
	siginfo_t info;

	(void)arg;
	sem_post(&ready);
	if (sigwaitinfo(&set, &info) != SIGUSR1 || info.si_code != SI_USER)
		return NULL;
	__atomic_fetch_add(&waiters_done, 1, __ATOMIC_SEQ_CST);
	return (void *)1;
}

static void test_waiters(void)
{
	pthread_t threads[3];
	void *result;

	block(SIG_BLOCK, SIGUSR1);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, waits_for_signal, NULL) == 0);
	for (int i = 0; i < 3; i++)
		sem_wait(&ready);
	usleep(20000);
	for (int i = 1; i <= 3; i++) {
		CHECK(kill(getpid(), SIGUSR1) == 0);
		for (int j = 0; j < 5000 && waiters_done < i; j++)
			usleep(1000);
		CHECK(waiters_done == i);
	}
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], &result) == 0 && result == (void *)1);
	block(SIG_UNBLOCK, SIGUSR1);
}

/* --- sigtimedwait, sigsuspend --- */

static void *sends_soon(void *arg)
{
	pthread_t *to = arg;

	usleep(30000);
	pthread_kill(*to, SIGUSR2);
	return NULL;
}

static void test_waiting(void)
{
	struct timespec tenth = {.tv_nsec = 100000000}, none = {0}, bad = {.tv_nsec = -1};
	sigset_t set = set_of(SIGUSR1), open;
	pthread_t sender, self = pthread_self();
	siginfo_t info;

	block(SIG_BLOCK, SIGUSR1);
	CHECK(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
	CHECK(sigtimedwait(&set, &info, &tenth) == -1 && errno == EAGAIN);
	CHECK(sigtimedwait(&set, &info, &bad) == -1 && errno == EINVAL);
	/* Another signal's handler ends the wait. */
	handle(SIGUSR2, SA_RESTART);
	pthread_create(&sender, NULL, sends_soon, &self);
	CHECK(sigwaitinfo(&set, &info) == -1 && errno == EINTR);
	CHECK(handled == 1 && pthread_equal(handled_by, self));
	pthread_join(sender, NULL);

	block(SIG_BLOCK, SIGUSR2);
	handle(SIGUSR2, 0);
	CHECK(pthread_kill(self, SIGUSR2) == 0 && handled == 0);
	pthread_sigmask(SIG_SETMASK, NULL, &open);
	sigdelset(&open, SIGUSR2);
	CHECK(sigsuspend(&open) == -1 && errno == EINTR && handled == 1);
	pthread_create(&sender, NULL, sends_soon, &self);
	CHECK(sigsuspend(&open) == -1 && errno == EINTR && handled == 2);
	pthread_join(sender, NULL);
	CHECK(kill(getpid(), SIGUSR2) == 0);
	CHECK(handled == 2);
	block(SIG_UNBLOCK, SIGUSR2);
	CHECK(handled == 3);
	block(SIG_UNBLOCK, SIGUSR1);
}

/* --- queues --- */

static void test_queue(void)
{
	union sigval value;
	sigset_t set;
	siginfo_t info;
	int sent;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGRTMIN + 2);
	sigaddset(&set, SIGRTMAX);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 3; i++) {
		value.sival_int = i;
		CHECK(sigqueue(getpid(), SIGRTMAX, value) == 0);
		CHECK(sigqueue(getpid(), SIGRTMIN + 2, value) == 0);
		CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, value) == 0);
	}
	for (int i = 0; i < 9; i++) {
		int expected = i < 3 ? SIGRTMIN + 1 : i < 6 ? SIGRTMIN + 2 : SIGRTMAX;

		CHECK(sigwaitinfo(&set, &info) == expected);
		CHECK(info.si_value.sival_int == i % 3 && info.si_code == SI_QUEUE &&
		      info.si_pid == getpid());
	}
	for (sent = 0; sigqueue(getpid(), SIGRTMAX, value) == 0; sent++)
		if (sent > 10 * SIGQUEUE_MAX)
			break;
	CHECK(sent == SIGQUEUE_MAX && errno == EAGAIN);
	while (sent > 0 && sigwaitinfo(&set, &info) == SIGRTMAX)
		sent--;
	CHECK(sent == 0);
	CHECK(sigqueue(getpid(), SIGRTMAX, value) == 0);
	CHECK(sigwaitinfo(&set, &info) == SIGRTMAX);
	CHECK(sigqueue(getpid(), NSIG, value) == -1 && errno == EINVAL);
	CHECK(sigqueue(12345, SIGRTMAX, value) == -1 && errno == ESRCH);
	/* To be ignored is to be thrown away. */
	CHECK(sigqueue(getpid(), SIGRTMAX, value) == 0);
	CHECK(signal(SIGRTMAX, SIG_IGN) != SIG_ERR);
	CHECK(sigpending(&set) == 0 && !sigismember(&set, SIGRTMAX));
	CHECK(signal(SIGRTMAX, SIG_DFL) != SIG_ERR);
}

/* --- alternate stacks, a fault, a jump out of a handler, each in a thread --- */

static _Thread_local sigjmp_buf after_fault;
static _Thread_local char *own_stack;
static volatile int on_own_stack;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	char here;

	(void)signal;
	(void)context;
	if (&here >= own_stack && &here < own_stack + SIGSTKSZ && info->si_addr == (void *)16)
		__atomic_fetch_add(&on_own_stack, 1, __ATOMIC_SEQ_CST);
	siglongjmp(after_fault, 1);
}

static void *faults(void *arg)
{
	static char stacks[4][SIGSTKSZ];
	stack_t stack = {.ss_sp = stacks[(intptr_t)arg], .ss_size = SIGSTKSZ};
	volatile int rounds = 0;

	own_stack = stack.ss_sp;
	if (sigaltstack(&stack, NULL))
		return NULL;
	while (rounds < 50) {
		rounds++;
		if (!sigsetjmp(after_fault, 1))
			*(volatile int *)(uintptr_t)(rounds / 100 + 16) = 1;
	}
	return (void *)1;
}

static void test_faults(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	pthread_t threads[4];
	void *result;

	CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
	for (intptr_t i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, faults, (void *)i) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], &result) == 0 && result == (void *)1);
	CHECK(on_own_stack == 200);
	signal(SIGSEGV, SIG_DFL);
}

/* --- many signals to threads that compute with vector registers --- */

static volatile int storm_handled;
static volatile double spoiled;

static void on_storm(int signal)
{
	(void)signal;
	spoiled = spoiled * 3.5 + storm_handled;
	__atomic_fetch_add(&storm_handled, 1, __ATOMIC_SEQ_CST);
}

static void *computes(void *arg)
{
	double sum, first = 0;

	(void)arg;
	sem_post(&ready);
	while (!stop) {
		sum = 0;
		for (int i = 1; i < 2000; i++)
			sum += 1.0 / i;
		if (first != 0 && sum != first)
			return NULL;
		first = sum;
	}
	return (void *)1;
}

static void test_storm(void)
{
	struct sigaction action = {.sa_handler = on_storm};
	pthread_t threads[3];
	void *result;

	CHECK(sigaction(SIGRTMIN, &action, NULL) == 0);
	stop = false;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, computes, NULL) == 0);
	for (int i = 0; i < 3; i++)
		sem_wait(&ready);
	for (int i = 0; i < STORM_SIGNALS; i++) {
		CHECK(pthread_kill(threads[i % 3], SIGRTMIN) == 0);
		if (i % 100 == 0)
			usleep(1000);
	}
	while (storm_handled < STORM_SIGNALS)
		usleep(1000);
	CHECK(storm_handled == STORM_SIGNALS);
	stop = true;
	for (int i = 0; i < 3; i++)
		CHECK(pthread_join(threads[i], &result) == 0 && result == (void *)1);
}

int main(void)
{
	sem_init(&ready, 0, 0);
	sem_init(&go, 0, 0);
	test_kill(sleeps, false);
	test_kill(waits_for_semaphore, false);
	test_kill(waits_for_mutex, true);
	test_kill(spins, false);
	test_process_signal();
	test_pending();
	test_waiters();
	test_waiting();
	test_queue();
	test_faults();
	test_storm();
	return check_done();
}
