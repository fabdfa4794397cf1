/* SPDX-License-Identifier: BSD-2-Clause */
/* What several parts of a program have of one file: locks, shared mappings, shared memory, and
 * appending threads. Also a mount from the command line. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

#define FAILS(call, error) ((call) == -1 && errno == (error))
#define THREADS            4
#define LINES              300

static int set(int fd, int command, short type, off_t start, off_t bytes)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = bytes};

	return fcntl(fd, command, &lock);
}

/* What is in the way of a lock of fd's own: its type and range in one number. */
static long in_way(int fd, short type, off_t start, off_t bytes)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = bytes};

	if (fcntl(fd, F_OFD_GETLK, &lock))
		return -errno;
	return lock.l_type == F_UNLCK ? 0
				      : lock.l_type * 1000000 + lock.l_start * 1000 + lock.l_len;
}

static int one, two;

static void *wait_for_lock(void *arg)
{
	(void)arg;
	return set(two, F_OFD_SETLKW, F_WRLCK, 0, 10) ? "failed" : NULL;
}

static void on_signal(int signal)
{
	(void)signal;
}

static void *interrupted(void *arg)
{
	(void)arg;
	return FAILS(set(two, F_OFD_SETLKW, F_WRLCK, 0, 10), EINTR) ? NULL : "not interrupted";
}

static void record_locks(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct timespec moment = {0, 20000000};
	pthread_t thread;
	void *said;

	one = open("/tmp/locks", O_RDWR | O_CREAT, 0600);
	two = open("/tmp/locks", O_RDWR);
	/* The process's own replace each other. */
	CHECK(set(one, F_SETLK, F_WRLCK, 0, 100) == 0 && set(two, F_SETLK, F_RDLCK, 20, 10) == 0);
	CHECK(in_way(two, F_WRLCK, 0, 0) == F_WRLCK * 1000000 + 20 &&
	      in_way(two, F_WRLCK, 20, 1) == F_RDLCK * 1000000 + 20 * 1000 + 10 &&
	      in_way(two, F_RDLCK, 20, 10) == 0 && in_way(two, F_WRLCK, 100, 0) == 0);
	CHECK(FAILS(set(two, F_OFD_SETLK, F_WRLCK, 99, 1), EAGAIN) &&
	      set(two, F_OFD_SETLK, F_RDLCK, 20, 5) == 0 && set(one, F_SETLK, F_UNLCK, 0, 0) == 0);
	CHECK(FAILS(set(one, F_SETLK, F_WRLCK, 24, 1), EAGAIN) &&
	      set(one, F_SETLK, F_RDLCK, 24, 1) == 0 && set(one, F_SETLK, F_WRLCK, 25, 1) == 0 &&
	      set(one, F_SETLK, F_UNLCK, 0, 0) == 0 && set(two, F_OFD_SETLK, F_UNLCK, 0, 0) == 0);
	/* Neighbours are joined, a hole in the middle makes two. */
	CHECK(set(one, F_OFD_SETLK, F_WRLCK, 0, 10) == 0 &&
	      set(one, F_OFD_SETLK, F_WRLCK, 10, 10) == 0 &&
	      in_way(two, F_RDLCK, 0, 0) == F_WRLCK * 1000000 + 20 &&
	      set(one, F_OFD_SETLK, F_UNLCK, 5, 5) == 0 && in_way(two, F_RDLCK, 5, 5) == 0 &&
	      in_way(two, F_RDLCK, 6, 0) == F_WRLCK * 1000000 + 10 * 1000 + 10);
	CHECK(FAILS(set(one, F_SETLK, 77, 0, 0), EINVAL) &&
	      FAILS(set(one, F_SETLK, F_WRLCK, -1, 1), EINVAL) &&
	      FAILS(set(99, F_SETLK, F_WRLCK, 0, 1), EBADF));
	/* Who waits gets it when it goes, here with the open file. */
	CHECK(pthread_create(&thread, NULL, wait_for_lock, NULL) == 0 &&
	      nanosleep(&moment, NULL) == 0 && close(one) == 0 &&
	      pthread_join(thread, &said) == 0 && !said);
	one = open("/tmp/locks", O_RDWR);
	CHECK(in_way(one, F_RDLCK, 0, 0) == F_WRLCK * 1000000 + 10);
	CHECK(set(two, F_OFD_SETLK, F_UNLCK, 0, 0) == 0 &&
	      set(one, F_OFD_SETLK, F_WRLCK, 0, 1) == 0);
	sigaction(SIGUSR1, &action, NULL);
	CHECK(pthread_create(&thread, NULL, interrupted, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		nanosleep(&moment, NULL);
		pthread_kill(thread, SIGUSR1);
	}
	CHECK(pthread_join(thread, &said) == 0 && !said);
	CHECK(FAILS(lockf(one, F_TEST, 0), EAGAIN) && set(one, F_OFD_SETLK, F_UNLCK, 0, 0) == 0 &&
	      lockf(one, F_TEST, 0) == 0 && close(one) == 0);
	one = open("/tmp/locks", O_RDONLY);
	CHECK(FAILS(set(one, F_SETLK, F_WRLCK, 0, 1), EBADF) &&
	      set(one, F_SETLK, F_RDLCK, 0, 1) == 0);
	/* The first descriptor that is closed takes the process's locks along. */
	CHECK(close(dup(one)) == 0 && in_way(two, F_WRLCK, 0, 0) == 0 && close(one) == 0);
}

static void whole_files(void)
{
	one = open("/tmp/locks", O_RDONLY);
	CHECK(flock(one, LOCK_SH) == 0 && flock(two, LOCK_SH) == 0 &&
	      FAILS(flock(one, LOCK_EX | LOCK_NB), EWOULDBLOCK));
	CHECK(flock(two, LOCK_UN) == 0 && flock(one, LOCK_EX | LOCK_NB) == 0 &&
	      FAILS(flock(two, LOCK_SH | LOCK_NB), EWOULDBLOCK) && FAILS(flock(two, 99), EINVAL));
	CHECK(close(one) == 0 && flock(two, LOCK_EX | LOCK_NB) == 0 && close(two) == 0 &&
	      unlink("/tmp/locks") == 0);
}

static void mappings(void)
{
	int fd = open("/tmp/map", O_RDWR | O_CREAT, 0600);
	char text[16], *first, *second, *own;

	CHECK(ftruncate(fd, 8192) == 0 && pwrite(fd, "before", 6, 4096) == 6);
	first = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	second = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(first != MAP_FAILED && second != MAP_FAILED && own != MAP_FAILED &&
	      strcmp(second, "before") == 0);
	memcpy(first + 4096, "mapped", 6);
	CHECK(strcmp(second, "mapped") == 0 && pread(fd, text, 6, 4096) == 6 &&
	      memcmp(text, "mapped", 6) == 0 && strcmp(own + 4096, "before") == 0);
	CHECK(pwrite(fd, "written", 7, 4096) == 7 && strcmp(second, "written") == 0);
	memcpy(own, "private", 8);
	CHECK(first[0] == 0 && msync(first, 8192, MS_SYNC) == 0 &&
	      FAILS(msync(first + 1, 1, MS_SYNC), EINVAL));
	/* The file's name and descriptor may go; the mapping stays. */
	CHECK(close(fd) == 0 && unlink("/tmp/map") == 0 && strcmp(second, "written") == 0);
	CHECK(mprotect(first, 4096, PROT_READ) == 0 && munmap(first, 8192) == 0 &&
	      munmap(second, 4096) == 0 && munmap(own, 8192) == 0);
	fd = open("/text", O_RDONLY);
	first = mmap(NULL, 20, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(first != MAP_FAILED && memcmp(first, "text of", 7) == 0 &&
	      FAILS(mprotect(first, 20, PROT_READ | PROT_WRITE), EACCES) && munmap(first, 20) == 0);
	CHECK(mmap(NULL, 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EACCES && close(fd) == 0);
}

static sigjmp_buf beyond;

static void on_bus(int signal, siginfo_t *info, void *context)
{
	(void)context;
	siglongjmp(beyond, signal == SIGBUS && info->si_code == BUS_ADRERR ? 1 : 2);
}

/* What a file that was cut no longer has is a bus error to touch; what is forbidden is not. */
static void beyond_the_end(void)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	int fd = open("/tmp/short", O_RDWR | O_CREAT, 0600);
	char *map;

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	CHECK(ftruncate(fd, 100) == 0);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && map[99] == 0 && map[4095] == 0);
	switch (sigsetjmp(beyond, 1)) {
	case 0:
		map[4096] = 1;
		CHECK(!"no fault");
		break;
	case 1:
		CHECK(1);
		break;
	default:
		CHECK(!"another signal");
	}
	CHECK(mprotect(map, 4096, PROT_NONE) == 0);
	switch (sigsetjmp(beyond, 1)) {
	case 0:
		map[0] = 1;
		CHECK(!"no fault");
		break;
	case 2:
		CHECK(1);
		break;
	default:
		CHECK(!"another signal");
	}
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	CHECK(munmap(map, 8192) == 0 && close(fd) == 0 && unlink("/tmp/short") == 0);
}

static void shared_memory(void)
{
	int fd = shm_open("/object", O_RDWR | O_CREAT | O_EXCL, 0600), again;
	struct stat status;
	int *numbers, *same;

	CHECK(fd >= 0 && FAILS(shm_open("/object", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST) &&
	      FAILS(shm_open("/none", O_RDWR, 0), ENOENT) &&
	      FAILS(shm_open("/a/b", O_RDWR | O_CREAT, 0600), EINVAL));
	CHECK(ftruncate(fd, 10000) == 0 && fstat(fd, &status) == 0 && status.st_size == 10000);
	again = shm_open("/object", O_RDONLY, 0);
	numbers = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	same = mmap(NULL, 10000, PROT_READ, MAP_SHARED, again, 0);
	CHECK(numbers != MAP_FAILED && same != MAP_FAILED && close(fd) == 0 && close(again) == 0);
	numbers[2000] = 77;
	CHECK(same[2000] == 77 && shm_unlink("/object") == 0 &&
	      FAILS(shm_unlink("/object"), ENOENT));
	numbers[2001] = 78;
	CHECK(same[2001] == 78 && munmap(numbers, 10000) == 0 && munmap(same, 10000) == 0);
	fd = open("/dev/shm", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && close(fd) == 0);
}

static void *append_lines(void *arg)
{
	char line[64];
	int fd = open("/tmp/log", O_WRONLY | O_APPEND), bytes;

	for (int i = 0; i < LINES; i++) {
		bytes = snprintf(line, sizeof(line), "%ld %d\n", (long)(intptr_t)arg, i);
		if (write(fd, line, (size_t)bytes) != bytes)
			return "short";
	}
	return close(fd) ? "close" : NULL;
}

/* No line is lost or torn, and each thread's are in order. */
static void appending(void)
{
	pthread_t threads[THREADS];
	int next[THREADS] = {0}, wrong = 0, who, number, total = 0;
	void *said;
	FILE *log;

	CHECK(close(open("/tmp/log", O_WRONLY | O_CREAT, 0600)) == 0);
	for (intptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, append_lines, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], &said) == 0 && !said);
	log = fopen("/tmp/log", "r");
	while (log && fscanf(log, "%d %d", &who, &number) == 2) {
		wrong += who < 0 || who >= THREADS || number != next[who]++;
		total++;
	}
	CHECK(log && wrong == 0 && total == THREADS * LINES && fclose(log) == 0 &&
	      unlink("/tmp/log") == 0);
}

static void *churn(void *arg)
{
	char name[32], other[32];
	long wrong = 0;

	snprintf(name, sizeof(name), "/tmp/n%d", (int)(intptr_t)arg);
	snprintf(other, sizeof(other), "/tmp/n%d", ((int)(intptr_t)arg + 1) % THREADS);
	for (int i = 0; i < 300; i++) {
		struct stat status;
		int fd = open(name, O_RDWR | O_CREAT, 0600);

		wrong += fd < 0 || write(fd, "x", 1) != 1 || close(fd) != 0;
		/* Others rename and remove what is ours: it is there or not. */
		wrong += rename(name, other) && errno != ENOENT;
		wrong += stat(other, &status) && errno != ENOENT;
		wrong += unlink(other) && errno != ENOENT;
	}
	return (void *)wrong;
}

static void names(void)
{
	pthread_t threads[THREADS];
	struct statvfs info;
	void *wrong;

	for (intptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, churn, (void *)i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], &wrong) == 0 && !wrong);
	/* The root is a ramdisk; the command line has put a tmpfs of 1 MiB there. */
	CHECK(statvfs("/data", &info) == 0 && info.f_blocks == 256 && !(info.f_flag & ST_RDONLY) &&
	      close(open("/data/x", O_RDWR | O_CREAT, 0600)) == 0);
	CHECK(FAILS(open("/x", O_RDWR | O_CREAT, 0600), EROFS) && FAILS(rmdir("/data"), EBUSY));
}

int main(void)
{
	record_locks();
	whole_files();
	mappings();
	beyond_the_end();
	shared_memory();
	appending();
	names();
	return check_done();
}
