/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message queues: order, limits, errors, waiting with and without time-outs, notification by signal
 * and by thread, a queue that is unlinked while it is open, and many threads on one queue.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"
#include "test/guest/soon.h"

#define SENDERS  4
#define MESSAGES 2000

static mqd_t make(const char *name, int flags, long messages, long bytes)
{
	struct mq_attr attr = {.mq_maxmsg = messages, .mq_msgsize = bytes};

	return mq_open(name, O_CREAT | flags, 0600, &attr);
}

static void test_order(void)
{
	mqd_t queue = make("/order", O_RDWR | O_EXCL, 8, 16);
	static const unsigned int priorities[] = {1, 5, 1, 0, 5, MQ_PRIO_MAX - 1};
	static const char order[] = "fbeacd";
	struct mq_attr attr;
	unsigned int priority;
	char text[16];

	CHECK(queue >= 0);
	CHECK(mq_getattr(queue, &attr) == 0 && attr.mq_maxmsg == 8 && attr.mq_msgsize == 16 &&
	      attr.mq_curmsgs == 0 && attr.mq_flags == 0);
	for (unsigned int i = 0; i < 6; i++) {
		text[0] = (char)('a' + i);
		CHECK(mq_send(queue, text, i + 1, priorities[i]) == 0);
	}
	CHECK(mq_getattr(queue, &attr) == 0 && attr.mq_curmsgs == 6);
	for (unsigned int i = 0; i < 6; i++) {
		CHECK(mq_receive(queue, text, sizeof(text), &priority) == order[i] - 'a' + 1);
		CHECK(text[0] == order[i] && priority == priorities[order[i] - 'a']);
	}
	CHECK(mq_close(queue) == 0 && mq_unlink("/order") == 0);
	CHECK(mq_close(queue) == -1 && errno == EBADF);
	CHECK(mq_unlink("/order") == -1 && errno == ENOENT);
}

static void test_errors(void)
{
	struct timespec bad = {.tv_nsec = -1}, past = {0};
	mqd_t queue = make("/errors", O_RDWR, 1, 4), reader, writer, all[MQ_OPEN_MAX];
	struct mq_attr attr = {.mq_flags = O_NONBLOCK}, old;
	char text[8] = "", name[NAME_MAX + 8];
	int open = 0;

	CHECK(queue >= 0);
	CHECK(make("/errors", O_RDWR | O_EXCL, 1, 4) == -1 && errno == EEXIST);
	CHECK(mq_open("/none", O_RDWR) == -1 && errno == ENOENT);
	CHECK(mq_open("none", O_RDWR) == -1 && errno == EINVAL);
	CHECK(make("/zero", O_RDWR, 0, 4) == -1 && errno == EINVAL);
	CHECK(make("/huge", O_RDWR, LONG_MAX, LONG_MAX) == -1 && errno == ENOSPC);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	CHECK(mq_open(name, O_RDWR) == -1 && errno == ENAMETOOLONG);
	CHECK(mq_send(queue, text, 5, 0) == -1 && errno == EMSGSIZE);
	CHECK(mq_send(queue, text, 1, MQ_PRIO_MAX) == -1 && errno == EINVAL);
	CHECK(mq_receive(queue, text, 3, NULL) == -1 && errno == EMSGSIZE);
	CHECK(mq_send(-1, text, 1, 0) == -1 && errno == EBADF);
	CHECK(mq_receive(MQ_OPEN_MAX, text, 8, NULL) == -1 && errno == EBADF);
	reader = mq_open("/errors", O_RDONLY);
	writer = mq_open("/errors", O_WRONLY | O_NONBLOCK);
	CHECK(mq_send(reader, text, 1, 0) == -1 && errno == EBADF);
	CHECK(mq_receive(writer, text, 4, NULL) == -1 && errno == EBADF);
	CHECK(mq_send(writer, text, 1, 0) == 0);
	CHECK(mq_send(writer, text, 1, 0) == -1 && errno == EAGAIN);
	CHECK(mq_timedsend(queue, text, 1, 0, &bad) == -1 && errno == EINVAL);
	CHECK(mq_timedsend(queue, text, 1, 0, &past) == -1 && errno == ETIMEDOUT);
	/* A bad or past time does not matter to one that need not wait. */
	CHECK(mq_timedreceive(queue, text, 4, NULL, &bad) == 1);
	CHECK(mq_setattr(queue, &attr, &old) == 0 && old.mq_flags == 0);
	CHECK(mq_receive(queue, text, 4, NULL) == -1 && errno == EAGAIN);
	CHECK(mq_close(reader) == 0 && mq_close(writer) == 0);
	while (open < MQ_OPEN_MAX && (all[open] = mq_open("/errors", O_RDWR)) >= 0)
		open++;
	CHECK(open == MQ_OPEN_MAX - 1 && errno == EMFILE);
	while (open > 0)
		CHECK(mq_close(all[--open]) == 0);
	CHECK(mq_close(queue) == 0 && mq_unlink("/errors") == 0);
}

static void test_unlinked(void)
{
	mqd_t queue = make("/gone", O_RDWR, 2, 4), other;
	char text[4];

	CHECK(mq_unlink("/gone") == 0);
	CHECK(mq_open("/gone", O_RDWR) == -1 && errno == ENOENT);
	other = make("/gone", O_RDWR, 2, 4);
	CHECK(mq_send(queue, "old", 3, 0) == 0 && mq_send(other, "new", 3, 0) == 0);
	CHECK(mq_receive(queue, text, 4, NULL) == 3 && memcmp(text, "old", 3) == 0);
	CHECK(mq_receive(other, text, 4, NULL) == 3 && memcmp(text, "new", 3) == 0);
	CHECK(mq_close(queue) == 0 && mq_close(other) == 0 && mq_unlink("/gone") == 0);
}

/* --- waiting --- */

static mqd_t waiting;
static sem_t ready;

static void *receives(void *arg)
{
	char text[4];

	(void)arg;
	sem_post(&ready);
	return (void *)(intptr_t)mq_receive(waiting, text, 4, NULL);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void test_waiting(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct timespec time;
	pthread_t thread;
	void *result;
	char text[4];

	waiting = make("/waiting", O_RDWR, 1, 4);
	time = soon(CLOCK_REALTIME, 50);
	CHECK(mq_timedreceive(waiting, text, 4, NULL, &time) == -1 && errno == ETIMEDOUT);
	pthread_create(&thread, NULL, receives, NULL);
	sem_wait(&ready);
	usleep(20000);
	CHECK(mq_send(waiting, "abc", 3, 0) == 0);
	CHECK(pthread_join(thread, &result) == 0 && (intptr_t)result == 3);
	/* A signal ends the wait. */
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, receives, NULL);
	sem_wait(&ready);
	usleep(20000);
	CHECK(pthread_kill(thread, SIGUSR1) == 0);
	CHECK(pthread_join(thread, &result) == 0 && (intptr_t)result == -1);
	/* Cancellation too. */
	pthread_create(&thread, NULL, receives, NULL);
	sem_wait(&ready);
	usleep(20000);
	CHECK(pthread_cancel(thread) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(mq_send(waiting, "abc", 3, 0) == 0);
	time = soon(CLOCK_REALTIME, 50);
	CHECK(mq_timedsend(waiting, "def", 3, 0, &time) == -1 && errno == ETIMEDOUT);
	CHECK(mq_close(waiting) == 0 && mq_unlink("/waiting") == 0);
}

/* --- notification --- */

static volatile int told_value;

static void on_message(union sigval value)
{
	told_value = value.sival_int;
	sem_post(&ready);
}

static void test_notify(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct timespec moment = {.tv_nsec = 50000000};
	mqd_t queue = make("/notify", O_RDWR, 4, 4);
	siginfo_t info;
	char text[4];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	event.sigev_value.sival_int = 5;
	CHECK(mq_notify(queue, &event) == 0);
	CHECK(mq_notify(queue, &event) == -1 && errno == EBUSY);
	CHECK(mq_send(queue, "one", 3, 0) == 0);
	CHECK(sigtimedwait(&set, &info, &moment) == SIGUSR2 && info.si_code == SI_MESGQ &&
	      info.si_value.sival_int == 5 && info.si_pid == getpid());
	/* Once; and only when the queue was empty. */
	CHECK(mq_notify(queue, &event) == 0);
	CHECK(mq_send(queue, "two", 3, 0) == 0);
	CHECK(sigtimedwait(&set, &info, &moment) == -1 && errno == EAGAIN);
	CHECK(mq_notify(queue, NULL) == 0);
	CHECK(mq_receive(queue, text, 4, NULL) == 3 && mq_receive(queue, text, 4, NULL) == 3);
	CHECK(mq_send(queue, "two", 3, 0) == 0);
	CHECK(sigtimedwait(&set, &info, &moment) == -1 && errno == EAGAIN);
	CHECK(mq_receive(queue, text, 4, NULL) == 3);

	event = (struct sigevent){.sigev_notify = SIGEV_THREAD,
				  .sigev_notify_function = on_message};
	event.sigev_value.sival_int = 6;
	CHECK(mq_notify(queue, &event) == 0);
	CHECK(mq_send(queue, "two", 3, 0) == 0);
	CHECK(sem_wait(&ready) == 0 && told_value == 6);
	CHECK(mq_notify(queue, &event) == 0);
	CHECK(mq_close(queue) == 0 && mq_unlink("/notify") == 0);
}

/* --- many --- */

static mqd_t shared;

static void *sends_many(void *arg)
{
	uint32_t message[2] = {(uint32_t)(uintptr_t)arg, 0};
	uintptr_t failed = 0;

	for (message[1] = 1; message[1] <= MESSAGES; message[1]++)
		failed += mq_send(shared, (char *)message, sizeof(message), 0) != 0;
	return (void *)failed;
}

static void *receives_many(void *arg)
{
	static uint32_t last[2][SENDERS];
	uint32_t message[2], *seen = last[(uintptr_t)arg];
	uintptr_t wrong = 0;

	for (int i = 0; i < SENDERS * MESSAGES / 2; i++) {
		if (mq_receive(shared, (char *)message, sizeof(message), NULL) != sizeof(message) ||
		    message[0] >= SENDERS || message[1] <= seen[message[0]])
			wrong++;
		else
			seen[message[0]] = message[1];
	}
	return (void *)wrong;
}

static void test_many(void)
{
	pthread_t senders[SENDERS], receivers[2];
	void *wrong;

	shared = make("/many", O_RDWR, 16, 8);
	for (uintptr_t i = 0; i < SENDERS; i++)
		CHECK(pthread_create(&senders[i], NULL, sends_many, (void *)i) == 0);
	for (uintptr_t i = 0; i < 2; i++)
		CHECK(pthread_create(&receivers[i], NULL, receives_many, (void *)i) == 0);
	for (int i = 0; i < SENDERS; i++)
		CHECK(pthread_join(senders[i], &wrong) == 0 && !wrong);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_join(receivers[i], &wrong) == 0 && !wrong);
	CHECK(mq_close(shared) == 0 && mq_unlink("/many") == 0);
}

int main(void)
{
	sem_init(&ready, 0, 0);
	test_order();
	test_errors();
	test_unlinked();
	test_waiting();
	test_notify();
	test_many();
	return check_done();
}
