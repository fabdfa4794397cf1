/* SPDX-License-Identifier: BSD-2-Clause */
/* newlib's flags, and those of POSIX and Linux it has not. The values are ours. */
#ifndef _SYS_FCNTL_H_
#define _SYS_FCNTL_H_

#include <sys/_default_fcntl.h>

#define O_TTY_INIT 0
#define O_DSYNC    0x02000000
#define O_RSYNC    O_SYNC

/* POSIX wants lseek()'s names here, too. */
#ifndef SEEK_SET
#define SEEK_SET 0
#endif
#ifndef SEEK_CUR
#define SEEK_CUR 1
#endif
#ifndef SEEK_END
#define SEEK_END 2
#endif

#if __POSIX_VISIBLE >= 200112
#define POSIX_FADV_NORMAL     0
#define POSIX_FADV_RANDOM     1
#define POSIX_FADV_SEQUENTIAL 2
#define POSIX_FADV_WILLNEED   3
#define POSIX_FADV_DONTNEED   4
#define POSIX_FADV_NOREUSE    5
#endif

#if __GNU_VISIBLE
#define O_TMPFILE 0x00a00000 /* with O_DIRECTORY in it */
#define O_NOATIME 0x01000000

/* Record locks that belong to the open file, not to the process. */
#define F_OFD_GETLK  36
#define F_OFD_SETLK  37
#define F_OFD_SETLKW 38

#define FALLOC_FL_KEEP_SIZE  1
#define FALLOC_FL_PUNCH_HOLE 2
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if __POSIX_VISIBLE >= 200112
int posix_fallocate(int fd, off_t offset, off_t bytes);
int posix_fadvise(int fd, off_t offset, off_t bytes, int advice);
#endif
#if __GNU_VISIBLE
int fallocate(int fd, int mode, off_t offset, off_t bytes);
#endif

#ifdef __cplusplus
}
#endif

#endif
