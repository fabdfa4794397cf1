/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pthread_exit() in the first thread lets the others run on, who can even join it; the end of the
 * last one is the end of the program, with status 0 and all that exit() does. A thread that reads
 * a stream for ever does not hold that up.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_t first;
static pthread_key_t key;

static void destroy(void *value)
{
	puts(value);
}

static void at_exit(void)
{
	puts("at exit");
}

static void *outlive(void *arg)
{
	void *result = NULL;

	if (pthread_join(first, &result) || result != &first)
		puts("FAIL: joining the first thread");
	usleep(10000);
	/* Not flushed by itself: exit() does it. */
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	puts("a thread prints");
	return arg;
}

static ssize_t read_for_ever(void *cookie, char *bytes, size_t count)
{
	(void)cookie;
	(void)bytes;
	for (;;)
		sleep(count ? 1000 : 1);
	return 0;
}

static void *read_stream(void *stream)
{
	pthread_detach(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	getc(stream);
	return NULL;
}

static void *end_program(void *arg)
{
	pthread_t reader, other;
	FILE *stream = fopencookie(NULL, "r", (cookie_io_functions_t){.read = read_for_ever});

	if (!stream || pthread_create(&reader, NULL, read_stream, stream) ||
	    pthread_create(&other, NULL, outlive, NULL) || pthread_join(other, NULL))
		puts("FAIL: cannot make threads");
	/* The reader never ends. */
	exit(0);
	return arg;
}

int main(void)
{
	pthread_t thread;

	first = pthread_self();
	atexit(at_exit);
	pthread_key_create(&key, destroy);
	pthread_setspecific(key, "destroyed");
	puts("the first thread ends");
	if (pthread_create(&thread, NULL, end_program, NULL))
		puts("FAIL: cannot make a thread");
	pthread_exit(&first);
}
