/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 10,000 threads in 1 GiB, then as many more as there is memory for, and one too many: an error.
 * When all are joined the memory is back, and it all works once more.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "test/guest/check.h"

#define WANTED 10000
#define MOST   40000
/* Of the free memory: page tables and records of areas stay with the kernel. */
#define LOST_PERCENT 2

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int is_open, arrived;
static pthread_t threads[MOST];

static void *wait_at_gate(void *arg)
{
	char on_stack[8192];

	memset(on_stack, 1, sizeof(on_stack));
	pthread_mutex_lock(&gate);
	arrived += on_stack[17];
	while (!is_open)
		pthread_cond_wait(&opened, &gate);
	pthread_mutex_unlock(&gate);
	return arg;
}

static unsigned long free_bytes(void)
{
	struct sysinfo info;

	sysinfo(&info);
	return info.freeram * info.mem_unit;
}

static int create_all(void)
{
	int count = 0, error = 0;

	is_open = arrived = 0;
	while (count < MOST && error == 0) {
		error = pthread_create(&threads[count], NULL, wait_at_gate,
				       (void *)(long)(count + 1));
		count += error == 0;
		if (count == WANTED)
			printf("%d threads\n", count);
	}
	CHECK(error == EAGAIN);
	/* And again: what failed has left nothing behind. */
	for (int i = 0; i < 100; i++)
		CHECK(pthread_create(&threads[MOST - 1], NULL, wait_at_gate, NULL) == EAGAIN);
	return count;
}

static void join_all(int count)
{
	int wrong = 0;

	pthread_mutex_lock(&gate);
	is_open = 1;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&gate);
	for (int i = 0; i < count; i++) {
		void *result = NULL;

		wrong += pthread_join(threads[i], &result) != 0 || result != (void *)(long)(i + 1);
	}
	CHECK(wrong == 0 && arrived == count);
}

int main(void)
{
	unsigned long before = free_bytes(), after, again;
	int count = create_all(), second;

	CHECK(count >= WANTED);
	join_all(count);
	after = free_bytes();
	CHECK(after >= before - before / 100 * LOST_PERCENT);
	second = create_all();
	CHECK(second >= count - count / 100);
	join_all(second);
	again = free_bytes();
	CHECK(again >= after - after / 100 * LOST_PERCENT);
	printf("%d and %d threads; free KiB: %lu, %lu, %lu\n", count, second, before / 1024,
	       after / 1024, again / 1024);
	return check_done();
}
