/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous input and output on the files there are: the archive, /dev/null, /dev/zero, and the
 * console, whose reads wait.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/check.h"

static const char text[] = "the quick brown fox jumps over the lazy dog\n";

static void wait_for(const struct aiocb *request)
{
	const struct aiocb *const list[] = {NULL, request};

	while (aio_error(request) == EINPROGRESS)
		CHECK(aio_suspend(list, 2, NULL) == 0);
}

static void test_read(int fd)
{
	char bytes[100] = "";
	struct aiocb request = {
		.aio_fildes = fd, .aio_buf = bytes, .aio_nbytes = 5, .aio_offset = 4};

	CHECK(aio_read(&request) == 0);
	wait_for(&request);
	CHECK(aio_error(&request) == 0 && aio_return(&request) == 5);
	CHECK(memcmp(bytes, text + 4, 5) == 0);
	/* The end of the file. */
	request.aio_offset = sizeof(text) - 1;
	CHECK(aio_read(&request) == 0);
	wait_for(&request);
	CHECK(aio_return(&request) == 0);
	/* It cannot be written. */
	CHECK(aio_write(&request) == 0 || errno == EBADF);
	if (aio_error(&request) == EINPROGRESS || aio_error(&request) == 0)
		wait_for(&request);
	CHECK(aio_error(&request) == EBADF && aio_return(&request) == -1);
	request.aio_fildes = 1000;
	CHECK(aio_read(&request) == -1 && errno == EBADF);
	request.aio_fildes = fd;
	request.aio_offset = -1;
	CHECK(aio_read(&request) == -1 && errno == EINVAL);
	CHECK(aio_fsync(12345, &request) == -1 && errno == EINVAL);
	CHECK(aio_fsync(O_SYNC, &request) == 0);
	wait_for(&request);
	CHECK(aio_return(&request) == 0);
}

static void test_signal(int fd)
{
	struct timespec wait = {.tv_sec = 5};
	char bytes[8];
	struct aiocb request = {
		.aio_fildes = fd,
		.aio_buf = bytes,
		.aio_nbytes = 8,
		.aio_sigevent = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1},
	};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	request.aio_sigevent.sigev_value.sival_ptr = &request;
	CHECK(aio_read(&request) == 0);
	CHECK(sigtimedwait(&set, &info, &wait) == SIGUSR1 && info.si_code == SI_ASYNCIO &&
	      info.si_value.sival_ptr == &request);
	CHECK(aio_error(&request) == 0 && aio_return(&request) == 8);
}

static void test_list(int fd)
{
	int null = open("/dev/null", O_WRONLY), zero = open("/dev/zero", O_RDONLY);
	char bytes[3][16];
	struct aiocb a = {.aio_fildes = fd, .aio_buf = bytes[0], .aio_nbytes = 16},
		     b = {.aio_fildes = zero, .aio_buf = bytes[1], .aio_nbytes = 16},
		     c = {.aio_fildes = null, .aio_buf = bytes[2], .aio_nbytes = 16}, d = a;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct aiocb *const list[] = {&a, NULL, &b, &c, &d};
	struct timespec wait = {.tv_sec = 5};
	sigset_t set;

	a.aio_lio_opcode = b.aio_lio_opcode = LIO_READ;
	c.aio_lio_opcode = LIO_WRITE;
	d.aio_lio_opcode = LIO_NOP;
	memset(bytes, 1, sizeof(bytes));
	CHECK(lio_listio(LIO_WAIT, list, 5, NULL) == 0);
	CHECK(aio_return(&a) == 16 && aio_return(&b) == 16 && aio_return(&c) == 16);
	CHECK(memcmp(bytes[0], text, 16) == 0 && bytes[1][15] == 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(lio_listio(LIO_NOWAIT, list, 5, &event) == 0);
	CHECK(sigtimedwait(&set, NULL, &wait) == SIGUSR1);
	CHECK(aio_return(&a) == 16 && aio_return(&b) == 16 && aio_return(&c) == 16);
	c.aio_fildes = 1000;
	CHECK(lio_listio(LIO_WAIT, list, 5, NULL) == -1 && errno == EIO);
	CHECK(aio_error(&c) == EBADF && aio_return(&a) == 16 && aio_return(&b) == 16);
	CHECK(lio_listio(7, list, 5, NULL) == -1 && errno == EINVAL);
	CHECK(lio_listio(LIO_WAIT, list, AIO_LISTIO_MAX + 1, NULL) == -1 && errno == EINVAL);
	close(null);
	close(zero);
}

/* A read of the console waits; what stands behind it can be cancelled. */
static void test_cancel(void)
{
	struct timespec moment = {.tv_nsec = 50000000};
	char bytes[2][8];
	struct aiocb first = {.aio_fildes = 0, .aio_buf = bytes[0], .aio_nbytes = 8},
		     second = first;
	const struct aiocb *const list[] = {&first};

	/* Its input ends at once, and once. */
	CHECK(read(0, bytes, sizeof(bytes)) == 0);
	CHECK(aio_cancel(0, NULL) == AIO_ALLDONE);
	CHECK(aio_read(&first) == 0 && aio_read(&second) == 0);
	CHECK(aio_suspend(list, 1, &moment) == -1 && errno == EAGAIN);
	CHECK(aio_cancel(0, &first) == AIO_NOTCANCELED);
	CHECK(aio_cancel(0, &second) == AIO_CANCELED);
	CHECK(aio_error(&second) == ECANCELED && aio_return(&second) == -1);
	CHECK(aio_error(&first) == EINPROGRESS);
	CHECK(aio_cancel(1000, NULL) == -1 && errno == EBADF);
}

int main(void)
{
	int fd = open("/text", O_RDONLY);

	CHECK(fd >= 0);
	test_read(fd);
	test_signal(fd);
	test_list(fd);
	test_cancel();
	return check_done();
}
