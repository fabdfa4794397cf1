/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <aio.h>: asynchronous input and output (POSIX.1-2017). Requests of one descriptor are served in
 * their order by one thread, those of different descriptors by different ones.
 */
#ifndef _AIO_H
#define _AIO_H

#include <fcntl.h>
#include <signal.h>
#include <sys/cdefs.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aiocb {
	int aio_fildes;
	off_t aio_offset;
	volatile void *aio_buf;
	size_t aio_nbytes;
	int aio_reqprio;
	struct sigevent aio_sigevent;
	int aio_lio_opcode;
	/* The library's, while it is in progress and until aio_return(). */
	struct aiocb *__next;
	void *__group;
	int __operation;
	int __error;
	ssize_t __result;
};

/* Data and what describes them are written together. */
#ifndef O_DSYNC
#define O_DSYNC O_SYNC
#endif

#define AIO_ALLDONE     0
#define AIO_CANCELED    1
#define AIO_NOTCANCELED 2

#define LIO_NOP   0
#define LIO_READ  1
#define LIO_WRITE 2

#define LIO_WAIT   0
#define LIO_NOWAIT 1

int aio_cancel(int, struct aiocb *);
int aio_error(const struct aiocb *);
int aio_fsync(int, struct aiocb *);
int aio_read(struct aiocb *);
ssize_t aio_return(struct aiocb *);
int aio_suspend(const struct aiocb *const[], int, const struct timespec *);
int aio_write(struct aiocb *);
int lio_listio(int, struct aiocb *__restrict const[__restrict], int, struct sigevent *__restrict);

#ifdef __cplusplus
}
#endif

#endif
