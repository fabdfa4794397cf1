/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending, blocking, waiting; interrupted calls; timers that interrupt floating point. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

static volatile sig_atomic_t calls, last_signal, last_code, last_value;
static volatile double sink;

static void count(int signal)
{
	calls++;
	last_signal = signal;
	sink = sqrt(calls + 2.0);
}

static void inform(int signal, siginfo_t *info, void *context)
{
	calls++;
	last_signal = signal;
	last_code = info->si_code;
	last_value = info->si_value.sival_int;
	CHECK(context != NULL && info->si_signo == signal);
}

static void handle(int signal, int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	if (flags & SA_SIGINFO)
		action.sa_sigaction = inform;
	else
		action.sa_handler = count;
	action.sa_flags = flags;
	sigemptyset(&action.sa_mask);
	CHECK(sigaction(signal, &action, NULL) == 0);
	calls = 0;
}

static void sending(void)
{
	union sigval value = {.sival_int = 1234};
	struct sigaction old;

	handle(SIGUSR1, 0);
	CHECK(raise(SIGUSR1) == 0 && calls == 1 && last_signal == SIGUSR1);
	CHECK(kill(getpid(), SIGUSR1) == 0 && calls == 2);
	handle(SIGUSR2, SA_SIGINFO);
	CHECK(sigqueue(getpid(), SIGUSR2, value) == 0 && calls == 1 && last_code == SI_QUEUE &&
	      last_value == 1234);
	handle(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL && raise(SIGUSR1) == 0 && calls == 1);
	CHECK(raise(SIGCHLD) == 0 && raise(SIGWINCH) == 0 && raise(SIGCONT) == 0);
	CHECK(signal(SIGKILL, count) == SIG_ERR && errno == EINVAL);
	CHECK(raise(0) == 0 && raise(65) == -1 && errno == EINVAL);
}

static void blocking(void)
{
	sigset_t set, old, pending;
	int signal;
	struct timespec none = {0, 0};

	handle(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0 && !sigismember(&old, SIGUSR1));
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK(calls == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
	CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0 && calls == 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	CHECK(sigwait(&set, &signal) == 0 && signal == SIGUSR1 && calls == 1);
	CHECK(sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN);
	raise(SIGUSR1);
	CHECK(sigsuspend(&old) == -1 && errno == EINTR && calls == 2);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &pending) == 0 && sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void interrupted(void)
{
	struct timespec length = {5, 0}, left = {0, 0};

	handle(SIGALRM, 0);
	alarm(1);
	CHECK(nanosleep(&length, &left) == -1 && errno == EINTR && calls == 1);
	CHECK(left.tv_sec == 3 || left.tv_sec == 4);
	CHECK(alarm(100) == 0 && alarm(0) == 100);
	alarm(1);
	CHECK(pause() == -1 && errno == EINTR && calls == 2);
}

/* Handlers that compute must not disturb what they interrupt. */
static void floating_point(void)
{
	struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	double sum = 0, again = 0;
	long rounds = 0;

	handle(SIGALRM, SA_RESTART);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	while (calls < 100) {
		for (int i = 1; i < 1000; i++)
			sum += 1.0 / ((double)i * i);
		rounds++;
	}
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	for (; rounds > 0; rounds--)
		for (int i = 1; i < 1000; i++)
			again += 1.0 / ((double)i * i);
	CHECK(sum == again);
}

int main(void)
{
	sending();
	blocking();
	interrupted();
	floating_point();
	return check_done();
}
