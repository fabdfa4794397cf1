/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes and FIFOs: atomic writes of several threads, both ends waiting, poll, SIGPIPE. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/guest/check.h"

#define FAILS(call, error) ((call) == -1 && errno == (error))
#define WRITERS            4
#define RECORDS            500
#define RECORD_BYTES       700

static int signals;
static int ends[2];

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

static short events_of(int fd, short events)
{
	struct pollfd one = {.fd = fd, .events = events};

	return poll(&one, 1, 0) < 0 ? -1 : one.revents;
}

static void alone(void)
{
	static char bytes[70000];
	struct stat status;
	int count;

	CHECK(pipe2(ends, O_NONBLOCK) == 0 && fstat(ends[0], &status) == 0 &&
	      S_ISFIFO(status.st_mode) && FAILS(lseek(ends[0], 0, SEEK_CUR), ESPIPE));
	CHECK(FAILS(read(ends[0], bytes, 1), EAGAIN) && FAILS(read(ends[1], bytes, 1), EBADF) &&
	      FAILS(write(ends[0], bytes, 1), EBADF) && FAILS(pread(ends[0], bytes, 1, 0), ESPIPE));
	CHECK(events_of(ends[0], POLLIN) == 0 && events_of(ends[1], POLLOUT) == POLLOUT);
	CHECK(write(ends[1], "hello", 5) == 5 && ioctl(ends[0], FIONREAD, &count) == 0 &&
	      count == 5 && events_of(ends[0], POLLIN) == POLLIN);
	CHECK(read(ends[0], bytes, 2) == 2 && read(ends[0], bytes + 2, 100) == 3 &&
	      memcmp(bytes, "hello", 5) == 0);
	/* Full: what is short is refused whole, what is long is taken in part. */
	CHECK(write(ends[1], bytes, 65000) == 65000 && FAILS(write(ends[1], bytes, 600), EAGAIN) &&
	      write(ends[1], bytes, 5000) == 536 && FAILS(write(ends[1], bytes, 1), EAGAIN));
	CHECK(events_of(ends[1], POLLOUT) == 0 && read(ends[0], bytes, 70000) == 65536);
	/* The reader is gone. */
	signal(SIGPIPE, on_signal);
	CHECK(close(ends[0]) == 0 && FAILS(write(ends[1], "x", 1), EPIPE) && signals == 1 &&
	      (events_of(ends[1], POLLOUT) & POLLERR));
	signal(SIGPIPE, SIG_IGN);
	CHECK(FAILS(write(ends[1], "x", 1), EPIPE) && signals == 1 && close(ends[1]) == 0);
	/* The writer is gone: what it wrote, then the end. */
	CHECK(pipe(ends) == 0 && write(ends[1], "bye", 3) == 3 && close(ends[1]) == 0);
	CHECK(events_of(ends[0], POLLIN) == (POLLIN | POLLHUP) && read(ends[0], bytes, 9) == 3 &&
	      read(ends[0], bytes, 9) == 0 && events_of(ends[0], POLLIN) == POLLHUP &&
	      close(ends[0]) == 0);
	CHECK(FAILS(pipe2(ends, O_APPEND), EINVAL));
}

static void *write_records(void *arg)
{
	char record[RECORD_BYTES];

	memset(record, 'a' + (int)(intptr_t)arg, sizeof(record));
	for (int i = 0; i < RECORDS; i++)
		if (write(ends[1], record, sizeof(record)) != sizeof(record))
			return "short";
	return NULL;
}

/* Records of up to PIPE_BUF bytes come whole, whoever else writes. */
static void together(void)
{
	pthread_t writers[WRITERS];
	char record[RECORD_BYTES];
	int torn = 0, records = 0, counts[WRITERS] = {0};
	void *said;

	CHECK(pipe(ends) == 0);
	for (intptr_t i = 0; i < WRITERS; i++)
		CHECK(pthread_create(&writers[i], NULL, write_records, (void *)i) == 0);
	for (; records < WRITERS * RECORDS; records++) {
		size_t got = 0;

		while (got < sizeof(record)) {
			ssize_t more = read(ends[0], record + got, sizeof(record) - got);

			if (more <= 0)
				break;
			got += (size_t)more;
		}
		for (size_t i = 1; i < sizeof(record); i++)
			torn += record[i] != record[0];
		counts[record[0] - 'a']++;
	}
	for (int i = 0; i < WRITERS; i++)
		CHECK(pthread_join(writers[i], &said) == 0 && !said && counts[i] == RECORDS);
	CHECK(torn == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void *read_all(void *arg)
{
	static char bytes[3000];
	long total = 0;
	ssize_t got;

	while ((got = read(*(int *)arg, bytes, sizeof(bytes))) > 0)
		total += got;
	return (void *)total;
}

/* More than there is room for, to somebody who reads slowly. */
static void flowing(void)
{
	static char bytes[300000];
	pthread_t reader;
	void *total;

	CHECK(pipe(ends) == 0);
	CHECK(pthread_create(&reader, NULL, read_all, &ends[0]) == 0);
	CHECK(write(ends[1], bytes, sizeof(bytes)) == sizeof(bytes) && close(ends[1]) == 0);
	CHECK(pthread_join(reader, &total) == 0 && (long)total == sizeof(bytes) &&
	      close(ends[0]) == 0);
}

static void *open_writer(void *arg)
{
	int fd = open(arg, O_WRONLY);

	if (fd < 0 || write(fd, "fifo", 4) != 4 || close(fd))
		return "failed";
	return NULL;
}

static void *interrupted(void *arg)
{
	return FAILS(open(arg, O_RDONLY), EINTR) ? NULL : "not interrupted";
}

static void fifos(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct timespec moment = {0, 20000000};
	pthread_t thread;
	char text[8] = "";
	struct stat status;
	int fd, other;
	void *said;

	CHECK(mkfifo("/tmp/fifo", 0600) == 0 && FAILS(mkfifo("/tmp/fifo", 0600), EEXIST) &&
	      stat("/tmp/fifo", &status) == 0 && S_ISFIFO(status.st_mode));
	CHECK(FAILS(open("/tmp/fifo", O_WRONLY | O_NONBLOCK), ENXIO));
	CHECK(pthread_create(&thread, NULL, open_writer, "/tmp/fifo") == 0);
	fd = open("/tmp/fifo", O_RDONLY);
	CHECK(fd >= 0 && read(fd, text, 8) == 4 && strcmp(text, "fifo") == 0 &&
	      read(fd, text, 8) == 0 && pthread_join(thread, &said) == 0 && !said &&
	      close(fd) == 0);
	fd = open("/tmp/fifo", O_RDONLY | O_NONBLOCK);
	CHECK(fd >= 0 && read(fd, text, 1) == 0 && events_of(fd, POLLIN) == 0);
	other = open("/tmp/fifo", O_WRONLY | O_NONBLOCK);
	CHECK(other >= 0 && FAILS(read(fd, text, 1), EAGAIN) && write(other, "x", 1) == 1 &&
	      events_of(fd, POLLIN) == POLLIN && close(other) == 0 && read(fd, text, 8) == 1 &&
	      events_of(fd, POLLIN) == POLLHUP && close(fd) == 0);
	fd = open("/tmp/fifo", O_RDWR);
	CHECK(fd >= 0 && write(fd, "self", 4) == 4 && read(fd, text, 8) == 4 && close(fd) == 0);
	sigaction(SIGUSR1, &action, NULL);
	CHECK(pthread_create(&thread, NULL, interrupted, "/tmp/fifo") == 0);
	signals = 0;
	while (signals == 0) {
		nanosleep(&moment, NULL);
		pthread_kill(thread, SIGUSR1);
	}
	CHECK(pthread_join(thread, &said) == 0 && !said && unlink("/tmp/fifo") == 0);
}

int main(void)
{
	alone();
	together();
	flowing();
	fifos();
	return check_done();
}
