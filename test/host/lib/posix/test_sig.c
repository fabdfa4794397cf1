/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who gets a signal: pending sets of the process and of threads, masks, queues, handing over, by
 * rules and in random orders. The threads are records; VCPU(current) says which one runs.
 *
 * Links: test/host/fake_spinlock.c
 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* A word here, a larger thing in the machine's own headers. */
#define sigset_t      unsigned long
#define _sig_func_ptr __sighandler_t
#undef SIGRTMIN
#undef SIGRTMAX
#define SIGRTMIN 34
#define SIGRTMAX 64
#ifndef SIGQUEUE_MAX
#define SIGQUEUE_MAX 1024
#endif
#ifndef SI_KERNEL
#define SI_KERNEL 0x80
#endif

/* clang-format off */
#include "lib/posix/sig.c"
#include "lib/posix/sig_threads.c"
#include "lib/posix/sig_queue.c"
/* clang-format on */
#include "test/host/check_main.h"
#include "test/host/fake_spinlock.h"

#define THREADS 4

static struct thread threads[THREADS];
static struct sig_thread signals[THREADS];
static struct vcpu vcpu;
__thread struct vcpu *vcpu_host = &vcpu;
static int woken, handled_count, last_handled;
static unsigned int heap_blocks, heap_room = 1000000;

struct thread thread_first;

void events_deliver(void)
{
}

void thread_interrupt(struct thread *thread)
{
	thread->interrupted = true;
}

void thread_for_each(bool (*fn)(struct thread *thread, void *arg), void *arg)
{
	for (int i = 0; i < THREADS; i++)
		if (!fn(&threads[i], arg))
			return;
}

void waitq_wake_all(struct waitq *queue)
{
	(void)queue;
	woken++;
}

void threads_dump_start(void)
{
}

void *heap_alloc(size_t bytes)
{
	if (heap_blocks == heap_room)
		return NULL;
	heap_blocks++;
	return malloc(bytes);
}

void heap_free(void *block)
{
	heap_blocks--;
	free(block);
}

_Noreturn void exit_by_signal(int signal, const ucontext_t *context)
{
	(void)context;
	ck_abort_msg("killed by signal %d", signal);
}

enum sig_result sig_handle(const siginfo_t *info, ucontext_t *context)
{
	(void)context;
	handled_count++;
	last_handled = info->si_signo;
	return SIG_EINTR;
}

uintptr_t sig_stack_for(int signal, uintptr_t stack)
{
	(void)signal;
	return stack;
}

bool sig_fault(struct trap_frame *frame, int signal, int code, uintptr_t addr)
{
	(void)frame;
	(void)signal;
	(void)code;
	(void)addr;
	return false;
}

_Noreturn void sig_enter(void)
{
	abort();
}

static void handler(int signal)
{
	(void)signal;
}

static void run(int thread)
{
	VCPU(current) = &threads[thread];
}

static void start_threads(void)
{
	for (int i = 0; i < THREADS; i++) {
		memset(&threads[i], 0, sizeof(threads[i]));
		threads[i].id = (uint32_t)i + 1;
		threads[i].signals = &signals[i];
		threads[i].state = THREAD_RUNNING;
	}
	run(0);
	for (int i = 1; i < THREADS; i++)
		sig_thread_init(&signals[i]);
	for (int i = 1; i < NSIG; i++)
		sig_actions[i].sa_handler = handler;
	VCPU(info.evtchn_upcall_mask) = 0;
}

static int take(int thread, sigset_t set, siginfo_t *info_out)
{
	run(thread);
	return sig_take(set, info_out);
}

START_TEST(process_signal_goes_to_one_that_takes_it)
{
	siginfo_t info;

	start_threads();
	sig_send(SIGUSR1, SI_USER);
	ck_assert(threads[0].interrupted && !threads[1].interrupted);
	ck_assert_int_eq(take(0, ~0UL, &info), SIGUSR1);
	ck_assert_int_eq(info.si_code, SI_USER);
	ck_assert_int_eq(info.si_pid, 1);
	ck_assert_int_eq(take(0, ~0UL, &info), 0);

	/* The running one blocks it: one that waits, else any. */
	run(0);
	threads[0].interrupted = false;
	sig_set_blocked(SIG_BIT(SIGUSR1));
	threads[2].state = THREAD_WAITING;
	sig_send(SIGUSR1, SI_KERNEL);
	ck_assert(!threads[0].interrupted && !threads[1].interrupted && threads[2].interrupted);
	ck_assert_int_eq(take(2, ~0UL, &info), SIGUSR1);
	ck_assert_int_eq(info.si_code, SI_KERNEL);

	/* A thread of the kernel's takes none. */
	threads[0].signals = NULL;
	threads[2].signals = NULL;
	threads[1].interrupted = threads[2].interrupted = threads[3].interrupted = false;
	signals[1].blocked = SIG_BIT(SIGUSR1);
	run(0);
	sig_send(SIGUSR1, SI_USER);
	ck_assert(threads[3].interrupted && !threads[1].interrupted && !threads[2].interrupted);
}
END_TEST

START_TEST(blocked_by_all_waits_for_the_first)
{
	siginfo_t info;

	start_threads();
	for (int i = 0; i < THREADS; i++)
		signals[i].blocked = SIG_BIT(SIGTERM);
	sig_send(SIGTERM, SI_USER);
	for (int i = 0; i < THREADS; i++)
		ck_assert(!threads[i].interrupted);
	run(3);
	ck_assert_int_eq(sig_deliverable(), 0);
	handled_count = 0;
	sig_set_blocked(0);
	ck_assert_int_eq(handled_count, 1);
	ck_assert_int_eq(last_handled, SIGTERM);
	ck_assert_int_eq(take(0, ~0UL, &info), 0);
}
END_TEST

START_TEST(thread_signal_is_its_own)
{
	siginfo_t info;

	start_threads();
	sig_send_thread(&threads[2], SIGUSR2, SI_USER);
	ck_assert(threads[2].interrupted && !threads[0].interrupted);
	ck_assert_int_eq(take(0, ~0UL, &info), 0);
	ck_assert_int_eq(take(1, ~0UL, &info), 0);
	ck_assert(!(sig_pending_set() & SIG_BIT(SIGUSR2)));
	ck_assert_int_eq(take(2, SIG_BIT(SIGUSR1), &info), 0);
	ck_assert_int_eq(take(2, SIG_BIT(SIGUSR2), &info), SIGUSR2);
}
END_TEST

START_TEST(standard_signals_merge_and_ignored_ones_go)
{
	siginfo_t info;

	start_threads();
	signals[0].blocked = SIG_BIT(SIGUSR1);
	sig_actions[SIGUSR1].sa_handler = SIG_IGN;
	/* Others do not block it, so it would be ignored. */
	sig_send(SIGUSR1, SI_USER);
	ck_assert_int_eq(take(0, ~0UL, &info), 0);
	/* For one that blocks it, it is kept: it may be waited for. */
	sig_send_thread(&threads[0], SIGUSR1, SI_USER);
	sig_send_thread(&threads[0], SIGUSR1, SI_USER);
	ck_assert_int_eq(take(0, ~0UL, &info), SIGUSR1);
	ck_assert_int_eq(take(0, ~0UL, &info), 0);
	/* SIGCHLD is ignored by default, SIGKILL never. */
	sig_actions[SIGCHLD].sa_handler = SIG_DFL;
	sig_actions[SIGKILL].sa_handler = SIG_IGN;
	sig_send(SIGCHLD, SI_USER);
	ck_assert_int_eq(take(0, ~0UL, &info), 0);
	sig_send(SIGKILL, SI_USER);
	ck_assert_int_eq(take(0, ~0UL, &info), SIGKILL);
}
END_TEST

START_TEST(real_time_signals_queue_in_order)
{
	union sigval value;
	siginfo_t info;
	int sent = 0;

	start_threads();
	signals[0].blocked = ~(SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP));
	for (int i = 0; i < 3; i++) {
		value.sival_int = i;
		ck_assert_int_eq(sigqueue(1, SIGRTMAX, value), 0);
		ck_assert_int_eq(sigqueue(1, SIGRTMIN, value), 0);
	}
	sig_send(SIGRTMIN, SI_USER);
	for (int i = 0; i < 7; i++) {
		ck_assert_int_eq(take(0, ~0UL, &info), i < 4 ? SIGRTMIN : SIGRTMAX);
		if (i == 3)
			ck_assert_int_eq(info.si_code, SI_USER);
		else
			ck_assert_int_eq(info.si_value.sival_int, i % 4);
	}
	ck_assert_int_eq(take(0, ~0UL, &info), 0);
	while (sigqueue(1, SIGRTMIN, value) == 0)
		sent++;
	ck_assert_int_eq(sent, SIGQUEUE_MAX);
	ck_assert_int_eq(errno, EAGAIN);
	/* kill() has no such error: one without a value merges with those that wait. */
	sig_send(SIGRTMIN + 1, SI_USER);
	ck_assert_int_eq(take(0, SIG_BIT(SIGRTMIN + 1), &info), SIGRTMIN + 1);
	ck_assert_int_eq(take(0, ~0UL, &info), SIGRTMIN);
	ck_assert_int_eq(sigqueue(1, SIGRTMIN, value), 0);
	sig_thread_end();
	for (int i = 0; i < SIGQUEUE_MAX; i++)
		ck_assert_int_eq(take(1, ~0UL, &info), SIGRTMIN);
	ck_assert_int_eq(take(1, ~0UL, &info), 0);
	ck_assert_uint_eq(heap_blocks, 0);
	/* Out of memory. */
	heap_room = 0;
	ck_assert_int_eq(sigqueue(1, SIGRTMIN, value), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

static int taken_count, dropped_count;

static void taken(struct sig_entry *entry, siginfo_t *info_out)
{
	(void)entry;
	taken_count++;
	dropped_count += !info_out;
}

START_TEST(entries_come_back)
{
	struct sig_entry entry = {.info.si_signo = SIGALRM, .taken = taken}, other = entry;
	siginfo_t info;

	start_threads();
	ck_assert(!sig_queue_waits(&entry));
	ck_assert(sig_send_entry(NULL, &entry));
	ck_assert(sig_queue_waits(&entry));
	ck_assert(!sig_send_entry(NULL, &other));
	ck_assert_int_eq(take(1, ~0UL, &info), SIGALRM);
	ck_assert(!sig_queue_waits(&entry));
	ck_assert_int_eq(taken_count, 1);
	/* Taken back by the sender. */
	ck_assert(sig_send_entry(NULL, &entry));
	ck_assert(sig_queue_cancel(&entry));
	ck_assert(!sig_queue_cancel(&entry));
	ck_assert_int_eq(take(1, ~0UL, &info), 0);
	ck_assert_int_eq(taken_count, 1);
	/* To a thread by its number, which ends with it; then there is none. */
	ck_assert(sig_send_entry_to(3, &entry));
	ck_assert(!sig_send_entry_to(77, &other));
	run(2);
	sig_thread_end();
	ck_assert_int_eq(taken_count, 2);
	ck_assert_int_eq(dropped_count, 1);
	ck_assert(!sig_send_entry_to(3, &entry));
	/* Ignored from now on. */
	ck_assert(sig_send_entry(&threads[1], &entry));
	bool enabled = spin_lock_events(&sig_lock);
	sig_discard_threads(SIG_BIT(SIGALRM));
	spin_unlock_events(&sig_lock, enabled);
	ck_assert_int_eq(dropped_count, 2);
	ck_assert_int_eq(take(1, ~0UL, &info), 0);
}
END_TEST

START_TEST(mask_changes_and_ends_hand_over)
{
	start_threads();
	sig_hold();
	sig_send(SIGUSR1, SI_USER);
	ck_assert(threads[0].interrupted && !threads[1].interrupted);
	sig_set_blocked(SIG_BIT(SIGUSR1));
	ck_assert(threads[1].interrupted || threads[2].interrupted || threads[3].interrupted);
	for (int i = 0; i < THREADS; i++)
		threads[i].interrupted = false;
	signals[1].blocked = SIG_BIT(SIGUSR1);
	run(2);
	sig_thread_end();
	ck_assert(threads[3].interrupted && !threads[1].interrupted && !threads[0].interrupted);
	sig_send_thread(&threads[2], SIGUSR2, SI_USER);
	ck_assert(!threads[2].interrupted);
	/* The last one that would take it ends: it stays for whoever unblocks it. */
	run(3);
	sig_thread_end();
	ck_assert(!threads[1].interrupted);
	run(1);
	handled_count = 0;
	sig_set_blocked(0);
	ck_assert_int_eq(handled_count, 1);
}
END_TEST

START_TEST(held_delivery_waits)
{
	start_threads();
	handled_count = 0;
	sig_hold();
	sig_hold();
	sig_send(SIGUSR1, SI_USER);
	ck_assert_int_eq(sig_deliver(), SIG_NONE);
	ck_assert(threads[0].interrupted);
	ck_assert_int_eq(sig_release(), SIG_NONE);
	ck_assert_int_eq(handled_count, 0);
	ck_assert_int_eq(sig_release(), SIG_EINTR);
	ck_assert_int_eq(handled_count, 1);
	ck_assert(!threads[0].interrupted);
	/* What ran between the end of a wait and sig_deliver() is not forgotten. */
	threads[0].interrupted = true;
	ck_assert(thread_is_interrupted(&threads[0]));
	sig_note(SIG_RESTART);
	ck_assert_int_eq(sig_deliver(), SIG_RESTART);
	threads[0].interrupted = true;
	ck_assert(thread_is_interrupted(&threads[0]));
	ck_assert_int_eq(sig_deliver(), SIG_NONE);
}
END_TEST

/* Whoever could deliver a signal of the process: one of them at least must know. */
static void check_nothing_is_lost(void)
{
	for (int signal = 1; signal < NSIG; signal++) {
		bool takers = false, told = false;

		if (!(sig_process.set & SIG_BIT(signal)))
			continue;
		for (int i = 0; i < THREADS; i++) {
			if (signals[i].blocked & SIG_BIT(signal))
				continue;
			takers = true;
			told |= threads[i].interrupted;
		}
		test_require(!takers || told);
	}
	for (int i = 0; i < THREADS; i++)
		test_require(!(signals[i].pending.set & ~signals[i].blocked) ||
			     threads[i].interrupted);
}

START_TEST(nothing_is_lost_in_any_order)
{
	static const int some[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGRTMIN, SIGRTMIN + 5};
	unsigned int sent[NSIG] = {0}, got[NSIG] = {0};
	siginfo_t info;

	start_threads();
	for (int round = 0; round < 200000; round++) {
		int signal = some[test_random() % 5], thread = (int)(test_random() % THREADS);
		sigset_t mask = 0;

		for (int i = 0; i < 5; i++)
			if (test_random() & 1)
				mask |= SIG_BIT(some[i]);
		run(thread);
		switch (test_random() % 5) {
		case 0:
			sig_send(signal, SI_USER);
			sent[signal]++;
			break;
		case 1:
			sig_send_thread(&threads[test_random() % THREADS], signal, SI_USER);
			sent[signal]++;
			break;
		case 2:
			sig_hold();
			sig_set_blocked(mask);
			signals[thread].holds = 0;
			break;
		case 3:
			while (sig_next(&info))
				got[info.si_signo]++;
			break;
		default:
			threads[thread].state = test_random() & 1 ? THREAD_WAITING : THREAD_RUNNING;
			break;
		}
		check_nothing_is_lost();
	}
	for (int i = 0; i < THREADS; i++) {
		run(i);
		signals[i].blocked = 0;
		while (sig_next(&info))
			got[info.si_signo]++;
	}
	/* Real-time signals are neither lost nor doubled, unless their queue was full. */
	ck_assert(sent[SIGRTMIN] > 1000 && got[SIGUSR1] > 1000);
	ck_assert(got[SIGRTMIN] <= sent[SIGRTMIN] && got[SIGUSR1] <= sent[SIGUSR1]);
	ck_assert_uint_eq(heap_blocks, 0);
	ck_assert_uint_eq(queued_count, 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("signals");
	TCase *tests = tcase_create("threads");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, process_signal_goes_to_one_that_takes_it);
	tcase_add_test(tests, blocked_by_all_waits_for_the_first);
	tcase_add_test(tests, thread_signal_is_its_own);
	tcase_add_test(tests, standard_signals_merge_and_ignored_ones_go);
	tcase_add_test(tests, real_time_signals_queue_in_order);
	tcase_add_test(tests, entries_come_back);
	tcase_add_test(tests, mask_changes_and_ends_hand_over);
	tcase_add_test(tests, held_delivery_waits);
	tcase_add_test(tests, nothing_is_lost_in_any_order);
	suite_add_tcase(suite, tests);
	return suite;
}
