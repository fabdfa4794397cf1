/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * By io_submit(), the kernel's own asynchronous I/O: the C library's aio_read() has a thread for
 * each file, which does one after the other.
 */
#define _GNU_SOURCE
#include "test/bench/disk.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOKS_MAX 1000

int platform_disk_wait(const char *path)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	for (int i = 0; i < LOOKS_MAX && access(path, F_OK); i++)
		nanosleep(&pause, NULL);
	return access(path, F_OK);
}

int platform_disk_mount(const char *disk, const char *directory)
{
	if (mkdir(directory, 0777) && errno != EEXIST)
		return -1;
	return mount(disk, directory, "ext4", 0, NULL);
}

static struct iocb request(int fd, bool write, char *bytes, uint64_t *seed)
{
	return (struct iocb){
		.aio_data = (uintptr_t)bytes,
		.aio_lio_opcode = write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)bytes,
		.aio_nbytes = DISK_BLOCK,
		.aio_offset = (int64_t)(disk_random_block(seed) * DISK_BLOCK),
	};
}

int platform_disk_async(int fd, bool write, char *bytes, unsigned long count, uint64_t *seed)
{
	struct iocb requests[DISK_DEPTH], *list[DISK_DEPTH];
	struct io_event events[DISK_DEPTH];
	unsigned long given = 0;
	long done = DISK_DEPTH, inflight = 0;
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, DISK_DEPTH, &context))
		return -1;
	for (int i = 0; i < DISK_DEPTH; i++)
		events[i].data = (uintptr_t)(bytes + (size_t)i * DISK_BLOCK);
	do {
		long again = 0;

		/* All that are done are given again by one call, as fio does. */
		for (; again < done && given < count; again++, given++) {
			requests[again] =
				request(fd, write, (char *)(uintptr_t)events[again].data, seed);
			list[again] = &requests[again];
		}
		if (again && syscall(SYS_io_submit, context, again, list) != again)
			return -1;
		inflight += again;
		done = syscall(SYS_io_getevents, context, 1L, inflight, events, NULL);
		for (long i = 0; i < done; i++)
			if (events[i].res != DISK_BLOCK)
				return -1;
		inflight -= done;
	} while (done > 0 && inflight + (long)(count - given) > 0);
	syscall(SYS_io_destroy, context);
	return done < 0 ? -1 : 0;
}
