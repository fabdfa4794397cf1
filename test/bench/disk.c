/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks and files, in ticks a request or call. `disk raw`: /dev/xvda past all caches (O_DIRECT);
 * depth 32 twice, by 32 threads that read and write, and by one thread with the guest's own
 * interface for it. `disk files`: files on the ext4 of /dev/xvdb.
 */
#define _GNU_SOURCE
#include "test/bench/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB         (1UL << 20)
#define SPAN_BYTES  (16 * MIB) /* of the disk that is used */
#define SINGLE      250        /* requests of a sample, one after the other */
#define DEPTH       DISK_DEPTH
#define MANY        (32 * DEPTH) /* requests of a sample with DEPTH at once */
#define FILES       50           /* made by a sample */
#define FILE_BLOCKS 64           /* of the file that is read from memory */
#define CALLS       1000
#define DIRECTORY   "/mnt/dir"

_Noreturn static void give_up(const char *what)
{
	printf("bench-error disk %s: %s\n", what, strerror(errno));
	platform_end(1);
}

/* --- the disk itself --- */

struct raw {
	int fd;
	bool write;
	char *bytes;
	uint64_t seed;
};

uint64_t disk_random_block(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (*seed >> 33) % (SPAN_BYTES / DISK_BLOCK);
}

static void move(const struct raw *raw, size_t bytes, uint64_t offset)
{
	ssize_t moved = raw->write ? pwrite(raw->fd, raw->bytes, bytes, (off_t)offset)
				   : pread(raw->fd, raw->bytes, bytes, (off_t)offset);

	if (moved != (ssize_t)bytes)
		give_up(raw->write ? "write" : "read");
}

static double sample_sequential(void *arg)
{
	const struct raw *raw = arg;
	uint64_t begin = bench_ticks();

	for (uint64_t offset = 0; offset < SPAN_BYTES; offset += MIB)
		move(raw, MIB, offset);
	return bench_per_call(begin, bench_ticks(), SPAN_BYTES / MIB);
}

static double sample_single(void *arg)
{
	struct raw *raw = arg;
	uint64_t begin = bench_ticks();

	for (int i = 0; i < SINGLE; i++)
		move(raw, DISK_BLOCK, disk_random_block(&raw->seed) * DISK_BLOCK);
	return bench_per_call(begin, bench_ticks(), SINGLE);
}

static void *move_many(void *arg)
{
	struct raw *raw = arg;

	for (int i = 0; i < MANY / DEPTH; i++)
		move(raw, DISK_BLOCK, disk_random_block(&raw->seed) * DISK_BLOCK);
	return NULL;
}

static double sample_threads(void *arg)
{
	struct raw *raw = arg, each[DEPTH];
	uint64_t begin = bench_ticks();
	pthread_t threads[DEPTH];

	for (size_t i = 0; i < DEPTH; i++) {
		each[i] = (struct raw){raw->fd, raw->write, raw->bytes + i * DISK_BLOCK,
				       raw->seed + i};
		if (pthread_create(&threads[i], NULL, move_many, &each[i]))
			give_up("thread");
	}
	for (int i = 0; i < DEPTH; i++)
		pthread_join(threads[i], NULL);
	return bench_per_call(begin, bench_ticks(), MANY);
}

static double sample_async(void *arg)
{
	struct raw *raw = arg;
	uint64_t begin = bench_ticks();

	if (platform_disk_async(raw->fd, raw->write, raw->bytes, MANY, &raw->seed))
		give_up("asynchronous");
	return bench_per_call(begin, bench_ticks(), MANY);
}

static void report_raw(void)
{
	static struct raw raw = {.seed = 1};

	if (platform_disk_wait("/dev/xvda"))
		give_up("/dev/xvda");
	raw.fd = open("/dev/xvda", O_RDWR | O_DIRECT);
	if (raw.fd < 0 || posix_memalign((void **)&raw.bytes, DISK_BLOCK, MIB))
		give_up("/dev/xvda");
	memset(raw.bytes, 1, MIB);
	for (int write = 0; write < 2; write++) {
		raw.write = write;
		bench_report(write ? "seq_write" : "seq_read", sample_sequential, &raw);
		bench_report(write ? "single_write" : "single_read", sample_single, &raw);
		bench_report(write ? "async_write" : "async_read", sample_async, &raw);
		bench_report(write ? "threads_write" : "threads_read", sample_threads, &raw);
	}
}

/* --- files --- */

static char block[DISK_BLOCK];

static double sample_create(void *arg)
{
	int *number = arg;
	uint64_t begin = bench_ticks();
	char path[64];

	for (int i = 0; i < FILES; i++) {
		int fd;

		snprintf(path, sizeof(path), DIRECTORY "/file-%05d", (*number)++);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
		if (fd < 0 || write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) ||
		    fsync(fd) || close(fd))
			give_up(path);
	}
	return bench_per_call(begin, bench_ticks(), FILES);
}

static double sample_cached(void *arg)
{
	const int *fd = arg;
	uint64_t begin = bench_ticks();

	for (int i = 0; i < CALLS; i++) {
		if (i % FILE_BLOCKS == 0 && lseek(*fd, 0, SEEK_SET))
			give_up("lseek");
		if (read(*fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			give_up("read");
	}
	return bench_per_call(begin, bench_ticks(), CALLS);
}

static double sample_open(void *arg)
{
	const char *path = arg;
	uint64_t begin = bench_ticks();

	for (int i = 0; i < CALLS; i++)
		if (close(open(path, O_RDONLY)))
			give_up(path);
	return bench_per_call(begin, bench_ticks(), CALLS);
}

static void report_files(void)
{
	static char path[] = DIRECTORY "/cached";
	int number = 0, fd;

	if (platform_disk_wait("/dev/xvdb") || platform_disk_mount("/dev/xvdb", "/mnt"))
		give_up("/dev/xvdb");
	if (mkdir(DIRECTORY, 0777) && errno != EEXIST)
		give_up(DIRECTORY);
	fd = open(path, O_RDWR | O_CREAT, 0666);
	if (fd < 0)
		give_up(path);
	for (int i = 0; i < FILE_BLOCKS; i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			give_up(path);
	if (fsync(fd))
		give_up(path);
	bench_report("create", sample_create, &number);
	bench_report("cached", sample_cached, &fd);
	bench_report("open_close", sample_open, path);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	platform_devices();
	bench_report("ruler", bench_sample_ruler, NULL);
	if (argc > 1 && strcmp(argv[argc - 1], "raw") == 0)
		report_raw();
	else
		report_files();
	printf("bench end\n");
	platform_end(0);
}
