/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A deliberate deadlock, for the report of all threads: by `xl sysrq`, after which the program goes
 * on until it is told to end, or (argument "quit") by a SIGQUIT nobody handles.
 */
#define _GNU_SOURCE /* pthread_setname_np() */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t fork_left = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t fork_right = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t inherits;
static sem_t never, both;

__attribute__((noinline)) static void lock_second(pthread_mutex_t *mutex)
{
	sem_post(&both);
	pthread_mutex_lock(mutex);
}

static void *plato(void *arg)
{
	pthread_mutex_lock(&fork_left);
	usleep(50000);
	lock_second(&fork_right);
	return arg;
}

static void *socrates(void *arg)
{
	pthread_mutex_lock(&fork_right);
	usleep(50000);
	lock_second(&fork_left);
	return arg;
}

static void *waits(void *arg)
{
	sem_post(&both);
	sem_wait(&never);
	return arg;
}

static void *wants_inherited(void *arg)
{
	sem_post(&both);
	pthread_mutex_lock(&inherits);
	return arg;
}

__attribute__((noinline)) static void compute_for_ever(void)
{
	for (;;)
		__asm__ volatile("pause");
}

static void *computes(void *arg)
{
	sem_post(&both);
	compute_for_ever();
	return arg;
}

static void begin(const char *name, void *(*function)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, NULL))
		exit(2);
	pthread_setname_np(thread, name);
}

int main(int count, char **arguments)
{
	pthread_mutexattr_t attr;
	sigset_t set;
	int signal;

	(void)arguments;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inherits, &attr);
	pthread_mutex_lock(&inherits);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	begin("plato", plato);
	begin("socrates", socrates);
	begin("waits", waits);
	begin("wants", wants_inherited);
	begin("computes", computes);
	for (int i = 0; i < 5; i++)
		sem_wait(&both);
	usleep(100000);
	printf("ready for the report\n");
	if (count > 1)
		kill(getpid(), SIGQUIT);
	sigwait(&set, &signal);
	printf("the program went on\n");
	return 0;
}
