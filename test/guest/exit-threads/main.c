/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What runs at exit may wait for another thread, and that thread may register more; those run
 * first. A place that held an on_exit() function is good for an atexit() function.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MANY 99

static int next = MANY, in_order;

static void one_of_many(int status, void *arg)
{
	in_order += status == 5 && (long)arg == --next;
	if (next == 0)
		printf("%d of %d in their order\n", in_order, MANY);
}

static void plain(void)
{
	puts("registered at exit, by a thread, with 7");
}

static void with_status(int status, void *arg)
{
	/* Here stood we ourselves. */
	if (status == 5 && *(int *)arg == 7 && atexit(plain) == 0)
		return;
	puts("FAIL");
}

static void *register_more(void *arg)
{
	if (on_exit(with_status, arg))
		puts("FAIL");
	return arg;
}

static void wait_for_thread(void)
{
	static int seven = 7;
	pthread_t thread;

	if (pthread_create(&thread, NULL, register_more, &seven) || pthread_join(thread, NULL))
		puts("FAIL");
}

static void gone(void)
{
	puts("the thread is gone");
}

int main(void)
{
	for (long i = 0; i < MANY; i++)
		if (on_exit(one_of_many, (void *)i))
			return 1;
	if (atexit(gone) || atexit(wait_for_thread))
		return 1;
	puts("main");
	return 5;
}
