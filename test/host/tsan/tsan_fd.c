/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptor table on several vCPUs at once: a descriptor is one thread's until it closes it,
 * the table grows under those who use it, a file goes when its last reference does, whoever has
 * that.
 *
 * Links: test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/fd.c"
#include "test/host/tsan/tsan.h"

#define VCPUS         4u
#define OPS_PER_ROUND 200000u
#define FDS_MAX       200
#define MARK          0x5eedf11eu

struct file file_console = {.refs = 4};

static unsigned int files_live;
static unsigned char owned[65536];
static unsigned long rounds = 1;

/* What fd.c calls of the kernel. */
void *heap_alloc_zeroed(size_t bytes)
{
	return calloc(1, bytes);
}

void *heap_alloc(size_t bytes)
{
	return malloc(bytes);
}

void heap_free(void *block)
{
	free(block);
}

void sig_hold(void)
{
}

enum sig_result sig_release(void)
{
	return SIG_NONE;
}

void sleeplock_lock(struct sleeplock *lock)
{
	while (!sleeplock_trylock(lock))
		cpu_relax();
}

void sleeplock_unlock(struct sleeplock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

static off_t file_size(struct file *file)
{
	(void)file;
	return 0;
}

static void file_closed(struct file *file)
{
	if (file->data != (void *)(uintptr_t)MARK)
		fail("a file was closed twice");
	file->data = NULL;
	__atomic_fetch_sub(&files_live, 1, __ATOMIC_RELAXED);
}

static const struct file_ops ops = {.size = file_size, .close = file_closed};

static int open_one(int least)
{
	struct file *file = file_create(&ops, O_RDWR);
	int fd;

	file->data = (void *)(uintptr_t)MARK;
	__atomic_fetch_add(&files_live, 1, __ATOMIC_RELAXED);
	fd = fd_install(file, least, false);
	if (fd < least || __atomic_exchange_n(&owned[fd], 1, __ATOMIC_RELAXED))
		fail("a descriptor has two owners");
	return fd;
}

static void close_one(int fd)
{
	__atomic_store_n(&owned[fd], 0, __ATOMIC_RELAXED);
	if (fd_remove(fd))
		fail("a descriptor is gone");
}

/* Somebody's descriptor, perhaps. */
static void use_one(uint64_t *state)
{
	struct file *file = fd_get(3 + (int)(next(state) % (2 * FDS_MAX)));

	if (!file)
		return;
	if (file->data != (void *)(uintptr_t)MARK)
		fail("a file was closed while in use");
	file_lock(file);
	file->offset++;
	file_unlock(file);
	file_set_flags(file, O_APPEND, (int)next(state));
	file_put(file);
}

static void work(unsigned int seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
	int fds[FDS_MAX], count = 0;

	for (unsigned long op = 0; op < rounds * OPS_PER_ROUND; op++) {
		unsigned int kind = (unsigned int)(next(&state) % 8);

		if (kind < 2 && count < FDS_MAX)
			fds[count++] =
				open_one(next(&state) % 64 ? 3 : 3 + (int)(next(&state) % 400));
		else if (kind < 4 && count > 0)
			close_one(fds[--count]);
		else if (kind == 4 && count > 0)
			fd_set_flags(fds[count - 1], FD_CLOEXEC);
		else
			use_one(&state);
	}
	while (count > 0)
		close_one(fds[--count]);
}

int main(int argc, char **argv)
{
	static struct tsan_vcpu vcpus[VCPUS];

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	for (unsigned int id = 1; id < VCPUS; id++)
		tsan_vcpu_start(&vcpus[id], id, work);
	work(VCPUS);
	for (unsigned int id = 1; id < VCPUS; id++)
		tsan_vcpu_join(&vcpus[id]);
	if (files_live)
		fail("a file was never closed");
	for (int fd = 3; fd < 100; fd++)
		if (open_one(0) != fd)
			fail("not the lowest free descriptor");
	printf("%lu operations on %u vCPUs\n", rounds * OPS_PER_ROUND * VCPUS, VCPUS);
	return 0;
}
