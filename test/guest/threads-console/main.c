/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that write at once: what one call wrote comes out in one piece, also when the console has
 * no room for it. Threads that read at once: each line goes to one of them, whole. And the program
 * ends while all of them still write, its last line the last.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/check.h"

#define THREADS    8
#define LINES      60
#define LINE_BYTES 700 /* three chunks of the terminal's */
#define INPUT      200

static unsigned char seen[INPUT];
static unsigned int wrong, lines_read;
static bool endless;

static void *write_lines(void *arg)
{
	char line[LINE_BYTES];
	struct iovec parts[3] = {{line, 100}, {line + 100, 500}, {line + 600, LINE_BYTES - 600}};

	memset(line, 'A' + (int)(long)arg, sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < LINES || endless; i++) {
		ssize_t bytes;

		if (i % 3 == 0)
			bytes = writev(STDOUT_FILENO, parts, 3);
		else if (i % 3 == 1)
			bytes = write(STDOUT_FILENO, line, sizeof(line));
		else
			bytes = (ssize_t)fwrite(line, 1, sizeof(line), stdout);
		if (bytes != sizeof(line))
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *read_lines(void *arg)
{
	char line[80];
	ssize_t bytes;

	(void)arg;
	while ((bytes = read(STDIN_FILENO, line, sizeof(line) - 1)) > 0) {
		int number;

		line[bytes] = '\0';
		number = atoi(line + 5);
		if (bytes != 9 || strncmp(line, "line ", 5) != 0 || number >= INPUT)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&seen[number], 1, __ATOMIC_RELAXED);
		if (__atomic_add_fetch(&lines_read, 1, __ATOMIC_RELAXED) >= INPUT)
			break;
	}
	return NULL;
}

static pthread_t threads[THREADS];

static void start(void *(*fn)(void *))
{
	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, fn, (void *)i) == 0);
}

static void join(void)
{
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
	/* One flush is one write. */
	static char buffer[LINE_BYTES];

	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	start(write_lines);
	join();
	CHECK(wrong == 0);
	start(read_lines);
	while (__atomic_load_n(&lines_read, __ATOMIC_RELAXED) < INPUT)
		usleep(10000);
	/* Those who still wait for a line are left to wait: the end does not wait for them. */
	for (int i = 0; i < INPUT; i++)
		CHECK(seen[i] == 1);
	CHECK(wrong == 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (check_done())
		return 1;
	endless = true;
	start(write_lines);
	usleep(100000);
	return 0;
}
