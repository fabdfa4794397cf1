/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `driver FIRST END`: runs the tests FIRST to END - 1 of the table. Lines on the console say what
 * happens:
 *
 *   posixtest: begin NAME
 *   posixtest: end NAME STATUS
 *   posixtest: stop REASON      the guest ends here, the next test wants a new one
 *
 * A test ends by returning from its main or by calling exit in the first thread; then it is undone
 * what a test may leave: handlers, masks and pending signals, timers, names, descriptors,
 * scheduling. What cannot be undone (threads that still run) ends the guest. A test that ends the
 * guest in another way, or never ends, is for the runner outside to judge.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "core/thread.h"
#include "test/posix/driver.h"

#define UNDO_MAX           4096
#define CLOCK_STEP_MAX_NS  50000000LL
#define THREADS_WAIT_MS    200
#define DESCRIPTORS        1024
#define TOLD_AFTER_SECONDS 2

static struct {
	void (*undo)(uintptr_t what);
	uintptr_t what;
} undo_list[UNDO_MAX];
static unsigned int undo_count;

static const struct posixtest *running;
static jmp_buf to_driver;
static volatile int status_of_test;
static char *stack_of_driver;
static int console;
static unsigned int threads_before;
static int64_t wall_before_ns;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	char line[256];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length > 0)
		(void)!write(console, line, (size_t)length);
}

void posixtest_undo_later(void (*undo)(uintptr_t what), uintptr_t what)
{
	unsigned int i = __atomic_fetch_add(&undo_count, 1, __ATOMIC_RELAXED);

	if (i < UNDO_MAX) {
		undo_list[i].what = what;
		undo_list[i].undo = undo;
	}
}

/* On the first thread's stack: not another thread, and not a handler's own stack. */
static bool on_driver_stack(void)
{
	char *here = __builtin_frame_address(0);

	return here < stack_of_driver && stack_of_driver - here < (1 << 16);
}

/* Back to the driver where that is possible; elsewhere the guest ends, with the test's status. */
static void back_to_driver(int status)
{
	if (!running || running->really_exits || !on_driver_stack())
		return;
	status_of_test = status;
	longjmp(to_driver, 1);
}

void posixtest_exit(int status)
{
	back_to_driver(status);
	exit(status);
}

void posixtest__exit(int status)
{
	back_to_driver(status);
	_exit(status);
}

static int64_t wall_offset_ns(void)
{
	struct timespec wall, monotonic;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (wall.tv_sec - monotonic.tv_sec) * 1000000000LL + wall.tv_nsec - monotonic.tv_nsec;
}

static void undo_wall_clock(void)
{
	int64_t step = wall_offset_ns() - wall_before_ns;
	struct timespec now;
	int64_t ns;

	if (step < CLOCK_STEP_MAX_NS && step > -CLOCK_STEP_MAX_NS)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_sec * 1000000000LL + now.tv_nsec + wall_before_ns;
	now.tv_sec = ns / 1000000000LL;
	now.tv_nsec = ns % 1000000000LL;
	clock_settime(CLOCK_REALTIME, &now);
}

static void undo_timers(void)
{
	static const struct itimerval off;

	alarm(0);
	setitimer(ITIMER_REAL, &off, NULL);
	setitimer(ITIMER_VIRTUAL, &off, NULL);
	setitimer(ITIMER_PROF, &off, NULL);
}

static void undo_signals(void)
{
	static const stack_t none = {.ss_flags = SS_DISABLE};
	struct sigaction action;
	sigset_t all, empty;

	memset(&action, 0, sizeof(action));
	sigfillset(&all);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Ignoring one discards it when it is pending. */
	for (int pass = 0; pass < 2; pass++) {
		action.sa_handler = pass == 0 ? SIG_IGN : SIG_DFL;
		for (int number = 1; number <= SIGRTMAX; number++)
			if (number != SIGKILL && number != SIGSTOP)
				sigaction(number, &action, NULL);
	}
	sigaltstack(&none, NULL);
	sigprocmask(SIG_SETMASK, &empty, NULL);
}

static void undo_scheduling(void)
{
	struct sched_param param;

	memset(&param, 0, sizeof(param));
	pthread_setschedparam(pthread_self(), SCHED_OTHER, &param);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, NULL);
	munlockall();
}

/* Threads that were told to end may still be on their way. */
static bool threads_are_gone(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < THREADS_WAIT_MS && thread_count() > threads_before; i++)
		nanosleep(&ms, NULL);
	return thread_count() <= threads_before;
}

/* NULL, or what the test left and cannot be undone. */
static const char *undo_all(void)
{
	unsigned int count = undo_count;

	undo_timers();
	undo_signals();
	undo_scheduling();
	if (count > UNDO_MAX)
		return "too much to undo";
	while (undo_count > 0) {
		undo_count--;
		undo_list[undo_count].undo(undo_list[undo_count].what);
	}
	undo_wall_clock();
	for (int fd = 3; fd < DESCRIPTORS; fd++)
		if (fd != console)
			close(fd);
	return threads_are_gone() ? NULL : "threads";
}

/* Stress goes on for as long as somebody wants. */
static void tell_to_end(void)
{
	static const struct itimerspec later = {.it_value = {.tv_sec = TOLD_AFTER_SECONDS}};
	struct sigevent event;
	timer_t timer;

	memset(&event, 0, sizeof(event));
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = SIGUSR1;
	if (posixtest_timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
	    timer_settime(timer, 0, &later, NULL) != 0) {
		say("posixtest: stop no timer\n");
		_exit(0);
	}
}

/* Its exit status. */
static int run(const struct posixtest *test)
{
	static char name[] = "posixtest";
	char *argv[] = {name, NULL, NULL};

	running = test;
	if (test->argument[0])
		argv[1] = (char *)test->argument;
	if (test->until_told)
		tell_to_end();
	errno = 0;
	if (setjmp(to_driver) == 0)
		status_of_test = test->main(argv[1] ? 2 : 1, argv);
	fflush(NULL);
	return status_of_test & 0xff;
}

static void *nothing(void *arg)
{
	return arg;
}

/* The first thread starts some of the kernel's, which are no test's. */
static void start_scheduler(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	unsigned int first = argc > 1 ? (unsigned int)atoi(argv[1]) : 0;
	unsigned int end = argc > 2 ? (unsigned int)atoi(argv[2]) : posixtest_count;
	const char *left;
	int status;

	stack_of_driver = __builtin_frame_address(0);
	console = dup(STDERR_FILENO);
	start_scheduler();
	threads_before = thread_count();
	wall_before_ns = wall_offset_ns();
	for (unsigned int i = first; i < end && i < posixtest_count; i++) {
		say("\nposixtest: begin %s\n", posixtest_table[i].name);
		status = run(&posixtest_table[i]);
		say("\nposixtest: end %s %d\n", posixtest_table[i].name, status);
		if (posixtest_table[i].really_exits)
			exit(status);
		left = undo_all();
		if (left) {
			say("posixtest: stop %s\n", left);
			_exit(0);
		}
	}
	running = NULL;
	_exit(0);
}
