/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in files: ends, holes, appending by threads, mappings, locks, space, times, aio. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/check.h"
#include "test/guest/files-posix/parts.h"

#define RECORD  100
#define WRITERS 4
#define RECORDS 200

static void holes(void)
{
	static char block[8192];
	struct stat info;
	int fd = open("sparse", O_CREAT | O_RDWR, 0644);

	CHECK(pwrite(fd, "end", 3, 1000000) == 3 && fstat(fd, &info) == 0);
	CHECK(info.st_size == 1000003 && info.st_blocks < 64);
	memset(block, 1, sizeof(block));
	CHECK(pread(fd, block, sizeof(block), 500000) == (ssize_t)sizeof(block));
	for (size_t i = 0; i < sizeof(block); i++)
		if (block[i])
			CHECK(!"a hole reads as zeros");
	CHECK(pread(fd, block, sizeof(block), 1000000) == 3 && memcmp(block, "end", 3) == 0);
	CHECK(ftruncate(fd, 1000001) == 0 && ftruncate(fd, 1000100) == 0);
	CHECK(pread(fd, block, 100, 1000000) == 100 && block[0] == 'e' && block[1] == 0 &&
	      block[2] == 0);
	FAILS(ftruncate(fd, -1), EINVAL);
	FAILS(truncate("nothing", 0), ENOENT);
	FAILS(truncate(".", 0), EISDIR);
	CHECK(truncate("sparse", 10) == 0 && fstat(fd, &info) == 0 && info.st_size == 10);
	CHECK(lseek(fd, 0, SEEK_END) == 10);
	CHECK(posix_fallocate(fd, 0, 100000) == 0 && fstat(fd, &info) == 0);
	CHECK(info.st_size == 100000 && info.st_blocks * 512 >= 100000);
	CHECK(pread(fd, block, 100, 50000) == 100 && block[0] == 0 && block[99] == 0);
	CHECK(posix_fallocate(fd, -1, 10) == EINVAL && posix_fallocate(fd, 0, 0) == EINVAL);
	CHECK(posix_fallocate(-1, 0, 10) == EBADF);
	CHECK(close(fd) == 0 && unlink("sparse") == 0);
}

static void *append_records(void *arg)
{
	char record[RECORD];
	int fd = open("log", O_WRONLY | O_APPEND);

	memset(record, *(char *)arg, sizeof(record));
	for (int i = 0; i < RECORDS; i++)
		CHECK(write(fd, record, sizeof(record)) == RECORD);
	CHECK(close(fd) == 0);
	return NULL;
}

static void appending(void)
{
	static char names[WRITERS] = "abcd";
	pthread_t threads[WRITERS];
	char record[RECORD];
	int counts[WRITERS] = {0}, fd;

	put("log", "");
	for (int i = 0; i < WRITERS; i++)
		CHECK(pthread_create(&threads[i], NULL, append_records, &names[i]) == 0);
	for (int i = 0; i < WRITERS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	fd = open("log", O_RDWR | O_APPEND);
	while (read(fd, record, RECORD) == RECORD) {
		int whole = record[0] >= 'a' && record[0] < 'a' + WRITERS;

		for (int i = 1; i < RECORD; i++)
			whole = whole && record[i] == record[0];
		CHECK(whole);
		if (whole)
			counts[record[0] - 'a']++;
	}
	for (int i = 0; i < WRITERS; i++)
		CHECK(counts[i] == RECORDS);
	/* The flag counts at each write, and pwrite appends too, as on Linux. */
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "z", 1) == 1);
	CHECK(lseek(fd, 0, SEEK_CUR) == WRITERS * RECORDS * RECORD + 1);
	CHECK(fcntl(fd, F_SETFL, 0) == 0 && pwrite(fd, "y", 1, 0) == 1);
	CHECK(pread(fd, record, 1, 0) == 1 && record[0] == 'y');
	CHECK(close(fd) == 0 && unlink("log") == 0);
}

static void vectors(void)
{
	char a[4] = "", b[8] = "";
	struct iovec out[] = {{"abc", 3}, {"", 0}, {"defgh", 5}}, in[] = {{a, 3}, {b, 5}};
	int fd = open("vector", O_CREAT | O_RDWR, 0644);
	volatile int none = -1; /* or the compiler would object */

	CHECK(writev(fd, out, 3) == 8 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(readv(fd, in, 2) == 8 && strcmp(a, "abc") == 0 && strcmp(b, "defgh") == 0);
	CHECK(preadv(fd, in, 2, 4) == 4 && memcmp(a, "efg", 3) == 0);
	CHECK(pwritev(fd, out, 1, 5) == 3);
	FAILS(readv(fd, in, none), EINVAL);
	CHECK(close(fd) == 0 && unlink("vector") == 0);
}

static void mappings(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *shared, *private, *at, byte;
	int fd = open("mapped", O_CREAT | O_RDWR, 0644);

	CHECK(ftruncate(fd, 3 * page) == 0 && pwrite(fd, "one", 3, 0) == 3);
	shared = mmap(NULL, (size_t)(3 * page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED);
	CHECK(memcmp(shared, "one", 3) == 0 && memcmp(private, "one", 3) == 0);
	private[0] = 'P';
	shared[page] = 'S';
	CHECK(msync(shared, (size_t)(3 * page), MS_SYNC) == 0);
	CHECK(pread(fd, &byte, 1, page) == 1 && byte == 'S');
	CHECK(pread(fd, &byte, 1, 0) == 1 && byte == 'o');
	FAILS(msync(shared + 1, 10, MS_SYNC), EINVAL);
	CHECK(munmap(private, (size_t)page) == 0);
	CHECK(mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, 1) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
	CHECK(mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, -1, 0) == MAP_FAILED &&
	      errno == EBADF);
	/* What is mapped lives on without descriptor and name. */
	CHECK(close(fd) == 0 && unlink("mapped") == 0 && shared[page] == 'S');
	CHECK(munmap(shared, (size_t)(3 * page)) == 0);
	at = mmap(NULL, (size_t)(4 * page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	CHECK(at != MAP_FAILED);
	at[0] = at[page] = 'x';
	CHECK(mmap(at + page, (size_t)page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at + page);
	CHECK(at[0] == 'x' && at[page] == 0);
	fd = open("mapped", O_CREAT | O_RDWR, 0644);
	CHECK(write(fd, "file", 4) == 4);
	CHECK(mmap(at + 2 * page, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) ==
	      at + 2 * page);
	CHECK(memcmp(at + 2 * page, "file", 5) == 0 && close(fd) == 0 && unlink("mapped") == 0);
	CHECK(mmap(at + 1, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == MAP_FAILED &&
	      errno == EINVAL);
	CHECK(munmap(at, (size_t)(4 * page)) == 0);
	fd = open("mapped", O_CREAT | O_RDONLY, 0644);
	CHECK(mmap(NULL, (size_t)page, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EACCES);
	CHECK(close(fd) == 0 && unlink("mapped") == 0);
}

static void locks(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 10};
	int fd = open("locked", O_CREAT | O_RDWR, 0644), other;

	CHECK(fcntl(fd, F_SETLK, &lock) == 0);
	/* One process: its own locks are in nobody's way. */
	CHECK(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK);
	other = open("locked", O_RDONLY);
	lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
	FAILS(fcntl(other, F_SETLK, &lock), EBADF);
	lock.l_type = F_RDLCK;
	CHECK(fcntl(other, F_SETLK, &lock) == 0);
	lock.l_type = 77;
	FAILS(fcntl(fd, F_SETLK, &lock), EINVAL);
	/* Of open files: the two are two. */
	CHECK(flock(fd, LOCK_EX) == 0);
	FAILS(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK(flock(fd, LOCK_UN) == 0 && flock(other, LOCK_SH | LOCK_NB) == 0);
	CHECK(flock(fd, LOCK_SH | LOCK_NB) == 0);
	CHECK(close(other) == 0 && close(fd) == 0 && unlink("locked") == 0);
	fd = open("locked", O_CREAT | O_RDWR, 0644);
	other = open("locked", O_RDWR);
	lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 5};
	CHECK(fcntl(fd, F_OFD_SETLK, &lock) == 0);
	lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 4, .l_len = 5};
	FAILS(fcntl(other, F_OFD_SETLK, &lock), EAGAIN);
	lock.l_start = 5;
	CHECK(fcntl(other, F_OFD_SETLK, &lock) == 0);
	CHECK(close(other) == 0 && close(fd) == 0 && unlink("locked") == 0);
}

static void descriptors(void)
{
	int fd = open("dup", O_CREAT | O_RDWR, 0644), copy = dup(fd), third;
	char byte;

	CHECK(write(fd, "abc", 3) == 3 && lseek(copy, 0, SEEK_CUR) == 3);
	third = fcntl(fd, F_DUPFD, 40);
	CHECK(third >= 40 && fcntl(third, F_GETFD) == 0);
	CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(copy, F_GETFD) == 0 && dup2(fd, fd) == fd);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK(close(fd) == 0 && lseek(copy, 0, SEEK_SET) == 0 && read(third, &byte, 1) == 1 &&
	      byte == 'a');
	FAILS(dup2(fd, 50), EBADF);
	FAILS(dup3(copy, copy, 0), EINVAL);
	FAILS(fcntl(fd, F_GETFD), EBADF);
	CHECK(close(copy) == 0 && close(third) == 0 && unlink("dup") == 0);
}

static void times(void)
{
	struct timespec both[2] = {{1000, 5000}, {2000, 7000}};
	struct stat info;
	int fd;

	put("times", "x");
	CHECK(utimensat(AT_FDCWD, "times", both, 0) == 0 && stat("times", &info) == 0);
	CHECK(info.st_atim.tv_sec == 1000 && info.st_mtim.tv_sec == 2000);
	CHECK(strcmp(work_kind, "ext") == 0 || info.st_mtim.tv_nsec == 7000);
	both[0].tv_nsec = UTIME_OMIT;
	both[1].tv_nsec = UTIME_NOW;
	CHECK(utimensat(AT_FDCWD, "times", both, 0) == 0 && stat("times", &info) == 0);
	CHECK(info.st_atim.tv_sec == 1000 && info.st_mtim.tv_sec > 2000);
	fd = open("times", O_WRONLY);
	CHECK(futimens(fd, (struct timespec[]){{3000, 0}, {3000, 0}}) == 0);
	CHECK(fstat(fd, &info) == 0 && info.st_mtim.tv_sec == 3000 && write(fd, "y", 1) == 1);
	CHECK(fstat(fd, &info) == 0 && info.st_mtim.tv_sec > 3000 && close(fd) == 0);
	CHECK(chown("times", 12, 345) == 0 && stat("times", &info) == 0);
	CHECK(info.st_uid == 12 && info.st_gid == 345);
	CHECK(chown("times", (uid_t)-1, 99) == 0 && stat("times", &info) == 0);
	CHECK(info.st_uid == 12 && info.st_gid == 99 && unlink("times") == 0);
	FAILS(utimensat(AT_FDCWD, "times", NULL, 0), ENOENT);
}

static void *read_fifo(void *arg)
{
	char text[8] = "";
	int fd = open("fifo", O_RDONLY);

	(void)arg;
	CHECK(fd >= 0 && read(fd, text, sizeof(text)) == 5 && strcmp(text, "hello") == 0);
	CHECK(read(fd, text, sizeof(text)) == 0 && close(fd) == 0);
	return NULL;
}

static void fifos(void)
{
	pthread_t reader;
	struct stat info;
	int fd;

	CHECK(mkfifo("fifo", 0644) == 0 && stat("fifo", &info) == 0 && S_ISFIFO(info.st_mode));
	FAILS(mkfifo("fifo", 0644), EEXIST);
	FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	/* Whoever comes first; the writer is gone again before the reader looks. */
	for (int i = 0; i < 300; i++) {
		CHECK(pthread_create(&reader, NULL, read_fifo, NULL) == 0);
		for (int k = 0; k < i % 7; k++)
			sched_yield();
		fd = open("fifo", O_WRONLY);
		CHECK(fd >= 0 && write(fd, "hello", 5) == 5 && close(fd) == 0);
		CHECK(pthread_join(reader, NULL) == 0);
	}
	fd = open("fifo", O_RDONLY | O_NONBLOCK);
	CHECK(fd >= 0 && read(fd, &(char){0}, 1) == 0);
	FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
	FAILS(ftruncate(fd, 0), EINVAL);
	CHECK(close(fd) == 0 && unlink("fifo") == 0);
	fd = open("polled", O_CREAT | O_RDWR, 0644);
	CHECK(poll(&(struct pollfd){fd, POLLIN | POLLOUT, 0}, 1, 0) == 1);
	CHECK(close(fd) == 0 && unlink("polled") == 0);
}

static void asynchronous(void)
{
	char back[16] = "";
	int fd = open("aio", O_CREAT | O_RDWR, 0644);
	struct aiocb out = {
		.aio_fildes = fd, .aio_buf = "asynchronous", .aio_nbytes = 12, .aio_offset = 4};
	struct aiocb in = {.aio_fildes = fd, .aio_buf = back, .aio_nbytes = 16, .aio_offset = 4};
	struct aiocb sync = {.aio_fildes = fd};
	const struct aiocb *list[1] = {&out};

	CHECK(aio_write(&out) == 0);
	while (aio_error(&out) == EINPROGRESS)
		CHECK(aio_suspend(list, 1, NULL) == 0);
	CHECK(aio_error(&out) == 0 && aio_return(&out) == 12);
	CHECK(aio_fsync(O_SYNC, &sync) == 0);
	list[0] = &sync;
	while (aio_error(&sync) == EINPROGRESS)
		CHECK(aio_suspend(list, 1, NULL) == 0);
	CHECK(aio_return(&sync) == 0 && aio_read(&in) == 0);
	list[0] = &in;
	while (aio_error(&in) == EINPROGRESS)
		CHECK(aio_suspend(list, 1, NULL) == 0);
	CHECK(aio_return(&in) == 12 && strcmp(back, "asynchronous") == 0);
	CHECK(close(fd) == 0 && unlink("aio") == 0);
}

static void direct(void)
{
	char *block = NULL;
	int fd = open("direct", O_CREAT | O_RDWR | O_DIRECT, 0644);

	/* Where the file system has it. */
	if (fd < 0 && errno == EINVAL)
		return;
	CHECK(fd >= 0 && posix_memalign((void **)&block, 4096, 8192) == 0);
	memset(block, 'd', 8192);
	CHECK(write(fd, block, 8192) == 8192 && pwrite(fd, "tail", 0, 0) == 0);
	memset(block, 0, 8192);
	CHECK(pread(fd, block, 4096, 4096) == 4096 && block[0] == 'd' && block[4095] == 'd');
	CHECK(pread(fd, block, 4096, 8192) == 0);
	CHECK(fdatasync(fd) == 0 && close(fd) == 0);
	fd = open("direct", O_RDONLY);
	CHECK(pread(fd, block, 4096, 100) == 4096 && block[7] == 'd' && close(fd) == 0);
	CHECK(unlink("direct") == 0);
	free(block);
}

static void synced(void)
{
	int fd = open("synced", O_CREAT | O_RDWR | O_SYNC, 0644);

	CHECK(write(fd, "safe", 4) == 4 && fsync(fd) == 0 && fdatasync(fd) == 0 && close(fd) == 0);
	fd = open("synced", O_RDWR | O_DSYNC);
	CHECK(pwrite(fd, "S", 1, 0) == 1 && close(fd) == 0 && holds("synced", "Safe"));
	CHECK(unlink("synced") == 0);
	FAILS(fsync(-1), EBADF);
	sync();
}

void contents(void)
{
	holes();
	appending();
	vectors();
	mappings();
	locks();
	descriptors();
	times();
	fifos();
	asynchronous();
	direct();
	synced();
	main_checks(checks_done, checks_failed);
}
