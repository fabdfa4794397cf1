/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files used by several threads at once: one offset that all read on from, descriptors that are
 * each somebody's, files closed under those who read them, the working directory, a table that
 * grows.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/check.h"

#define THREADS      8
#define RECORDS      2000
#define RECORD_BYTES 8
#define FDS_EACH     60
#define ROUNDS       200

static int shared_fd = -1;
static unsigned char seen[RECORDS], owned[1024];
static unsigned int wrong;

static void note(bool good, int line)
{
	if (good)
		return;
	if (__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED) < 5)
		printf("wrong at line %d, errno %d\n", line, errno);
}
#define NOTE(condition) note(condition, __LINE__)

static void run(void *(*fn)(void *))
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, fn, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(wrong == 0);
}

/* Every record once, whole. */
static void *read_on(void *arg)
{
	char record[RECORD_BYTES + 1] = {0}, half[RECORD_BYTES / 2];
	struct iovec parts[2] = {{record, sizeof(half)}, {half, sizeof(half)}};
	ssize_t bytes;

	for (;;) {
		bool whole = (long)arg % 2;

		bytes = whole ? read(shared_fd, record, RECORD_BYTES) : readv(shared_fd, parts, 2);
		if (bytes <= 0)
			break;
		if (!whole)
			memcpy(record + sizeof(half), half, sizeof(half));
		NOTE(bytes == RECORD_BYTES && record[RECORD_BYTES - 1] == '\n');
		__atomic_fetch_add(&seen[atoi(record) % RECORDS], 1, __ATOMIC_RELAXED);
	}
	NOTE(bytes == 0);
	return NULL;
}

/* pread leaves the offset alone; so do two lseek that cancel each other out. */
static void *read_at(void *arg)
{
	char record[RECORD_BYTES + 1] = {0};

	for (int i = 0; i < ROUNDS; i++) {
		long at = ((long)arg * ROUNDS + i) % RECORDS;

		NOTE(pread(shared_fd, record, RECORD_BYTES, at * RECORD_BYTES) == RECORD_BYTES);
		NOTE(atol(record) == at);
	}
	return NULL;
}

static void *open_many(void *arg)
{
	int fds[FDS_EACH];

	(void)arg;
	for (int round = 0; round < ROUNDS / 10; round++) {
		for (int i = 0; i < FDS_EACH; i++) {
			fds[i] = i % 2 ? dup(fds[i - 1]) : open("/records", O_RDONLY);
			NOTE(fds[i] > 2 && fds[i] < (int)sizeof(owned));
			if (fds[i] > 2)
				NOTE(__atomic_exchange_n(&owned[fds[i]], 1, __ATOMIC_RELAXED) == 0);
		}
		for (int i = 0; i < FDS_EACH; i++) {
			__atomic_store_n(&owned[fds[i]], 0, __ATOMIC_RELAXED);
			NOTE(close(fds[i]) == 0);
		}
	}
	return NULL;
}

/* One opens and closes the file the others read from. */
static void *close_under(void *arg)
{
	char record[RECORD_BYTES];

	for (int i = 0; i < ROUNDS * 5; i++) {
		int fd = __atomic_load_n(&shared_fd, __ATOMIC_RELAXED);

		if (arg == NULL) {
			int opened = open("/records", O_RDONLY);

			NOTE(opened > 2);
			__atomic_store_n(&shared_fd, opened, __ATOMIC_RELAXED);
			if (fd >= 0)
				NOTE(close(fd) == 0);
		} else if (fd >= 0) {
			ssize_t bytes = read(fd, record, sizeof(record));
			struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

			NOTE(bytes == RECORD_BYTES || bytes == 0 || errno == EBADF);
			NOTE(bytes != RECORD_BYTES || record[RECORD_BYTES - 1] == '\n');
			NOTE(poll(&poll_fd, 1, 0) == 1);
		}
	}
	return NULL;
}

static void *walk(void *arg)
{
	char path[64];
	struct stat status;

	for (int i = 0; i < ROUNDS; i++) {
		if ((long)arg < 2)
			NOTE(chdir(i % 2 ? "/a/b" : "/a") == 0);
		NOTE(getcwd(path, sizeof(path)) != NULL &&
		     (strcmp(path, "/") == 0 || strcmp(path, "/a") == 0 ||
		      strcmp(path, "/a/b") == 0));
		NOTE(stat("/a/../a/b/word", &status) == 0 && status.st_size == 5);
		NOTE(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
	}
	return NULL;
}

static void *list(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS / 4; i++) {
		DIR *directory = opendir("/");
		int names = 0;

		NOTE(directory != NULL);
		while (directory && readdir(directory))
			names++;
		NOTE(names == 6); /* . .. a records dev tmp */
		if (directory)
			NOTE(closedir(directory) == 0);
	}
	return NULL;
}

int main(void)
{
	int fd;

	/* The first path is looked up by all at once. */
	run(list);
	shared_fd = open("/records", O_RDONLY);
	run(read_on);
	for (int i = 0; i < RECORDS; i++)
		CHECK(seen[i] == 1);
	CHECK(lseek(shared_fd, 24, SEEK_SET) == 24);
	run(read_at);
	CHECK(lseek(shared_fd, 0, SEEK_CUR) == 24);
	run(open_many);
	run(walk);
	close(shared_fd);
	shared_fd = -1;
	run(close_under);
	close(shared_fd);
	fd = open("/records", O_RDONLY);
	CHECK(fd == 3);
	return check_done();
}
